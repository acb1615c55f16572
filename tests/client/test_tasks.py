"""What is tried until it is done."""

import asyncio
from itertools import repeat

import pytest

import convo_widgets as cw
from convo_widgets.client.tasks import Tasks


async def test_a_connection_that_comes_during_a_try_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """What fails then is tried again at once, also where somebody else began to wait meanwhile."""
    monkeypatch.setattr("convo_widgets.client.tasks.fibonacci", lambda: repeat(3600.0))
    tasks, go, tries = Tasks(), asyncio.Event(), 0

    async def act() -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            await go.wait()
            raise cw.ConnectionLost("it", may_have_happened=False)

    async def other() -> None:
        go.set()

    first = tasks.persist(act, "an act")
    await asyncio.sleep(0)
    tasks.reopened()
    await tasks.persist(other, "another")
    async with asyncio.timeout(5):
        await first
    assert tries == 2


@pytest.mark.parametrize("error", [cw.RemoteProtocolError("nonsense"), cw.ServiceFailed(500), cw.TokenError("old")])
async def test_what_may_pass_is_tried_again(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """Also after an answer that cannot be read: the next one may be better."""
    monkeypatch.setattr("convo_widgets.client.tasks.fibonacci", lambda: repeat(0.0))
    tries: list[int] = []

    async def act() -> None:
        tries.append(1)
        if len(tries) == 1:
            raise error

    await Tasks().persist(act, "an act")
    assert len(tries) == 2


@pytest.mark.parametrize("error", [cw.NotFound(404), cw.Forbidden(403)])
async def test_a_no_for_good_ends_it(error: Exception) -> None:
    """It is no more, or no more ours."""
    tries: list[int] = []

    async def act() -> None:
        tries.append(1)
        raise error

    await Tasks().persist(act, "an act")
    assert len(tries) == 1
