"""The reference backend tells what concerns many targets as an event, beside the user's own webhook."""

from __future__ import annotations

import httpx

from contracts import ConversationCreated, TranscriptFlushed
from producers.backend_settings import BackendSettings
from tests.contracts.events import created, flushed
from tests.emulator_fixture import RunningEmulator
from tests.producers.test_app import serving


async def test_what_the_routers_accept_is_told_as_an_event_too(
    emulator: RunningEmulator, settings: BackendSettings
) -> None:
    traceparent = f"00-{0xABC:032x}-{0xDEF:016x}-01"
    conversation = created(revision=2).conversation.model_dump(mode="json")
    flush = flushed(3).model_dump(mode="json", exclude={"uid"})
    async with serving(settings) as client:
        answers = [
            await client.post(
                "/v1/users/ada/conversations",
                params={"revision": 2},
                json=conversation,
                headers={"traceparent": traceparent},
            ),
            await client.post("/v1/users/ada/transcript-flushes", json=flush),
        ]
    assert [answer.status_code for answer in answers] == [202, 202]
    (told,) = await emulator.pull("conversation-created-handlers")
    assert ConversationCreated.from_message(told.message.data, told.message.attributes) == created(revision=2)
    assert told.message.attributes["traceparent"] == traceparent
    (told,) = await emulator.pull("transcript-flushed-handlers")
    assert TranscriptFlushed.from_message(told.message.data, told.message.attributes) == flushed(3)


async def test_a_conversation_that_no_webhook_takes_is_no_event_either(
    emulator: RunningEmulator, settings: BackendSettings
) -> None:
    async with serving(settings) as client:
        refused = await client.post("/v1/users/ada/conversations", json={"id": "c"})
        assert isinstance(refused, httpx.Response)
        assert refused.status_code == 422
        flush = flushed(3).model_dump(mode="json", exclude={"uid"})
        assert (await client.post("/v1/users/ada/transcript-flushes", json=flush)).status_code == 202
    (told,) = await emulator.pull("transcript-flushed-handlers")
    assert told.message.attributes["identity"] == "ada/stream-7/3"
