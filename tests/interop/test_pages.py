"""Pages: the same items and the same ends on the same walk, with gaps, at the genuine SDK and at our client."""

from __future__ import annotations

from typing import Any

import pytest

from .together import Together

pytestmark = pytest.mark.asyncio(loop_scope="session")
WALKS: list[tuple[list[Any], list[str]]] = [
    ([], ["prevPage", "prevPage"]),
    ([10], ["prevPage", "prevPage", "prevPage", "nextPage", "nextPage", "nextPage"]),
    ([10, 0, "forward"], ["nextPage", "nextPage", "prevPage"]),
    ([10, 25, "backwards"], ["prevPage", "nextPage", "nextPage", "nextPage"]),
    ([10, 25, "forward"], ["nextPage", "prevPage", "prevPage"]),
    ([1, 20], ["prevPage", "nextPage", "nextPage"]),
    ([7, 1000, "backwards"], ["prevPage"]),
    ([7, 1000, "forward"], []),
    ([7, 0, "backwards"], []),
    ([7, 0, "forward"], ["nextPage", "prevPage"]),
    ([7, 2, "backwards"], ["nextPage", "prevPage"]),
    ([100], []),
    ([44], []),
]
"""What `getMessages` is asked, and where one goes from there."""


async def walk(together: Together, kind: str, sid: str, args: list[Any], steps: list[str]) -> list[Any]:
    """The pages of a walk: indexes, and whether there is more before and after."""
    side = together.side(kind)
    page = await side.conversation(sid, "getMessages", *args)
    pages = [page]
    for step in steps:
        if not page["hasNextPage" if step == "nextPage" else "hasPrevPage"]:
            break
        page = await side.page(page, step)
        pages.append(page)
    return [([one["index"] for one in page["items"]], page["hasPrevPage"], page["hasNextPage"]) for page in pages]


async def test_the_same_walks(both: Together) -> None:
    """From each end, from the middle, from nowhere, over gaps, forth and back."""
    sid = await both.room()
    for number in range(50):
        await both.ours["alice"].conversation(sid, "sendMessage", str(number))
    for number in (0, 18, 19, 20, 21, 33, 49):
        await both.ours["alice"].message(sid, number, "remove")
    await both.settled()
    found = {}
    for args, steps in WALKS:
        there, here = [await walk(both, kind, sid, args, steps) for kind in ("sdk", "python")]
        if there != here:
            found[str(args)] = (there, here)
    assert not found, "\n".join(f"{args}\n  the SDK {there}\n  ours    {here}" for args, (there, here) in found.items())


async def test_an_empty_conversation(both: Together) -> None:
    """One page of nothing, with nothing before or after."""
    sid = await both.room()
    page = await both.agreed(lambda side: side.conversation(sid, "getMessages"), "bob")
    assert page == {"items": [], "hasNextPage": False, "hasPrevPage": False}
