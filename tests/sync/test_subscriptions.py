"""The wish to follow and how it is made true: batches, answers, time-outs and failures, with time as a number."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from convo_widgets.sync.objects import SyncDocument, SyncList, SyncMap
from convo_widgets.sync.subscriptions import FIRST_RETRY, LAST_RETRY, LEAST_PATIENCE, Batch, Subscriptions
from convo_widgets.wire import json
from convo_widgets.wire.schema import SubscriptionsReply, SyncError, SyncEvent, SyncNotification


def told(event_type: str, sid: str, correlation: int | None = None, **fields) -> SyncNotification:
    """A notification about one object."""
    return SyncNotification(event_type, SyncEvent(object_sid=sid, **fields), correlation_id=correlation)


def added(sid: str, id: int, index: int = 1) -> SyncNotification:
    """An item was added to a list."""
    return SyncNotification("list_item_added", SyncEvent(id=id, list_sid=sid, item_index=index, item_data=Raw(b"1")))


class Desk:
    """`Subscriptions` with lists ES1, ES2 ... followed on an open connection, and a clock that a test sets."""

    def __init__(self, count: int = 1, position: int = 10) -> None:
        self.subject = Subscriptions()
        self.lists = [SyncList(f"ES{number}", position) for number in range(1, count + 1)]
        for one in self.lists:
            self.subject.follow(one)
        self.subject.connected()
        self.now = 1000.0

    def due(self) -> list[Batch]:
        """What is to be sent now."""
        return self.subject.due(self.now)

    def ask(self, **reply) -> Batch:
        """The one batch that is due, taken by the service."""
        (batch,) = self.due()
        self.subject.accepted(batch, SubscriptionsReply(**reply), self.now)
        return batch

    def hear(self, notification: SyncNotification, *, ordered: bool = True):
        """What a notification changes."""
        return self.subject.receive(notification, ordered=ordered, now=self.now)

    def establish(self, batch: Batch) -> None:
        """Say yes to every object of a batch."""
        for sid in batch.sids:
            self.hear(told("subscription_established", sid, batch.body.correlation_id, replay_status="completed"))


def sids(batches: list[Batch]) -> list[list[str]]:
    """The objects of each batch."""
    return [batch.sids for batch in batches]


# --- asking --------------------------------------------------------------------------------------------------------


def test_the_body_of_a_request():
    """Hand-written, as it goes over the wire."""
    subject = Subscriptions()
    subject.follow(SyncDocument("ET1", 3))
    subject.follow(SyncList("ES1", 0))
    subject.follow(SyncMap("MP1", 7))
    subject.connected()
    (batch,) = subject.due(0.0)
    assert json.encode(batch.body) == (
        b'{"event_protocol_version":4,"action":"establish","correlation_id":1,"requests":['
        b'{"object_sid":"ET1","object_type":"document","last_event_id":3},'
        b'{"object_sid":"ES1","object_type":"list","last_event_id":0},'
        b'{"object_sid":"MP1","object_type":"map","last_event_id":7}],"retried_requests":0,"ttl_in_s":-1}'
    )


def test_nothing_without_a_connection():
    """The wish waits; there is nothing to send and no time to wake at."""
    subject = Subscriptions()
    subject.follow(SyncList("ES1", 0))
    assert (subject.due(5.0), subject.wake_at(), len(subject)) == ([], None, 1)
    subject.connected()
    assert subject.wake_at() is not None
    assert sids(subject.due(5.0)) == [["ES1"]]


def test_each_object_is_asked_for_once():
    """What was asked is not asked again while the answer may come."""
    desk = Desk(2)
    desk.ask()
    assert desk.due() == []
    desk.subject.follow(SyncList("ES9", 0))
    assert sids(desk.due()) == [["ES9"]]


@given(st.integers(0, 350), st.integers(-5, 400))
def test_batches_are_as_large_as_the_service_says(count, largest):
    """A hundred until it says something; each object in exactly one batch, each batch with an id of its own."""
    desk = Desk(count)
    batches = desk.due()
    assert all(len(batch.sids) <= 100 for batch in batches)
    assert sorted(sid for batch in batches for sid in batch.sids) == sorted(one.sid for one in desk.lists)
    assert len({batch.body.correlation_id for batch in batches}) == len(batches)
    for batch in batches:
        desk.subject.accepted(batch, SubscriptionsReply(max_batch_size=largest), desk.now)
    desk.subject.connected()
    again = desk.due()
    size = largest if largest > 0 else 100
    assert all(0 < len(batch.sids) <= size for batch in again) or not count
    assert sum(len(batch.sids) for batch in again) == count


# --- answers -------------------------------------------------------------------------------------------------------


def test_established():
    """It is said as `None`, and the position is where the service says that the replay ended."""
    desk = Desk()
    batch = desk.ask()
    assert not desk.subject.is_established("ES1")
    changes = desk.hear(
        told("subscription_established", "ES1", batch.body.correlation_id, replay_status="completed", last_event_id=15)
    )
    assert changes == [(desk.lists[0], None)]
    assert desk.subject.is_established("ES1")
    assert desk.lists[0].position == 15


def test_answers_before_the_reply_to_the_request():
    """Notifications may overtake the POST's answer; that answer then opens nothing again."""
    desk = Desk()
    (batch,) = desk.due()
    desk.establish(batch)
    desk.subject.accepted(batch, SubscriptionsReply(estimated_delivery_in_ms=5000), desk.now)
    desk.now += 5.0
    assert desk.due() == []
    assert desk.subject.is_established("ES1")


