"""Frames and JSON from a peer that may be anybody: decoding says what is wrong and never raises."""

from __future__ import annotations

import json as stdlib
import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec import Raw

from convo_widgets.wire import json
from convo_widgets.wire.events import Malformed
from convo_widgets.wire.frame import MAX_FRAME, BadFrame, Frame, decode, encode
from convo_widgets.wire.protocol import Protocol
from convo_widgets.wire.schema import (
    Header,
    HttpRequest,
    MessageData,
    NewMessage,
    Status,
    SyncEvent,
    SyncItem,
    SyncNotification,
    attributes_of,
    time_of,
)

ANY_TEXT = st.text(st.characters(exclude_categories=()))  # lone surrogates, NUL and controls included
ANY_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ANY_TEXT, inner, max_size=4),
    max_leaves=12,
)
GOOD = st.builds(
    encode,
    st.builds(
        Header,
        st.sampled_from(["init", "reply", "message", "notification", "update", "client_update", "close", "ping", "x"]),
        ANY_TEXT,
        payload_type=st.none() | st.just("application/json") | ANY_TEXT,
        status=st.none() | st.builds(Status, st.integers(-1, 999), ANY_TEXT),
        token=st.none() | ANY_TEXT,
        metadata=st.none() | st.dictionaries(ANY_TEXT, ANY_TEXT, max_size=2),
        http_request=st.none() | st.builds(HttpRequest, ANY_TEXT, ANY_TEXT, ANY_TEXT),
    ),
    st.binary(max_size=40) | ANY_JSON.map(json.encode),
)


def _frame(head: bytes, payload: bytes = b"") -> bytes:
    return b"TWILSOCK V3.0 %d\r\n%b\r\n%b" % (len(head), head, payload)


def _swallow(data: bytes) -> None:
    """Whoever gets these bytes, in whatever state, goes on or closes: nothing else."""
    assert isinstance(decode(data), Frame | BadFrame)
    for role in ("client", "service"):
        fresh, ready = Protocol(role), Protocol(role)
        ready.state = "ready"
        for protocol in (fresh, ready):
            events = protocol.receive(data)
            if any(isinstance(event, Malformed) for event in events):
                assert protocol.state == "closed"
                assert protocol.receive(data) == []
            for answer in protocol.take():
                assert isinstance(decode(answer), Frame)


@given(st.binary(max_size=200))
@example(b'TWILSOCK V3.0 7\r\n{"a":1}\r\n')
@example(_frame(b'{"method":"close","id":"1","payload_size":2}', b"[]"))
@example(_frame(b'{"method":"close","id":"1","payload_size":34}', b'{"backoff_policy":{"reconnect_mi":'))
@example(_frame(b'{"method":"init","id":"1","token":5}'))
@example(_frame(b'{"method":"reply","id":"1","status":null}'))
@example(_frame('{"method":"\ud800"}'.encode("utf-8", "surrogatepass")))
def test_arbitrary_bytes(data):
    """Anything at all."""
    _swallow(data)


@given(GOOD, st.data())
def test_a_good_frame_with_a_change(good, data):
    """Bytes changed, left out, put in, cut off."""
    place = data.draw(st.integers(0, len(good)))
    length = data.draw(st.integers(0, 8))
    _swallow(good[:place] + data.draw(st.binary(max_size=8)) + good[place + length :])


@given(GOOD)
def test_a_good_frame_is_read(good):
    """Whatever stands in it, what we write we can read, and it is read the same twice."""
    first = decode(good)
    assert isinstance(first, Frame)
    assert decode(encode(first.header, first.payload)) == first
    _swallow(good)


@given(st.integers(-10, 10**30), st.integers(-10, 10**30), st.binary(max_size=20))
def test_lying_sizes(header_bytes, payload_size, payload):
    """Numbers that a peer wrote are compared with what is there, and nothing is allocated by them."""
    head = b'{"method":"notification","id":"1","payload_size":%d}' % payload_size
    data = b"TWILSOCK V3.0 %d\r\n%b\r\n%b" % (header_bytes, head, payload)
    _swallow(data)
    true = header_bytes == len(head) and payload_size == len(payload)
    assert isinstance(decode(data), Frame) == true


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'["\\ud800",', b'{"\\ud800":'], ids=str)
@pytest.mark.parametrize("closing", [b"", b"]"])
def test_deep_json(opening, closing):
    """A hundred thousand levels end as a bad frame: not in a crash of the interpreter."""
    deep = opening * 100_000 + b"1" + closing * 100_000
    with pytest.raises(json.BadJSON):
        json.decode(deep)
    for head in (
        deep,
        b'{"method":"x","id":"1","metadata":' + deep + b"}",
        b'{"method":"x","id":"1","z":' + deep + b"}",
    ):
        assert isinstance(decode(_frame(head)), BadFrame)
    with pytest.raises(json.BadJSON):
        json.decode(b'{"last_event_id":1,"data":' + deep + b"}", SyncItem)
    assert attributes_of(deep.decode()) == {}


