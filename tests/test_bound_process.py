"""What a killed test run has started is gone with it, children included."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys

import pytest

STARTS = """
import subprocess, sys
from tests.bound_process import bound
child = subprocess.Popen(
    bound(["sh", "-c", "echo $$; sleep 600 & echo $!; wait"]),
    stdin=subprocess.PIPE,
    start_new_session=True,
)
child.wait()
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_it_ends_with_its_starter(how: signal.Signals) -> None:
    starter = subprocess.Popen([sys.executable, "-c", STARTS], stdout=subprocess.PIPE, text=True)
    assert starter.stdout is not None
    with starter.stdout as said:
        started = [os.pidfd_open(int(said.readline())) for _ in range(2)]
        starter.send_signal(how)
        starter.wait()
        for process in started:
            ended, _, _ = select.select([process], [], [], 20)
            os.close(process)
            assert ended, "it is still there"