def test_live_events_count_as_ordered_once_established():
    """Before, they are taken without moving the position; afterwards they move it."""
    desk = Desk()
    batch = desk.ask()
    assert len(desk.hear(added("ES1", 12), ordered=False)) == 1
    assert desk.lists[0].position == 10
    desk.establish(batch)
    assert desk.lists[0].position == 10
    assert len(desk.hear(added("ES1", 14, 2), ordered=False)) == 1
    assert desk.lists[0].position == 14


def test_several_events_in_one_notification():
    """`events` instead of `event`; those of objects that we do not follow are passed over."""
    desk = Desk(2)
    desk.establish(desk.ask())
    events = [added(sid, id, id).event for sid, id in (("ES1", 11), ("ES7", 12), ("ES2", 13), ("ES1", 14))]
    changes = desk.hear(SyncNotification("list_item_added", events=events))
    assert [(obj.sid, change.key) for obj, change in changes] == [("ES1", 11), ("ES2", 13), ("ES1", 14)]


def test_what_was_held_comes_with_establishment():
    """An update that may have overtaken an adding is told when it is certain that there was none."""
    desk = Desk()
    batch = desk.ask()
    event = SyncEvent(id=12, list_sid="ES1", item_index=1, item_data=Raw(b"1"))
    assert desk.hear(SyncNotification("list_item_updated", event), ordered=False) == []
    notification = told("subscription_established", "ES1", batch.body.correlation_id, last_event_id=12)
    (first, second) = desk.hear(notification)
    assert (first[1].kind, first[1].key, second[1]) == ("updated", 1, None)


@pytest.mark.parametrize("event_type", ["subscription_canceled", "subscription_danced", "list_danced", ""])
def test_unknown_notifications(event_type):
    """A newer service may say more than we know."""
    desk = Desk()
    batch = desk.ask()
    assert desk.hear(told(event_type, "ES1", batch.body.correlation_id)) == []
    assert desk.hear(SyncNotification(event_type)) == []
    desk.establish(batch)
    assert desk.subject.is_established("ES1")


# --- no answers ----------------------------------------------------------------------------------------------------


