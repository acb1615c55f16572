"""Stopping, while anything is going on; and what must never be seen of the token."""

from __future__ import annotations

import asyncio
import logging
import traceback

import pytest
from fakes import PATIENCE, accept, ignore, refuse

from convo_widgets.errors import ConnectFailed, ConnectionLost, ConvoError, UsageError
from convo_widgets.transport import link as transport
from convo_widgets.transport.answers import Response
from convo_widgets.transport.link import Link
from convo_widgets.wire.events import Closed, InitRequested, Requested, UpdateRequested
from convo_widgets.wire.schema import HttpRequest

from .ways import FINAL, MENDED

GET = HttpRequest("h", "/p", "GET")


async def at_rest(*tasks):
    """Until these are done, whatever came of them."""
    async with asyncio.timeout(PATIENCE):
        return await asyncio.gather(*tasks, return_exceptions=True)


async def test_goodbye(service, open_bench):
    """The service is told, and the states say it; a second time is nothing."""
    await open_bench.link.stop()
    peer = await service.peer()
    await peer.heard(Closed)
    await peer.ended()
    await open_bench.link.stop()
    assert open_bench.told.states == ["connecting", "connected", "disconnecting", "disconnected"]
    assert open_bench.told.faults == []
    assert (open_bench.link.is_open, open_bench.link.has_ended) == (False, True)


async def test_stop_before_start(bench):
    """Nothing to end."""
    one = bench()
    await one.link.stop()
    assert one.link.has_ended
    await one.link.start()
    assert one.link.state == "connected"


@pytest.mark.parametrize("place", ["provider", "handshake", "init", "back-off", "nothing yet"])
async def test_stop_while_starting(service, bench, silent_uri, place):
    """Wherever it is: `start` is told, and does not hang."""
    one = bench(silent_uri if place == "handshake" else None, wait=1000.0)
    service.on_init = refuse(429) if place == "back-off" else ignore
    if place == "provider":
        one.tokens.gives = one.tokens.hang
    starting = asyncio.create_task(one.link.start())
    if place != "nothing yet":
        await one.told.until(lambda told: told.states)
    if place == "init":
        await (await service.peer()).heard(InitRequested)
    if place == "back-off":
        await one.told.until(lambda told: told.faults)
    if place == "nothing yet":
        await asyncio.sleep(0)
    await one.link.stop()
    (error,) = await at_rest(starting)
    assert isinstance(error, UsageError)
    assert (one.link.state, one.link.has_ended) == ("disconnected", True)


async def test_stop_before_the_task_ran(bench):
    """The link's task is cancelled before its first step: whoever starts is told all the same."""
    one = bench()
    starting = asyncio.create_task(one.link.start())
    stopping = asyncio.create_task(one.link.stop())
    outcome, _ = await at_rest(starting, stopping)
    assert outcome is None or isinstance(outcome, UsageError)
    if isinstance(outcome, UsageError):
        assert one.link.has_ended


async def test_stop_with_requests(service, open_bench):
    """What is in flight is lost, and says whether it may have happened."""
    service.on_request = ignore
    requests = [
        asyncio.create_task(open_bench.link.request(GET, what="asking", repeatable=repeatable))
        for repeatable in (True, False)
    ]
    await (await service.peer()).heard(Requested, 2)
    await open_bench.link.stop()
    lost = await at_rest(*requests)
    assert [type(error) for error in lost] == [ConnectionLost, ConnectionLost]
    assert [error.may_have_happened for error in lost] == [False, True]


async def test_stop_with_requests_that_wait(service, open_bench):
    """What was never sent is told that it is over."""
    service.http_status = 503
    (await service.peer()).drop()
    await open_bench.told.until(lambda told: told.faults)
    waiting = asyncio.create_task(open_bench.link.request(GET, what="asking", repeatable=False))
    opening = asyncio.create_task(open_bench.link.wait_open(PATIENCE))
    await asyncio.sleep(0)
    await open_bench.link.stop()
    assert [type(error) for error in await at_rest(waiting, opening)] == [UsageError, UsageError]


async def test_a_request_while_it_stops(open_bench):
    """From the moment that it is asked to stop there is nothing more to ask."""
    stopping = asyncio.create_task(open_bench.link.stop())
    await open_bench.told.until(lambda told: told.states[-1] == "disconnecting")
    with pytest.raises(UsageError, match="shut down"):
        await open_bench.link.request(GET, what="asking", repeatable=True)
    with pytest.raises(UsageError):
        await open_bench.link.start()
    await stopping
    assert open_bench.told.states[-1] == "disconnected"


async def test_stop_from_many_sides(open_bench):
    """Each of them returns when it is over."""
    await asyncio.gather(*(open_bench.link.stop() for _ in range(3)))
    assert open_bench.told.states[-2:] == ["disconnecting", "disconnected"]


async def test_stop_that_is_cancelled_at_any_step(service, bench):
    """Even then the connection's task does not outlive it."""
    for steps in range(8):
        one = bench()
        await one.link.start()
        task = one.link._task
        stopping = asyncio.create_task(one.link.stop())
        for _ in range(steps):
            await asyncio.sleep(0)
        stopping.cancel()
        await at_rest(stopping)
        if steps:
            await at_rest(task)
            assert one.link.state == "disconnected"
        await one.link.stop()
        assert one.link.has_ended


