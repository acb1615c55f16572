"""What an object says about each event: the cases that convergence rests on, one by one."""

from __future__ import annotations

import pytest
from msgspec import Raw

from convo_widgets.sync.objects import Change, SyncDocument, SyncList, SyncMap
from convo_widgets.wire.schema import SyncEvent, SyncItem


def data(text: str) -> Raw:
    """An item's data."""
    return Raw(f'"{text}"'.encode())


def event(id: int | None, index: int = 1, text: str = "") -> SyncEvent:
    """An event of item `index`; its data is its own id unless it is said."""
    return SyncEvent(id=id, list_sid="ES1", item_index=index, item_data=data(text or str(id)))


def item(id: int, index: int = 1, text: str = "") -> SyncItem:
    """An item of a page that was read at event `id`."""
    return SyncItem(data(text or str(id)), id, index=index)


def kind(change: Change | None) -> str | None:
    """What the change says."""
    return None if change is None else change.kind


def text(change: Change | None) -> str:
    """The data that it carries."""
    assert change is not None
    assert change.data is not None
    return bytes(change.data).decode().strip('"')


@pytest.fixture
def items() -> SyncList:
    """A list that was opened at event 10."""
    return SyncList("ES1", 10)


def add(items, id, **more):
    """An ordered adding."""
    return items.apply("list_item_added", event(id, **more), ordered=True)


def test_what_is_known_is_dropped(items):
    """The same event, and any older one, says nothing."""
    assert kind(add(items, 12)) == "added"
    assert add(items, 12) is None
    assert items.apply("list_item_updated", event(11), ordered=False) is None
    assert kind(items.apply("list_item_updated", event(13), ordered=True)) == "updated"


def test_only_ordered_events_move_the_position(items):
    """A live event that may have overtaken others moves nothing."""
    items.apply("list_item_added", event(15), ordered=False)
    assert items.position == 10
    items.apply("list_item_added", event(12, 2), ordered=True)
    assert items.position == 12
    items.apply("list_item_added", event(11, 3), ordered=True)
    assert items.position == 12


def test_a_replay_moves_the_position_at_its_end(items):
    """It may be shortened, so what came of it means nothing before the service says how far it went."""
    items.rewind()
    items.apply("list_item_added", event(14), ordered=True, replayed=True)
    assert items.position == 10
    items.rewind()  # cut, and asked for again
    assert (items.advance(), items.position) == (False, 10)
    items.apply("list_item_added", event(14), ordered=True, replayed=True)
    assert (items.advance(), items.position) == (True, 14)
    assert (items.settle(20), items.position) == ([], 20)
    assert (items.settle(None), items.position) == ([], 20)


def test_a_removed_item_does_not_come_back(items):
    """A tombstone meets late events and late pages alike."""
    add(items, 11)
    assert kind(items.apply("list_item_removed", event(13), ordered=True)) == "removed"
    assert items.apply("list_item_removed", event(13), ordered=True) is None
    assert items.apply("list_item_updated", event(12), ordered=False) is None
    assert items.apply("list_item_added", event(11), ordered=False) is None
    assert items.load(item(12)) is None
    assert items.load(item(13)) is None
    assert kind(items.load(item(14))) == "added"


def test_a_removal_may_be_the_first_that_is_heard(items):
    """Then the item never was, for us."""
    assert kind(items.apply("list_item_removed", event(13), ordered=False)) == "removed"
    assert items.apply("list_item_added", event(11), ordered=True) is None
    assert items.load(item(12)) is None


def test_an_update_that_overtook_the_adding(items):
    """The item is announced as new once its adding comes, with the newest of its data."""
    assert items.apply("list_item_updated", event(13), ordered=False) is None
    assert items.apply("list_item_updated", event(12), ordered=False) is None
    change = add(items, 11)
    assert (kind(change), text(change)) == ("added", "13")
    assert items.apply("list_item_updated", event(13), ordered=True) is None


