"""Draws bytes that a protobuf parser must survive: noise, and messages broken on the wire; it sends none."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import strategies as st

_VARINT, _FIXED64, _BYTES, _START_GROUP, _END_GROUP, _FIXED32 = range(6)
_NUMBERS = st.sampled_from([1, 1, 2, 2, 3, 4, 5, 7, 15, 16, 2047, 19_000, 2**29 - 1])
_POSITIONS = st.floats(0, 1)
_LENGTHS = st.sampled_from([1, 127, 128, 2**21, 2**31 - 1, 2**31, 2**32, 2**63, 2**64 - 1])


def varint(value: int) -> bytes:
    written = bytearray()
    while value > 0x7F:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)


def _tag(number: int, wire_type: int) -> bytes:
    return varint(number << 3 | wire_type)


_FRAGMENTS: st.SearchStrategy[bytes] = st.one_of(
    st.binary(min_size=1, max_size=20),
    _NUMBERS.map(lambda number: _tag(number, _BYTES) + b"\x04\xff\xfe\xc3\x28"),  # text that is no UTF-8
    _NUMBERS.map(lambda number: _tag(number, _BYTES) + b"\x06\xed\xa0\x80\xed\xb0\x80"),  # surrogates
    _NUMBERS.map(lambda number: _tag(number, _VARINT) + b"\xff" * 9 + b"\x01"),
    _NUMBERS.map(lambda number: _tag(number, _VARINT) + b"\xff" * 10 + b"\x01"),  # a byte too long
    _NUMBERS.map(lambda number: _tag(number, _FIXED64) + b"\xff" * 8),
    _NUMBERS.map(lambda number: _tag(number, _FIXED32) + b"\xff" * 3),
    _NUMBERS.map(lambda number: _tag(number, _START_GROUP) * 200 + _tag(number, _END_GROUP) * 200),
    _NUMBERS.map(lambda number: _tag(number, _START_GROUP)),
    _NUMBERS.map(lambda number: _tag(number, _END_GROUP)),
    st.tuples(_NUMBERS, st.sampled_from([6, 7])).map(lambda pair: _tag(*pair)),  # no such wire type
    st.tuples(_NUMBERS, _LENGTHS).map(lambda pair: _tag(pair[0], _BYTES) + varint(pair[1]) + b"x"),
    st.just(b"\x00\x01"),  # field number 0
    _NUMBERS.map(lambda number: _nested(number, 150)),
)


def _nested(number: int, depth: int) -> bytes:
    written = b""
    for _ in range(depth):
        written = _tag(number, _BYTES) + varint(len(written)) + written
    return written


def _cut(message: bytes, position: float, _: bytes) -> bytes:
    return message[: int(len(message) * position)]


def _insert(message: bytes, position: float, fragment: bytes) -> bytes:
    place = int(len(message) * position)
    return message[:place] + fragment + message[place:]


def _overwrite(message: bytes, position: float, fragment: bytes) -> bytes:
    place = int(len(message) * position)
    return message[:place] + fragment + message[place + len(fragment) :]


def _append(message: bytes, _: float, fragment: bytes) -> bytes:
    return message + fragment


def _repeat(message: bytes, _: float, __: bytes) -> bytes:
    return message[:100_000] * 3


_MUTATIONS: list[Callable[[bytes, float, bytes], bytes]] = [
    _cut,
    _insert,
    _overwrite,
    _append,
    _append,
    _repeat,
]

NOISE: st.SearchStrategy[bytes] = st.one_of(
    st.binary(max_size=200), st.lists(_FRAGMENTS, min_size=1, max_size=5).map(b"".join)
)


def broken(valid: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    """Messages of `valid` with one or two mutations of what is on the wire."""
    mutation = st.tuples(st.sampled_from(_MUTATIONS), _POSITIONS, _FRAGMENTS)
    return st.tuples(valid, st.lists(mutation, min_size=1, max_size=2)).map(_mutated)


def _mutated(drawn: tuple[bytes, list[tuple[Callable[[bytes, float, bytes], bytes], float, bytes]]]) -> bytes:
    message, mutations = drawn
    for mutate, position, fragment in mutations:
        message = mutate(message, position, fragment)
    return message
