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
