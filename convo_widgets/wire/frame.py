"""One Twilsock frame: ``TWILSOCK V3.0 <header-bytes>``, the header as JSON and the payload, each on a line (CRLF)."""

from __future__ import annotations

from msgspec import MsgspecError, Struct
from msgspec.json import Decoder

from convo_widgets.wire import json
from convo_widgets.wire.schema import Header

MAX_FRAME = 1 << 20
"""Largest frame taken from a peer, in bytes: sixty times a page of a hundred ordinary messages."""

_NAME = b"TWILSOCK V3.0 "
_AFTER = len(_NAME)
_USUAL = _AFTER + 5
_SIZES = {b"%b%d\r\n" % (_NAME, size): size for size in range(100, 1000)}  # first lines of most frames
_read_header = Decoder(Header).decode
_TYPES = ("application/json", "text/plain", "application/x-www-form-urlencoded")  # the last one: typing


class Frame(Struct, frozen=True, gc=False):
    """A decoded frame; `payload` is empty where there is none or where its type is not one that we read."""

    header: Header
    payload: bytes = b""


class BadFrame(Struct, frozen=True):
    """What a peer sent instead of a frame; `reason` quotes nothing of it, for it may hold a token."""

    reason: str


def encode(header: Header, payload: bytes = b"") -> bytes:
    """Bytes of a frame; fills in `payload_size`."""
    header.payload_size = len(payload)
    head = json.encode(header)
    return b"TWILSOCK V3.0 %d\r\n%b\r\n%b" % (len(head), head, payload)


def decode(data: bytes) -> Frame | BadFrame:
    """The frame in one binary WebSocket message; never raises on what a peer sent."""
    if len(data) > MAX_FRAME:
        return BadFrame(f"a frame of {len(data):,} bytes; the limit is {MAX_FRAME:,}")
    size = _SIZES.get(data[:_USUAL])
    start = _USUAL
    if size is None:
        line = data.find(b"\r\n", _AFTER, _AFTER + 9)
        digits = data[_AFTER:line]
        if line < 0 or data[:_AFTER] != _NAME or not digits.isdigit():
            return BadFrame("no TWILSOCK line at its start")
        start, size = line + 2, int(digits)
    end = start + size
    if data[end : end + 2] != b"\r\n":
        return BadFrame("its header is not as long as it says")
    try:
        header = _read_header(data[start:end])
    except (MsgspecError, UnicodeError, RecursionError):
        try:
            header = json.decode(data[start:end], Header)  # it may have lone surrogates
        except json.BadJSON as error:
            return BadFrame(f"its header is not valid: {error}")
    payload = data[end + 2 :]
    if header.payload_size != len(payload):
        return BadFrame(f"its payload has {len(payload)} bytes and says {header.payload_size}")
    kind = header.payload_type
    if kind and kind != _TYPES[0] and not kind.startswith(_TYPES):
        payload = b""
    return Frame(header, payload)