def test_no_word_within_the_estimated_time():
    """It is asked again, from the position reached, and says that it is a repetition."""
    desk = Desk(2)
    batch = desk.ask(estimated_delivery_in_ms=3000)
    desk.hear(told("subscription_established", "ES1", batch.body.correlation_id, last_event_id=11))
    assert desk.subject.wake_at() == desk.now + 3
    desk.now += 2.9
    assert desk.due() == []
    desk.now += 0.2
    (again,) = desk.due()
    assert again.sids == ["ES2"]
    assert again.body.retried_requests == 1
    assert again.body.correlation_id != batch.body.correlation_id


def test_each_answer_gives_the_others_more_time():
    """The time counts from the last answer with the same id."""
    desk = Desk(3)
    batch = desk.ask(estimated_delivery_in_ms=3000)
    for sid in ("ES1", "ES2"):
        desk.now += 2.9
        assert desk.due() == []
        desk.hear(told("subscription_established", sid, batch.body.correlation_id))
    desk.now += 2.9
    assert desk.due() == []
    desk.now += 0.2
    assert sids(desk.due()) == [["ES3"]]


@pytest.mark.parametrize("promise", [0, -1000, 1])
def test_a_hasty_promise_does_not_make_us_hammer(promise):
    """However soon the service says that answers come, it is given a second."""
    desk = Desk()
    desk.ask(estimated_delivery_in_ms=promise)
    assert desk.subject.wake_at() == desk.now + LEAST_PATIENCE
    desk.now += LEAST_PATIENCE / 2
    assert desk.due() == []


def test_an_answer_to_a_request_that_was_given_up():
    """It counts no more: the newer request has its own."""
    desk = Desk()
    old = desk.ask(estimated_delivery_in_ms=1000)
    desk.now += 1.0
    new = desk.ask()
    late = told("subscription_established", "ES1", old.body.correlation_id, replay_status="completed", last_event_id=99)
    assert desk.hear(late) == []
    assert not desk.subject.is_established("ES1")
    assert desk.lists[0].position == 10
    assert desk.hear(told("subscription_failed", "ES1", old.body.correlation_id, error=SyncError(404))) == []
    desk.establish(new)
    assert desk.subject.is_established("ES1")


def test_an_answer_just_before_it_is_asked_again():
    """Given up but not asked again yet: the late answer is as good as any."""
    desk = Desk(1)
    batch = desk.ask(estimated_delivery_in_ms=1000)
    desk.subject.refused(Batch(batch.body), desk.now)  # the wish is open, and waits
    desk.establish(batch)
    desk.now += 500
    assert desk.due() == []


# --- failures ------------------------------------------------------------------------------------------------------


def test_a_refused_request_is_repeated_ever_later():
    """0.1 s, doubled each time, to 120 s; taken once, it starts from 0.1 s again."""
    desk = Desk()
    waits = []
    for _ in range(14):
        (batch,) = desk.due()
        desk.subject.refused(batch, desk.now)
        wake = desk.subject.wake_at()
        waits.append(wake - desk.now)
        desk.now = wake - 0.001
        assert desk.due() == []
        desk.now = wake
    assert waits == pytest.approx([min(FIRST_RETRY * 2**n, LAST_RETRY) for n in range(14)])
    desk.ask()
    desk.subject.follow(SyncList("ES2", 0))
    (batch,) = desk.due()
    desk.subject.refused(batch, desk.now)
    assert desk.subject.wake_at() == pytest.approx(desk.now + FIRST_RETRY)