def test_an_update_of_an_item_that_is_older_than_we_know(items):
    """Nothing was added by the time that all is settled: it is told as an update, once."""
    assert items.apply("list_item_updated", event(13), ordered=False) is None
    (change,) = items.settle(13)
    assert (kind(change), text(change)) == ("updated", "13")
    assert items.settle(13) == []


def test_a_page_meets_an_early_update(items):
    """Whichever is newer is taken, and the item is known from then on."""
    items.apply("list_item_updated", event(13), ordered=False)
    assert text(items.load(item(12))) == "13"
    items.apply("list_item_updated", event(13, 2), ordered=False)
    assert text(items.load(item(14, 2))) == "14"
    assert items.settle(14) == []


def test_a_removal_meets_an_early_update(items):
    """A newer removal ends it; an older one leaves it to the adding that must lie between."""
    items.apply("list_item_updated", event(12), ordered=False)
    items.apply("list_item_removed", event(13), ordered=False)
    assert items.settle(13) == []
    named = SyncMap("MP1", 0)
    one = SyncEvent(id=5, map_sid="MP1", item_key="a", item_data=data("5"))
    assert named.apply("map_item_updated", one, ordered=False) is None
    named.apply("map_item_removed", SyncEvent(id=3, map_sid="MP1", item_key="a"), ordered=False)
    again = SyncEvent(id=4, map_sid="MP1", item_key="a", item_data=data("4"))
    change = named.apply("map_item_added", again, ordered=True)
    assert (kind(change), text(change)) == ("added", "5")


def test_a_page_that_comes_again(items):
    """A page that is as new as what we know is taken again; an older one is not."""
    assert kind(items.load(item(12))) == "added"
    assert kind(items.load(item(12))) == "updated"
    assert items.load(item(11)) is None


def test_a_document():
    """It is as new as it was when it was read; only newer updates count."""
    document = SyncDocument("ET1", 10)

    def update(id, ordered=True):
        return document.apply(
            "document_updated", SyncEvent(id=id, document_sid="ET1", document_data=data(str(id))), ordered=ordered
        )

    assert update(10) is None
    assert text(update(13, ordered=False)) == "13"
    assert document.position == 10
    assert update(12) is None
    assert document.position == 12
    assert kind(document.apply("document_removed", SyncEvent(id=14, document_sid="ET1"), ordered=True)) == "gone"


@pytest.mark.parametrize(
    ("event_type", "odd"),
    [
        ("list_item_added", SyncEvent(list_sid="ES1", item_index=1, item_data=data("x"))),  # no id
        ("list_item_added", SyncEvent(id=11, list_sid="ES1", item_data=data("x"))),  # no index
        ("list_item_added", SyncEvent(id=11, list_sid="ES1", item_index=1)),  # no data
        ("list_item_removed", SyncEvent(id=11, list_sid="ES1", item_key="1")),  # a map's key
        ("list_item_renamed", SyncEvent(id=11, list_sid="ES1", item_index=1, item_data=data("x"))),
        ("map_item_added", SyncEvent(id=11, list_sid="ES1", item_index=1, item_data=data("x"))),
        ("", SyncEvent()),
    ],
)
def test_odd_events_change_nothing(items, event_type, odd):
    """Fields that are missing or of another kind of object: passed over, and what follows is taken."""
    assert items.apply(event_type, odd, ordered=True) is None
    assert items.load(SyncItem(data("x"), 11, key="a")) is None
    assert kind(add(items, 12)) == "added"


def test_a_map_is_keyed_by_name():
    """The same rules, by name."""
    named = SyncMap("MP1", 0)
    assert kind(named.load(SyncItem(data("1"), 1, key="a"))) == "added"
    assert named.load(SyncItem(data("1"), 1, index=3)) is None
    one = SyncEvent(id=2, map_sid="MP1", item_key="a", item_data=data("2"))
    assert kind(named.apply("map_item_updated", one, ordered=True)) == "updated"
    assert (
        kind(named.apply("map_item_removed", SyncEvent(id=3, map_sid="MP1", item_key="a"), ordered=True)) == "removed"
    )
    assert kind(named.apply("map_removed", SyncEvent(id=4, map_sid="MP1"), ordered=True)) == "gone"
