"""What all widgets share: callbacks, faults, threads, signs of life."""

from __future__ import annotations

import asyncio
import gc
import logging
import threading
from typing import Any

import pytest

import convo_widgets as cw
from convo_widgets.errors import UsageError
from convo_widgets.widgets import _base
from tests.client.people import People

from .conftest import Show, View


@pytest.fixture
async def thread(people: People, show: Show) -> tuple[cw.Thread, View]:
    """A widget, and what a page has of it."""
    ana = await people.client("ana")
    conversation = await ana.create_conversation()
    await conversation.join()
    return show(conversation)


def faults(view: View) -> list[dict[str, Any]]:
    """What the views were last told of faults."""
    return next((one["faults"] for one in reversed(view.sent) if one["kind"] == "faults"), [])


async def test_observers_run_on_the_main_loop(thread: tuple[cw.Thread, View]) -> None:
    """A page's trait, and with it the observers, arrives on the widget's own loop, in whatever thread Jupyter calls."""
    widget, view = thread
    seen: asyncio.Future[tuple[Any, Any]] = asyncio.get_running_loop().create_future()
    widget.observe(lambda change: seen.set_result((change["new"], asyncio.get_running_loop())), "read_only")
    other = threading.Thread(target=view.set, kwargs={"read_only": True})
    other.start()
    assert await seen == (True, asyncio.get_running_loop())
    other.join()


async def test_requests_from_another_thread(thread: tuple[cw.Thread, View]) -> None:
    """A request that Jupyter delivers in a thread of its own is answered on the main loop."""
    _, view = thread
    await asyncio.to_thread(view.say, {"kind": "request", "id": "q", "method": "hello", "params": {}})
    answer = await view.until(lambda: next((one for one in view.sent if one.get("id") == "q"), None))
    assert answer["result"] == {"faults": []}


async def test_failing_observer_is_shown(thread: tuple[cw.Thread, View]) -> None:
    """An observer that raises on a page's change is in the strip, and the next change is heard."""
    widget, view = thread

    def broken(change: Any) -> None:
        raise KeyError("no such column")

    widget.observe(broken, "read_only")
    view.set(read_only=True)
    (fault,) = await view.until(lambda: faults(view))
    assert "read_only" in fault["what"]
    assert fault["message"] == "KeyError: 'no such column'"
    assert "in broken" in fault["traceback"]
    view.set(height=200)
    await view.until(lambda: widget.height == 200)


async def test_callbacks_sync_and_async(thread: tuple[cw.Thread, View]) -> None:
    """Both kinds are called; one that fails stops nobody, is shown, told to on_error, and can be put away."""
    widget, view = thread
    heard: asyncio.Queue[Any] = asyncio.Queue()

    async def slow(error: Exception) -> None:
        await asyncio.sleep(0)
        heard.put_nowait(("async", str(error)))

    def broken(value: int) -> None:
        raise ValueError(f"not {value}")

    widget.on_error(slow)
    widget.on_error(lambda error: heard.put_nowait(("sync", str(error))))
    widget._register("send", broken, False)
    widget._register("send", heard.put_nowait, False)
    widget._call("send", 7)
    await view.until(lambda: faults(view))
    assert {await heard.get() for _ in range(3)} == {7, ("async", "not 7"), ("sync", "not 7")}
    assert (await view.result("hello"))["faults"] == faults(view)
    await view.result("dismiss", id=faults(view)[0]["id"])
    assert faults(view) == []
    widget._register("send", broken, True)
    widget._call("send", 8)
    assert await heard.get() == 8
    assert faults(view) == []


async def test_failing_on_error_does_not_call_itself(
    thread: tuple[cw.Thread, View], caplog: pytest.LogCaptureFixture
) -> None:
    """An on_error that raises is shown and logged, once."""
    widget, view = thread

    async def broken(_error: Exception) -> None:
        raise ValueError("also broken")

    widget.on_error(broken)
    with caplog.at_level(logging.ERROR, "convo_widgets"):
        widget._fault("A thing failed", ValueError("first"))
        await view.until(lambda: len(faults(view)) == 2)
    assert [one["message"] for one in faults(view)] == ["ValueError: first", "ValueError: also broken"]


async def test_faults_hold_no_token_and_are_bounded(thread: tuple[cw.Thread, View], people: People) -> None:
    """A token in an exception is not shown; only the newest faults are kept."""
    widget, view = thread
    token = people.service.token("ana")
    for number in range(_base.FAULTS + 5):
        widget._fault("A callback failed", ValueError(f"{number} with {token}"))
    shown = await view.until(lambda: len(faults(view)) == _base.FAULTS and faults(view))
    assert token.split(".")[1] not in str(view.sent)
    assert faults(view)[0]["message"] == "ValueError: 5 with <token>", shown


async def test_beats_from_the_first_view_on(thread: tuple[cw.Thread, View], monkeypatch: pytest.MonkeyPatch) -> None:
    """A widget that nobody looks at is quiet; with a view it gives signs of life until it is closed."""
    widget, view = thread
    monkeypatch.setattr(_base, "BEAT", 0.01)
    assert not [one for one in view.sent if one["kind"] == "beat"]
    await view.result("hello")
    await view.until(lambda: len([one for one in view.sent if one["kind"] == "beat"]) >= 3)
    widget.close()
    count = len(view.sent)
    await asyncio.sleep(0.03)
    assert len(view.sent) == count


async def test_what_could_not_be_made_leaves_nothing(people: People) -> None:
    """A widget of the wrong thing is refused in a sentence, and thrown away without a further word."""
    client = await people.client("ana")
    conversation = await client.create_conversation()
    for kind, source in ((cw.Thread, client), (cw.Participants, client), (cw.Inbox, conversation)):
        with pytest.raises(UsageError, match=f"{kind.__name__} shows"):
            kind(source)  # type: ignore[arg-type]
    for kind in (cw.Explorer, cw.Connection):
        with pytest.raises(UsageError, match=kind.__name__):
            kind(conversation)  # type: ignore[arg-type]
    gc.collect()  # what is thrown away later would be told of in another test


async def test_a_callback_must_be_callable(thread: tuple[cw.Thread, View]) -> None:
    """Anything else is refused at once, in a sentence."""
    with pytest.raises(UsageError, match="on_error takes a function, not int"):
        thread[0].on_error(7)  # type: ignore[arg-type]