def test_the_largest_frame():
    """At the limit it is read, one byte above it is not looked at."""
    bare = len(encode(Header("x", "1"), b"")) + 6  # the size itself takes seven digits then
    assert isinstance(decode(encode(Header("x", "1"), b" " * (MAX_FRAME - bare))), Frame)
    got = decode(encode(Header("x", "1"), b" " * (MAX_FRAME - bare + 1)))
    assert isinstance(got, BadFrame)
    assert "1,048,577" in got.reason


@given(st.integers(0, 1000))
def test_a_bad_frame_quotes_nothing(place):
    """The reason goes to logs and to people; what was in the frame may be a token."""
    data = _frame(b'{"method":"update","id":"1","token":"CANARY","status":{"code":"CANARY"},"CANARY":CANARY}')
    cut = data[: place % len(data)]
    for bad in (data, cut, data + b"CANARY", data.replace(b":CANARY", b':"CANARY"')):
        got = decode(bad)
        assert isinstance(got, BadFrame)
        assert "CANARY" not in repr(got)


# --- JSON ----------------------------------------------------------------------------------------------------------


def _mended(value):
    """What decoding makes of a value: lone surrogates replaced."""
    if isinstance(value, str):
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if isinstance(value, list):
        return [_mended(one) for one in value]
    if isinstance(value, dict):
        return {_mended(key): _mended(one) for key, one in value.items()}
    return value


@given(ANY_JSON)
def test_json_round_trip(value):
    """Anything that is JSON comes back as it was, but for lone surrogates, which no UTF-8 can hold."""
    encoded = json.encode(value)
    encoded.decode("utf-8")
    assert json.decode(encoded) == _mended(value)
    assert json.decode(encoded.decode()) == _mended(value)
    assert _mended(stdlib.loads(encoded)) == _mended(value)


@given(ANY_TEXT)
def test_text_in_a_struct_round_trip(text):
    """The same within the bodies that we send and read."""
    assert json.decode(json.encode(NewMessage(body=text)), NewMessage).body == _mended(text)
    escaped = stdlib.dumps({"sid": "IM1", "text": text})  # as JavaScript would write it
    assert json.decode(escaped.encode(), MessageData).text == _mended(text)
    item = json.decode(b'{"last_event_id":1,"data":' + escaped.encode() + b"}", SyncItem)
    assert json.decode(item.data, MessageData).text == _mended(text)


@pytest.mark.parametrize("odd", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("text", ["plain", "\ud800"])
def test_numbers_that_json_has_not_become_null(odd, text):
    """Whether or not something beside them has to be escaped: `NaN` would be no JSON for anybody."""
    encoded = json.encode({"a": [odd, 1.5], "b": text})
    assert stdlib.loads(encoded) == {"a": [None, 1.5], "b": text}


def test_written_json_goes_along_with_a_lone_surrogate():
    """A struct may hold JSON that is written already, beside a key that needs an escape."""
    item = SyncItem(data=Raw(b'{"a":[1,null]}'), last_event_id=1, key="\ud800")
    assert stdlib.loads(json.encode(item))["data"] == {"a": [1, None]}
    with pytest.raises(TypeError):
        json.encode({"a": object(), "b": "\ud800"})


@pytest.mark.parametrize(
    "bad", [b"", b"{", b"nul", b"\xff", b"NaN", b"[1e999]", b'"\x00"', b"9" * 5000, b"[1]]", b'{"a"}']
)
def test_what_is_no_json(bad):
    """One error, whichever reader refused it."""
    with pytest.raises(json.BadJSON):
        json.decode(bad)
    with pytest.raises(json.BadJSON):
        json.decode(b'["\\ud800",' + bad + b"]")


@given(ANY_JSON)
def test_any_json_where_a_struct_is_expected(value):
    """Wrong kinds are one error too."""
    encoded = json.encode(value)
    for kind in (Header, SyncNotification, SyncEvent, SyncItem, MessageData):
        try:
            assert isinstance(json.decode(encoded, kind), kind)
        except json.BadJSON as error:
            assert str(error)


@given(ANY_TEXT | st.none() | st.datetimes(timezones=st.timezones()).map(lambda time: time.isoformat()))
@example("0001-01-01T00:00:00+05:00")
@example("9999-12-31T23:59:59-05:00")
@example("2026-07-01T12:00:00.000Z")
def test_one_odd_date_costs_nothing(text):
    """A time is UTC, or it is None."""
    time = time_of(text)
    assert time is None or time.utcoffset().total_seconds() == 0


@given(ANY_JSON)
def test_attributes_in_either_form(value):
    """Parsed or as a JSON string, they read the same; missing ones are an empty object."""
    inside = json.encode(value).decode()
    assert attributes_of(inside) == _mended(value)
    if not isinstance(value, str) and value is not None:
        assert attributes_of(value) == value
    assert attributes_of(None) == attributes_of("") == attributes_of("{") == {}