@pytest.mark.parametrize("error", [None, SyncError(), SyncError(500), SyncError(429), SyncError(400, 1, "no")])
def test_an_object_that_failed_is_repeated_ever_later(error):
    """One that fails for good is asked for again and again, but not without a pause; the others go on."""
    desk = Desk(2)
    waits = []
    for _ in range(13):
        (batch,) = desk.due()
        desk.subject.accepted(batch, SubscriptionsReply(estimated_delivery_in_ms=10**9), desk.now)
        desk.hear(told("subscription_established", "ES2", batch.body.correlation_id))
        assert desk.hear(told("subscription_failed", "ES1", batch.body.correlation_id, error=error)) == []
        assert desk.due() == []
        wake = desk.subject.wake_at()
        waits.append(wake - desk.now)
        desk.now = wake
    assert waits == pytest.approx([min(FIRST_RETRY * 2**n, LAST_RETRY) for n in range(13)])
    assert desk.subject.is_established("ES2")


@pytest.mark.parametrize("status", [403, 404])
def test_an_object_that_is_gone(status):
    """It is said, and not asked for again."""
    desk = Desk(2)
    batch = desk.ask()
    ((obj, change),) = desk.hear(told("subscription_failed", "ES1", batch.body.correlation_id, error=SyncError(status)))
    assert (obj.sid, change.kind) == ("ES1", "gone")
    assert len(desk.subject) == 1
    desk.subject.connected()
    assert sids(desk.due()) == [["ES2"]]


def test_a_subscription_that_the_service_ends_by_itself():
    """It is asked for again; only the answer to that says what it means."""
    desk = Desk()
    desk.establish(desk.ask())
    assert desk.hear(told("subscription_canceled", "ES1")) == []
    assert not desk.subject.is_established("ES1")
    desk.now = desk.subject.wake_at()
    assert sids(desk.due()) == [["ES1"]]


def test_a_service_with_another_past():
    """Established below what an earlier connection has reached: what is known of it is lost."""
    desk = Desk(position=10)
    desk.hear(told("subscription_established", "ES1", desk.ask().body.correlation_id, last_event_id=9))
    assert desk.subject.is_established("ES1"), "opened on this very connection"
    desk.subject.disconnected()
    desk.subject.connected()
    ((obj, change),) = desk.hear(
        told("subscription_established", "ES1", desk.ask().body.correlation_id, last_event_id=9)
    )
    assert (obj.sid, change.kind, len(desk.subject)) == ("ES1", "lost", 0)
    desk.subject.follow(SyncList("ES1", 9))
    desk.establish(desk.ask())
    assert desk.subject.is_established("ES1")


def test_an_object_that_was_removed():
    """Its own event ends it too, and needs no cancelling."""
    desk = Desk()
    desk.establish(desk.ask())
    ((_, change),) = desk.hear(SyncNotification("list_removed", SyncEvent(id=12, list_sid="ES1")), ordered=False)
    assert change.kind == "gone"
    assert (len(desk.subject), desk.due()) == (0, [])


def test_interrupted_goes_on_from_where_it_is():
    """At once, from the last replayed event, as long as it gets anywhere."""
    desk = Desk()
    for step in range(1, 30):
        batch = desk.ask()
        assert batch.body.requests[0].last_event_id == 9 + step
        assert len(desk.hear(added("ES1", 10 + step, step))) == 1
        assert desk.lists[0].position == 9 + step
        desk.hear(told("subscription_established", "ES1", batch.body.correlation_id, replay_status="interrupted"))
        assert desk.lists[0].position == 10 + step
        assert not desk.subject.is_established("ES1")


def test_interrupted_for_nothing_does_not_make_us_hammer():
    """Without any progress each next try is later."""
    desk = Desk()
    waits = []
    for _ in range(5):
        batch = desk.ask()
        desk.hear(told("subscription_established", "ES1", batch.body.correlation_id, replay_status="interrupted"))
        waits.append(desk.subject.wake_at() - desk.now)
        desk.now = desk.subject.wake_at()
    assert waits == pytest.approx([FIRST_RETRY * 2**n for n in range(5)])


def test_a_replay_that_was_cut_starts_again():
    """The position stays before it, for a shortened replay would leave out what was added before the cut."""
    desk = Desk()
    desk.ask()
    desk.hear(added("ES1", 20))
    desk.subject.disconnected()
    desk.subject.connected()
    (batch,) = desk.due()
    assert batch.body.requests[0].last_event_id == 10
    assert desk.hear(added("ES1", 20)) == []
    desk.establish(batch)
    assert desk.lists[0].position == 20


