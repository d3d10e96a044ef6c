"""The pytest plugin as its users use it: in a project of their own, run by a pytest of its own."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
EXAMPLE = next(
    block
    for block in re.findall(
        r"```python\n(.*?)```", (REPOSITORY / "docs/EMULATOR.md").read_text(encoding="utf-8"), re.DOTALL
    )
    if "pytestmark" in block
)
STRICT = """
[pytest]
asyncio_mode = strict
asyncio_default_fixture_loop_scope = function
filterwarnings =
    error
    ignore:You are using a Python version.*:FutureWarning
"""
pytest_plugins = ["pytester"]


class Project:
    """A folder with tests, which imports this repository's packages as installed ones."""

    def __init__(self, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
        self._pytester = pytester

    def write(self, **modules: str) -> None:
        self._pytester.makepyfile(**modules)

    def run(self, source: str, *arguments: str, ini: str = STRICT) -> pytest.RunResult:
        self._pytester.makeini(ini)
        self._pytester.makepyfile(source)
        return self._pytester.runpytest_subprocess(*arguments, timeout=60)


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Project:
    return Project(pytester, monkeypatch)


@pytest.mark.parametrize("mode", ["strict", "auto"])
def test_the_documented_example_works_in_both_modes_of_pytest_asyncio(project: Project, mode: str) -> None:
    ini = STRICT.replace("asyncio_mode = strict", f"asyncio_mode = {mode}")
    project.run(EXAMPLE, ini=ini).assert_outcomes(passed=EXAMPLE.count("async def test_"))


def test_code_that_makes_its_own_clients_finds_the_emulator(project: Project) -> None:
    project.run(
        """
        import asyncio, os

        import pytest
        from google.cloud import pubsub_v1
        from google.cloud.tasks_v2 import CloudTasksClient
        from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcTransport
        import grpc

        pytestmark = pytest.mark.asyncio


        def publish_and_list():
            with pubsub_v1.PublisherClient() as publisher:
                publisher.publish("projects/sidelane-test/topics/users", b"ada").result(timeout=20)
            with grpc.insecure_channel(os.environ["CLOUD_TASKS_EMULATOR_HOST"]) as channel:
                client = CloudTasksClient(transport=CloudTasksGrpcTransport(channel=channel))
                return [queue.name for queue in client.list_queues(parent="projects/p/locations/l")]


        async def test_it(cloud_tasks, pubsub, emulator_hosts):
            await pubsub.create_topic("users")
            await pubsub.create_subscription("reader", "users")
            await cloud_tasks.create_queue("projects/p/locations/l/queues/mails")
            assert await asyncio.to_thread(publish_and_list) == ["projects/p/locations/l/queues/mails"]
            assert [message.data for message in await pubsub.pull("reader")] == [b"ada"]
            assert os.environ["PUBSUB_EMULATOR_HOST"] == emulator_hosts.pubsub


        async def test_without_it_nothing_listens(cloud_tasks):
            assert cloud_tasks.emulator.addresses.tasks == ""
            assert "CLOUD_TASKS_EMULATOR_HOST" not in os.environ
        """
    ).assert_outcomes(passed=2)


def test_tasks_that_have_nowhere_to_go_are_told_at_once(project: Project) -> None:
    project.run(
        """
        import pytest
        from emulator import Emulator, Faults, NotIdleError

        pytestmark = pytest.mark.asyncio
        TASK = {"http_request": {"url": "https://handlers.example/"}}


        async def test_tasks(cloud_tasks):
            queue = await cloud_tasks.create_queue("mails")
            await cloud_tasks.drain()
            await cloud_tasks.client.create_task(parent=queue.name, task=TASK)
            with pytest.raises(NotIdleError, match="call cloud_tasks.deliver_to.*queues/mails"):
                await cloud_tasks.drain()


        async def test_tasks_of_a_paused_queue_do_not_count(cloud_tasks):
            queue = await cloud_tasks.create_queue("mails")
            await cloud_tasks.client.pause_queue(name=queue.name)
            await cloud_tasks.client.create_task(parent=queue.name, task=TASK)
            await cloud_tasks.drain()


        async def test_pushes(pubsub):
            await pubsub.create_topic("users")
            await pubsub.create_subscription("pushed", "users", push_endpoint="https://handlers.example/")
            await pubsub.drain()
            await pubsub.publish("users", b"ada")
            with pytest.raises(NotIdleError, match="call pubsub.deliver_to.*subscriptions/pushed"):
                await pubsub.drain()


        async def test_faults_can_be_switched_on(cloud_tasks, virtual_time):
            queue = await cloud_tasks.create_queue("mails")
            cloud_tasks.deliver_to(app)
            cloud_tasks.emulator.faults.set(Faults(duplicate=1))
            await cloud_tasks.client.create_task(parent=queue.name, task=TASK)
            await cloud_tasks.drain()
            assert [delivery.status for delivery in cloud_tasks.received] == [200, 200]


        async def app(scope, receive, send):
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b""})
        """
    ).assert_outcomes(passed=4)


def test_a_project_that_uses_none_of_it_imports_none_of_it(project: Project) -> None:
    project.run(
        """
        import sys


        def test_it():
            assert not {"grpc", "google.cloud.tasks_v2", "aiohttp", "emulator.emulator"} & set(sys.modules)
        """
    ).assert_outcomes(passed=1)


def test_without_pytest_asyncio_the_fixtures_say_what_is_missing(project: Project) -> None:
    ini = "[pytest]\nfilterwarnings = error\n"
    project.write(hiding="import sys; sys.modules['pytest_asyncio'] = None")
    source = """
        def test_it(cloud_tasks):
            pass


        def test_other():
            pass
        """
    result = project.run(source, "-p", "no:asyncio", "-p", "hiding", ini=ini)
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*install pytest-asyncio*"])