async def test_stop_with_a_service_that_does_not_read(service, open_bench):
    """A goodbye that cannot be said is given up soon."""
    peer = await service.peer()
    peer.stop_reading()
    stuck = asyncio.create_task(open_bench.link.request(GET, b"x" * (1 << 23), what="writing", repeatable=False))
    await asyncio.wait([stuck], timeout=0.02)
    async with asyncio.timeout(PATIENCE):
        await open_bench.link.stop()
    (lost,) = await at_rest(stuck)
    assert isinstance(lost, ConnectionLost)


async def test_stop_inside_the_provider(service, bench):
    """A token function that shuts everything down ends it, and does not wait for itself."""
    one = bench(renewable=True)

    async def stop() -> str:
        await one.link.stop()
        raise AssertionError("unreachable")

    one.tokens.gives = stop
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(UsageError):
            await one.link.start()
    assert one.link.state == "disconnected"


async def test_start_again(service, open_bench):
    """A stopped link is as good as a new one."""
    for count in range(2, 5):
        await open_bench.link.stop()
        await open_bench.link.start()
        assert (await open_bench.link.request(GET, what="asking", repeatable=True)).status == 200
        assert len(service.peers) == count


# --- secrets -------------------------------------------------------------------------------------------------------


def _told(error: BaseException) -> str:
    """Everything that a notebook might print of it: texts, reprs, the chain, and our frames' local variables."""
    parts = []
    while error is not None:
        parts += [str(error), repr(error), repr(vars(error)), repr(error.args)]
        for frame, line in traceback.walk_tb(error.__traceback__):
            if "convo_widgets" in frame.f_code.co_filename or "websockets" in frame.f_code.co_filename:
                parts.append(f"{line} {frame.f_locals!r}")
        error = error.__cause__ or error.__context__
    return "\n".join(parts)


async def _everything(service, bench, silent_uri, closed_port, canary) -> list[BaseException]:
    """A token on all its ways: taken, refused, renewed, lost, and with every end of a connection."""
    errors: list[BaseException] = []

    async def note(awaitable) -> None:
        try:
            await awaitable
        except ConvoError as error:
            errors.append(error)

    for uri in (silent_uri, f"ws://127.0.0.1:{closed_port}/", f"ws://user:{canary}@127.0.0.1:{closed_port}/",
                f"nonsense://user:{canary}@x/{canary}", f"ws://127.0.0.1:99999/{canary}"):  # fmt: skip
        await note(bench(uri).link.start())
    service.http_status = 503
    await note(bench().link.start())
    service.http_status = None
    for name, way in [*MENDED.items(), *((name, way) for name, (way, _) in FINAL.items())]:
        if name.startswith("close 308"):
            continue
        service.on_init, count = ignore, len(service.peers) + 1
        starting = asyncio.create_task(note(bench().link.start()))
        peer = await service.peer(count)
        await peer.heard(InitRequested)
        await way(peer)
        await starting
    for status, code in ((401, 20101), (401, 20104), (403, None), (500, None)):
        service.on_init = refuse(status, code)
        await note(bench().link.start())
    service.on_init = accept
    one = bench()
    await one.link.start()
    await note(one.link.update(canary))
    service.on_update = ignore
    updating = asyncio.create_task(note(one.link.update(canary)))
    peer = service.peers[-1]
    await peer.heard(UpdateRequested, 2)
    peer.drop()
    await updating
    await one.told.until(lambda told: told.states.count("connected") == 2)
    service.on_update = refuse(401, 20107)
    await note(one.link.update(canary))
    return errors


async def test_the_token_is_never_seen(service, bench, silent_uri, closed_port, canary, monkeypatch, caplog, capsys):
    """Not in a log at its loudest, not in an error or its frames, not in a repr, not on the screen."""
    monkeypatch.setattr(transport, "OPEN_TIMEOUT", 0.05)
    for name in (None, "convo_widgets", "convo_widgets.websockets", "asyncio"):
        caplog.set_level(logging.DEBUG, logger=name)
    asyncio.get_running_loop().set_debug(True)
    errors = await _everything(service, bench, silent_uri, closed_port, canary)
    asyncio.get_running_loop().set_debug(False)
    assert len(errors) > 25
    client_log = "\n".join(record.getMessage() for record in caplog.records if record.name != "websockets.server")
    shown = capsys.readouterr()
    for text in (client_log, shown.out, shown.err, *map(_told_without_callers, errors)):
        assert canary not in text
        assert canary.encode().hex(" ")[:60] not in text


def _told_without_callers(error: BaseException) -> str:
    """As `_told`; the frame of `update` is the caller's own words, for he gave the token himself."""
    return "\n".join(line for line in _told(error).splitlines() if "'token': " not in line)


async def test_the_token_is_in_no_frame_of_a_failed_start(bench, closed_port, canary):
    """Some notebooks print every local variable of a traceback."""
    with pytest.raises(ConnectFailed) as caught:
        await bench(f"ws://127.0.0.1:{closed_port}/").link.start()
    assert canary not in _told(caught.value)


async def test_a_log_at_its_loudest_shows_no_frames(service, bench, canary, caplog):
    """Whoever sets every logger to DEBUG, ours of the wire included, sees no frame: the first one is the token."""
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, logger="convo_widgets.websockets")
    await bench().link.start()
    ours = [record for record in caplog.records if record.name.startswith("convo_widgets")]
    assert all(record.levelno >= logging.INFO for record in ours)
    assert "BINARY" not in "\n".join(record.getMessage() for record in ours)


async def test_reprs_of_a_link(open_bench, canary):
    """What a person prints by chance."""
    for one in (open_bench.link, open_bench.link._protocol, open_bench.link._task, Response(200, b"", {})):
        assert canary not in repr(one)
    assert "Link" in repr(Link)
