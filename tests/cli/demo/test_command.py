"""`sidelane demo` from outside: its account, its exit codes, and that it leaves no process behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.demo.services import CONVERSATIONS

SIDELANE = Path(sys.executable).with_name("sidelane")
ACCOUNT = re.compile(
    r"account accepted=(\d+) delivered=(\d+) waiting=(\d+) dead=(\d+) duplicates=(\d+) lost=(\d+)"
)


def start(*options: str | Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [SIDELANE, "demo", *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def play(*options: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([SIDELANE, "demo", *options], capture_output=True, text=True, check=False)


def using(folder: Path) -> Iterator[str]:
    """The command lines of the processes that were told of `folder`, by argument or environment."""
    for process in Path("/proc").glob("[0-9]*"):
        if process.name == str(os.getpid()):
            continue
        try:
            command, environment = (process / "cmdline").read_bytes(), (process / "environ").read_bytes()
        except OSError:  # it ended, or is somebody else's
            continue
        if os.fsencode(folder) in command + environment:
            yield command.decode(errors="replace").replace("\0", " ")


@pytest.fixture
def few(tmp_path: Path) -> Path:
    """The first five example conversations: one for each user."""
    lines = CONVERSATIONS.read_text(encoding="utf-8").splitlines()[:5]
    file = tmp_path / "few.jsonl"
    file.write_text("\n".join(lines), encoding="utf-8")
    return file


@pytest.mark.timeout(120)
def test_the_demo_loses_nothing_and_delivers_what_it_replays(tmp_path: Path, few: Path) -> None:
    data = tmp_path / "data"
    ended = play("--input", few, "--data", data)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    *lines, last = ended.stdout.splitlines()
    account = ACCOUNT.fullmatch(last)
    assert account is not None, last
    accepted, delivered, waiting, dead, _duplicates, lost = map(int, account.groups())
    assert (waiting, lost) == (0, 0)
    assert delivered > 0
    assert dead > 0
    assert accepted == delivered + dead
    # What was told: a flush for every five segments, and each conversation.
    assert accepted == 5 + (18 + 4) // 5 + (17 + 4) // 5 + (20 + 4) // 5 + (22 + 4) // 5 + (17 + 4) // 5
    story = "\n".join(lines)
    assert "killing the handlers with SIGKILL" in story
    assert f"{dead} of {dead} dead letters are delivered now" in story
    assert (data / "logs" / "handlers.log").exists()
    assert list(using(data)) == []


@pytest.mark.timeout(60)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_demo_leaves_no_process_behind(
    tmp_path: Path, few: Path, number: signal.Signals
) -> None:
    data = tmp_path / "data"
    with start("--input", few, "--data", data) as demo:
        assert demo.stdout is not None
        for line in demo.stdout:
            if "telling the backend" in line:
                break
        assert len(list(using(data))) >= 5
        demo.send_signal(number)
        _, said = demo.communicate(timeout=30)
    assert demo.returncode == 130
    assert said.endswith("interrupted; every service has been ended\n")
    assert list(using(data)) == []


def test_bad_input_is_told_and_ends_with_2(tmp_path: Path) -> None:
    file = tmp_path / "bad.jsonl"
    file.write_text('{"id": "c-1"}\n', encoding="utf-8")
    ended = play("--input", file)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith(f"error: {file}, line 1, field 'created_at': Field required; add it")


def test_a_folder_in_use_is_refused(tmp_path: Path, few: Path) -> None:
    ended = play("--input", few, "--data", tmp_path)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == (
        f"error: --data {tmp_path}: is not empty; name a folder that is empty or not there yet\n"
    )
