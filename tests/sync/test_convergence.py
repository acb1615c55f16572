"""Whatever the network does that the protocol allows, a replica ends in the state of the world."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync.worlds import Line, Replica, talk, worlds


def _live(data, type, *, pages_late: bool):
    """A life of connections and pages; the line, its world and its replica at the end."""
    world = data.draw(worlds(type))
    replica = Replica(world)
    line = Line(world, replica)
    pages = [world.page()] if type != "document" else []  # read and on its way
    for _ in range(data.draw(st.integers(0, 3))):
        for _ in range(data.draw(st.integers(0, 2))):
            if not world.is_over:
                world.happen()
        if type != "document" and data.draw(st.booleans()):
            pages.append(world.page())
        if not pages_late and pages and data.draw(st.booleans()):
            replica.load(pages.pop(data.draw(st.integers(0, len(pages) - 1))))
        talk(data.draw, line, to_the_end=False)
    if not pages_late:
        for page in pages:
            replica.load(page)
    talk(data.draw, line, to_the_end=True)
    for page in pages:  # the slowest of all answers, or one that comes again
        replica.load(page)
    return line, world, replica


@pytest.mark.parametrize("type", ["document", "list", "map"])
@pytest.mark.parametrize("pages_late", [False, True])
@settings(max_examples=300)
@given(data=st.data())
def test_a_replica_ends_in_the_state_of_the_world(type, pages_late, data):
    """Pages and events, early, late, twice, cut and replayed: the same items with the same data in the end."""
    line, world, replica = _live(data, type, pages_late=pages_late)
    assert replica.state == world.state()
    assert replica.object.position == world.newest
    assert line.subscriptions.is_established(replica.object.sid)


@pytest.mark.parametrize("type", ["list", "map"])
@settings(max_examples=300)
@given(data=st.data())
def test_each_item_is_announced_once(type, data):
    """Never more often than it was added; and one that is new since the opening, and is there, at least once."""
    _, world, replica = _live(data, type, pages_late=True)
    lives = world.lives()
    assert all(count <= max(lives[key], 1) for key, count in replica.added.items())
    new = {event.key for event in world.since(replica.opened)} - {event.key for event in world.until(replica.opened)}
    assert all(replica.added[key] >= 1 for key in new if key in world.state())


@given(data=st.data())
def test_what_is_new_is_announced_in_order(data):
    """A whole replay and then live events: each new item once, at its turn, whether it stays or not."""
    world = data.draw(worlds("list"))
    replica = Replica(world)
    line = Line(world, replica)
    while not world.is_over and data.draw(st.booleans()):
        world.happen()
    line.subscriptions.connected()
    batch = line.ask()
    for event in world.since(replica.opened):
        line.deliver(event, ordered=True)
    line.settle(batch.body.correlation_id, "completed", world.newest)
    while not world.is_over:
        line.deliver(world.happen(), ordered=False)
    assert replica.announced == [event.key for event in world.since(replica.opened) if event.what == "added"]
    assert replica.object.position == world.newest