# --- time to live, connections -------------------------------------------------------------------------------------


def test_renewal():
    """When the time to live runs out everything is asked for again, and it says why; nothing is lost meanwhile."""
    desk = Desk(2)
    desk.establish(desk.ask(ttl_in_s=60, estimated_delivery_in_ms=1000))
    desk.now += 59.9
    assert desk.due() == []
    assert desk.subject.wake_at() == pytest.approx(desk.now + 0.1)
    desk.now += 0.1
    (batch,) = desk.due()
    assert (batch.sids, batch.body.reason) == (["ES1", "ES2"], "ttl")
    assert len(desk.hear(added("ES1", 12), ordered=False)) == 1
    desk.subject.accepted(batch, SubscriptionsReply(ttl_in_s=60), desk.now)
    desk.establish(batch)
    desk.now += 30
    desk.subject.follow(SyncList("ES3", 0))
    (batch,) = desk.due()
    assert batch.body.reason is None


def test_no_time_to_live():
    """-1 means for ever."""
    desk = Desk()
    desk.establish(desk.ask(ttl_in_s=-1, estimated_delivery_in_ms=1000))
    desk.now += 1e9
    assert desk.due() == []
    assert desk.subject.wake_at() is None


def test_a_new_connection_starts_with_nothing():
    """Everything is asked for again at once, from the position reached, whatever the old one waited for."""
    desk = Desk(2)
    desk.establish(desk.ask(ttl_in_s=5))
    desk.hear(added("ES1", 12), ordered=False)
    desk.subject.follow(SyncList("ES3", 0))
    (batch,) = desk.due()
    desk.subject.disconnected()
    assert (desk.subject.wake_at(), desk.due()) == (None, [])
    desk.subject.refused(batch, desk.now)  # the request in flight fails with its connection
    desk.subject.connected()
    assert desk.subject.wake_at() <= desk.now
    (batch,) = desk.due()
    assert [(one.object_sid, one.last_event_id) for one in batch.body.requests] == [
        ("ES1", 12),
        ("ES2", 10),
        ("ES3", 0),
    ]
    assert batch.body.reason is None


def test_cancelling():
    """It goes without a position, and what still comes is dropped."""
    desk = Desk(2)
    desk.establish(desk.ask())
    desk.subject.unfollow("ES1")
    assert desk.subject.wake_at() is not None
    (batch,) = desk.due()
    assert json.encode(batch.body) == (
        b'{"event_protocol_version":4,"action":"cancel","correlation_id":2,"requests":['
        b'{"object_sid":"ES1","object_type":"list"}],"retried_requests":0,"ttl_in_s":-1}'
    )
    assert desk.hear(added("ES1", 12)) == []
    assert desk.hear(told("subscription_canceled", "ES1", batch.body.correlation_id)) == []
    assert desk.due() == []


def test_cancelling_waits_for_the_back_off_and_no_longer():
    """While requests are refused it is kept, and there is a time to wake for it."""
    desk = Desk(2)
    batch = desk.ask()
    desk.establish(batch)
    desk.subject.follow(SyncList("ES3", 0))
    (refused,) = desk.due()
    desk.subject.refused(refused, desk.now)
    desk.subject.unfollow("ES3")
    desk.subject.unfollow("ES1")
    assert desk.due() == []
    assert desk.subject.wake_at() == pytest.approx(desk.now + FIRST_RETRY)
    desk.now = desk.subject.wake_at()
    (batch,) = desk.due()
    assert (batch.body.action, batch.sids) == ("cancel", ["ES1"])


