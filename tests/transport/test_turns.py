"""Who goes through the gate, and in which order."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from convo_widgets.transport.turns import Turns


async def test_an_open_gate_holds_nobody() -> None:
    """No waiting, not even one step of the loop."""
    turns = Turns()
    turns.open()
    waiting = turns.wait()
    assert _finishes_at_once(waiting)


async def test_a_closed_gate_holds_everybody_until_it_opens() -> None:
    """And once more after it was closed again."""
    turns = Turns()
    through = [asyncio.create_task(turns.wait()) for _ in range(3)]
    await asyncio.sleep(0)
    assert not any(task.done() for task in through)
    turns.open()
    await asyncio.gather(*through)
    turns.close()
    assert not _finishes_at_once(turns.wait())


@given(st.permutations(range(8)), st.integers(0, 8))
def test_the_order_is_that_of_the_turns(order: list[int], cancelled: int) -> None:
    """Who took a turn earlier goes earlier, whenever they arrive; newcomers go last; who gives up is passed."""
    passed: list[int | str] = []

    async def pass_through(turns: Turns, turn: int | None, name: int | str) -> None:
        await turns.wait(turn)
        passed.append(name)

    async def play() -> None:
        turns = Turns()
        numbers = [turns.take() for _ in range(8)]
        tasks = {number: asyncio.create_task(pass_through(turns, numbers[number], number)) for number in order}
        await asyncio.sleep(0)
        if cancelled in tasks:
            tasks[cancelled].cancel()
        turns.open()
        await pass_through(turns, None, "newcomer")
        await asyncio.gather(*tasks.values(), return_exceptions=True)
        assert _finishes_at_once(turns.wait()), "nobody is remembered who has gone"

    asyncio.run(play())
    assert passed == [*(number for number in range(8) if number != cancelled), "newcomer"]


def _finishes_at_once(waiting: object) -> bool:
    try:
        waiting.send(None)  # type: ignore[attr-defined]
    except StopIteration:
        return True
    waiting.close()  # type: ignore[attr-defined]
    return False
