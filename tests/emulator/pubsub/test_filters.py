"""The filter language: what passes, and what is refused at which place."""

from __future__ import annotations

import pytest
from google.api_core import exceptions
from google.pubsub_v1 import PublisherAsyncClient, SubscriberAsyncClient, types
from hypothesis import given
from hypothesis import strategies as st

from emulator.errors import InvalidArgumentError
from emulator.pubsub import PubSub, filters
from tests.emulator.pubsub.pulling import pull_now
from tests.emulator.pubsub.resources import PROJECT, SUBSCRIPTION, TOPIC
from tests.emulator.pubsub.streaming import data

ATTRIBUTES = {"lang": "de", "empty": "", "a b": "quoted", "_id": "7", "iana.org/tz": "CET", "OR": "y"}


@pytest.mark.parametrize(
    ("text", "passes"),
    [
        ("", True),
        ("  ", True),
        ("attributes:lang", True),
        ("attributes : lang", True),
        ("attributes:other", False),
        ("attributes:empty", True),
        ('attributes:"a b"', True),
        ('attributes.lang = "de"', True),
        ('attributes.lang="de"', True),
        ('attributes.lang = "DE"', False),
        ('attributes.other = "de"', False),
        ('attributes.empty = ""', True),
        ('attributes.other = ""', False),
        ('attributes.lang != "de"', False),
        ('attributes.lang != "en"', True),
        ('attributes.other != "de"', True),
        ('attributes."iana.org/tz" = "CET"', True),
        ('attributes."OR" = "y"', True),
        ('attributes._id = "7"', True),
        ('attributes.lang = "d\\"e"', False),
        ('hasPrefix(attributes.lang, "d")', True),
        ('hasPrefix(attributes.lang, "")', True),
        ('hasPrefix(attributes.other, "")', False),
        ('hasPrefix (attributes."a b", "quo")', True),
        ("NOT attributes:lang", False),
        ("-attributes:other", True),
        ("NOT NOT attributes:lang", True),
        ("attributes:lang AND attributes:empty", True),
        ("attributes:lang AND attributes:other", False),
        ("attributes:lang AND attributes:empty AND attributes:other", False),
        ("attributes:other OR attributes:lang", True),
        ("NOT attributes:other AND attributes:lang", True),
        ("(attributes:other AND attributes:lang) OR attributes:empty", True),
        ("attributes:other AND (attributes:lang OR attributes:empty)", False),
        ("NOT (attributes:other OR attributes:lang)", False),
        ("((attributes:lang))", True),
    ],
)
def test_a_filter_tells_which_messages_pass(text: str, passes: bool) -> None:
    assert filters.parse(text)(ATTRIBUTES) is passes


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "attributes:a AND attributes:b OR attributes:c",
            'at character 31, "OR attributes:c": AND and OR are',
        ),
        ("attributes:a OR attributes:b AND attributes:c", "AND and OR are mixed: put parentheses"),
        ("attributes:a attributes:b", 'at character 14, "attributes:b": expected AND, OR or the end'),
        ("attributes:a and attributes:b", "expected AND, OR or the end"),
        ("attributes:a AND", "at its end: expected attributes, hasPrefix, NOT, - or \\("),
        ("(attributes:a", r"at its end: expected \)"),
        ("attributes:a)", "expected AND, OR or the end"),
        ("not attributes:a", "at character 1"),
        ('data = "x"', "expected attributes, hasPrefix"),
        ("attributes", "at its end: expected : or . after attributes"),
        ("attributes.a", "at its end: expected = or !="),
        ('attributes.a == "b"', "at character 15.*expected a string in double quotes"),
        ('attributes.a > "b"', "at character 14.*this character has no meaning"),
        ("attributes.a = b", "at character 16.*expected a string in double quotes"),
        ("attributes.a = 'b'", "no meaning here"),
        ('attributes.a = "b', "the string has no end"),
        ('attributes.a.b = "c"', "expected = or !="),
        ('attributes.a-b = "c"', "expected = or !="),
        ('attributes.1 = "c"', "no meaning here"),
        ("attributes:AND", "expected the key of an attribute"),
        ('hasPrefix(attributes:a, "x")', r"at character 21.*expected \."),
        ('hasPrefix(data, "x")', "expected attributes"),
        ('hasPrefix(attributes.a "x")', "expected ,"),
        ("(" * 40 + "attributes:a" + ")" * 40, "more than 32 levels"),
        (f'attributes.a = "{"ö" * 121}"', "has 259 bytes: give at most 256"),
    ],
)
def test_a_filter_off_the_language_is_refused_with_the_place(text: str, problem: str) -> None:
    with pytest.raises(InvalidArgumentError, match=problem):
        filters.parse(text)


def test_a_filter_of_256_bytes_is_taken() -> None:
    text = f'attributes.a = "{"x" * 239}"'
    assert len(text) == 256
    assert filters.parse(text)({"a": "x" * 239})


@given(st.text(alphabet='atribues:. ="!()-,ANDORT\\x', max_size=40) | st.text(max_size=20))
def test_no_filter_fails_otherwise(text: str) -> None:
    try:
        passes = filters.parse(text)
    except InvalidArgumentError:
        return
    assert passes({}) in {True, False}


async def test_only_what_passes_is_kept_for_a_subscription(
    publisher: PublisherAsyncClient, subscriber: SubscriberAsyncClient, pubsub: PubSub
) -> None:
    await publisher.create_topic(name=TOPIC)
    german = f"{PROJECT}/subscriptions/german"
    created = await subscriber.create_subscription(
        types.Subscription(name=german, topic=TOPIC, filter='attributes.lang = "de"')
    )
    assert created.filter == 'attributes.lang = "de"'
    messages = [types.PubsubMessage(data=lang.encode(), attributes={"lang": lang}) for lang in ("de", "en")]
    await publisher.publish(topic=TOPIC, messages=messages)

    assert data(await pull_now(subscriber, subscription=german)) == [b"de"]
    assert [backlog.unacknowledged for backlog in await pubsub.backlogs()] == [1]
    stored = await pubsub._store.read(
        lambda db: db.execute("SELECT count(*) FROM pubsub_messages").fetchone()
    )
    assert stored == (1,)


async def test_a_bad_filter_is_refused_at_creation(
    publisher: PublisherAsyncClient, subscriber: SubscriberAsyncClient
) -> None:
    await publisher.create_topic(name=TOPIC)
    with pytest.raises(exceptions.InvalidArgument, match=r"Subscription\.filter is invalid at its end"):
        await subscriber.create_subscription(
            types.Subscription(name=SUBSCRIPTION, topic=TOPIC, filter="attributes.a")
        )