def test_what_was_never_asked_needs_no_cancelling():
    """Following and unfollowing before anything was sent, or between connections, sends nothing."""
    desk = Desk()
    desk.subject.unfollow("ES1")
    desk.subject.unfollow("ES1")
    desk.subject.unfollow("nobody")
    assert (desk.due(), desk.subject.wake_at()) == ([], None)


def test_following_again_before_the_cancel_went_out():
    """The newer wish counts."""
    desk = Desk()
    desk.establish(desk.ask())
    desk.subject.unfollow("ES1")
    desk.subject.follow(SyncList("ES1", 30))
    (batch,) = desk.due()
    assert (batch.body.action, batch.body.requests[0].last_event_id) == ("establish", 30)


# --- anything ------------------------------------------------------------------------------------------------------

STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["accept", "refuse", "silent", "established", "interrupted", "failed", "cut", "wait", "follow"]
        ),
        st.integers(0, 3),
    ),
    max_size=40,
)


@given(STEPS)
def test_whatever_happens_each_wish_is_true_in_the_end(steps):
    """After any mixture of failures, a service that answers establishes everything, and soon."""
    desk = Desk(4)
    asked: list[Batch] = []
    for step, number in steps:
        sid = f"ES{number + 1}"
        correlation = asked[-1].body.correlation_id if asked else 1
        match step:
            case "accept" | "refuse" | "silent":
                for batch in desk.due():
                    asked.append(batch)
                    if step == "accept":
                        desk.subject.accepted(batch, SubscriptionsReply(ttl_in_s=number * 5 or -1), desk.now)
                    elif step == "refuse":
                        desk.subject.refused(batch, desk.now)
                    else:  # its connection was lost
                        desk.subject.disconnected()
                        desk.subject.connected()
            case "established":
                desk.hear(told("subscription_established", sid, correlation, replay_status="completed"))
            case "interrupted":
                desk.hear(told("subscription_established", sid, correlation, replay_status="interrupted"))
            case "failed":
                desk.hear(told("subscription_failed", sid, correlation, error=SyncError(500)))
            case "cut":
                desk.subject.disconnected()
                desk.subject.connected()
            case "wait":
                desk.now += number
            case "follow":
                desk.subject.unfollow(sid)
                desk.subject.follow(SyncList(sid, number))
    for _ in range(10):
        for batch in desk.due():
            if batch.body.action == "establish":
                desk.subject.accepted(batch, SubscriptionsReply(), desk.now)
                desk.establish(batch)
        wake = desk.subject.wake_at()
        if wake is None:
            break
        assert wake - desk.now <= LAST_RETRY
        desk.now = max(desk.now, wake)
    assert all(desk.subject.is_established(f"ES{number}") for number in range(1, 5))


# --- many ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("early", [False, True])
def test_nothing_is_open_once_all_is_answered(early):
    """Whether the events come before the request's answer or after it: nothing is left to wake up for."""
    desk = Desk(3)
    if early:
        (batch,) = desk.due()
        desk.establish(batch)
        desk.subject.accepted(batch, SubscriptionsReply(), desk.now)
    else:
        desk.establish(desk.ask())
    assert desk.subject.wake_at() is None


def test_an_answer_costs_the_same_however_many_are_followed():
    """What is settled is not looked at again: the looking is counted."""
    counts = []
    for count in (100, 5_000):
        desk = Desk(count)
        for batch in desk.due():
            desk.subject.accepted(batch, SubscriptionsReply(), desk.now)
            desk.establish(batch)
        looked = 0

        class Counting(dict):
            def values(self):
                nonlocal looked
                looked += len(self)
                return super().values()

        for name in ("_entries", "_wanted", "_deadlines"):
            setattr(desk.subject, name, Counting(getattr(desk.subject, name)))
        desk.subject.follow(SyncList("ES0", 10))
        desk.establish(desk.ask())
        assert desk.due() == []
        assert desk.subject.wake_at() is None
        counts.append(looked)
    assert counts[0] == counts[1]
