"""The socket alone: batches in and out, messages in pieces, and what waits when nobody takes it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from fakes import PATIENCE, FakeService, Peer

from convo_widgets.errors import LocalProtocolError
from convo_widgets.transport.socket import MOST_UNREAD, Socket, open_socket


@pytest.fixture
async def socket(service: FakeService) -> AsyncIterator[Socket]:
    """A socket of its own, without a link around it."""
    one = await open_socket(service.uri, open_timeout=5, ping_interval=20, ping_timeout=20)
    yield one
    await one.leave()


async def everything(socket: Socket, count: int) -> list[bytes | str]:
    """So many messages, however they come."""
    found: list[bytes | str] = []
    async with asyncio.timeout(PATIENCE):
        while len(found) < count:
            found += await socket.receive()
    return found


async def test_messages_in_pieces(service: FakeService, socket: Socket) -> None:
    """A message in several frames is one message, between others and with pings in it; text stays text."""
    peer = await service.peer()
    await peer.send(b"one")
    await peer._socket.send([b"t", b"", b"w", b"o"])
    await peer._socket.ping()
    await peer.send("drei")
    await peer._socket.send(["v", "i", "er"])
    await peer.send(b"")
    assert await everything(socket, 5) == [b"one", b"two", "drei", "vier", b""]


async def test_all_that_has_come_is_taken_at_once(service: FakeService, socket: Socket) -> None:
    """Many small messages come in far fewer turns, in order, and a farewell after them takes none away."""
    peer = await service.peer()
    for number in range(1000):
        await peer.send(b"%d" % number)
    await peer.hang_up()
    async with asyncio.timeout(PATIENCE):
        await asyncio.wait({socket.connection_lost_waiter})
    assert await socket.receive() == [b"%d" % number for number in range(1000)]
    for _ in range(2):
        with pytest.raises(ConnectionError):
            await socket.receive()


async def test_nothing_piles_up_where_nobody_takes_it(service: FakeService, socket: Socket) -> None:
    """What is not taken is not read: it waits at its sender, and comes whole when it is wanted."""
    peer, size, count = await service.peer(), 100_000, 400
    sending = asyncio.create_task(_send(peer, size, count))
    async with asyncio.timeout(PATIENCE):
        while socket.transport.is_reading():  # noqa: ASYNC110 -- nobody tells when it stops
            await asyncio.sleep(0)
    assert MOST_UNREAD < socket._size < 2 * MOST_UNREAD
    assert not sending.done()
    found = await everything(socket, count)
    assert [len(one) for one in found] == [size] * count
    await sending


async def test_giving_up_reads_on_and_keeps_nothing(service: FakeService) -> None:
    """Closing goes through, though the peer has much to say and nobody listens."""
    socket = await open_socket(service.uri, open_timeout=5, ping_interval=20, ping_timeout=20)
    peer = await service.peer()
    sending = asyncio.create_task(_send(peer, 100_000, 100))
    async with asyncio.timeout(PATIENCE):
        while socket.transport.is_reading():  # noqa: ASYNC110 -- nobody tells when it stops
            await asyncio.sleep(0)
        await socket.leave()
        await peer.ended()
    assert socket.close_code == 1000
    assert socket._unread == []
    await asyncio.gather(sending, return_exceptions=True)


async def test_what_goes_out_together(service: FakeService, socket: Socket) -> None:
    """Each is a message of its own, in order."""
    peer = await service.peer()
    peer.protocol.receive = lambda data: got.append(data) or []  # type: ignore[method-assign, func-returns-value]
    got: list[bytes] = []
    await asyncio.gather(socket.send_all([b"a", b"", b"b"]), socket.send_all([b"c" * 70_000]))
    await socket.leave()
    await peer.ended()
    assert got == [b"a", b"", b"b", b"c" * 70_000]
    with pytest.raises(ConnectionError):
        await socket.send_all([b"late"])


async def test_a_websockets_that_is_built_otherwise(service: FakeService, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is named, where one would otherwise wait for messages that go elsewhere."""
    monkeypatch.delattr(Socket, "process_event")
    with pytest.raises(LocalProtocolError, match="does not know websockets"):
        await open_socket(service.uri, open_timeout=5, ping_interval=20, ping_timeout=20)


async def _send(peer: Peer, size: int, count: int) -> None:
    for _ in range(count):
        await peer.send(b"x" * size)
