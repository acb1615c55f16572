"""Both ends of the machine, joined by a link that only hands the bytes over: what may be said when, and what not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convo_widgets.errors import LocalProtocolError
from convo_widgets.wire.events import (
    Closed,
    Initialized,
    InitRequested,
    Malformed,
    Notified,
    Refused,
    Replied,
    Requested,
    TokenAboutToExpire,
    Updated,
    UpdateRequested,
)
from convo_widgets.wire.frame import Frame, decode, encode
from convo_widgets.wire.protocol import Protocol
from convo_widgets.wire.schema import Header, HttpRequest, Status

GET = HttpRequest("h", "/p", "GET")


class Pair:
    """A client and a service; `up` and `down` carry what one has to say, and give what the other makes of it."""

    def __init__(self) -> None:
        self.client, self.service = Protocol("client"), Protocol("service")
        self.methods: list[str] = []

    def _carry(self, source, target):
        events = []
        for data in source.take():
            got = decode(data)
            assert isinstance(got, Frame)
            self.methods.append(f"{source.role}:{got.header.method}")
            events += target.receive(data)
        return events

    def up(self):
        """From the client to the service."""
        return self._carry(self.client, self.service)

    def down(self):
        """From the service to the client."""
        return self._carry(self.service, self.client)


@pytest.fixture
def pair() -> Pair:
    """Neither has said anything."""
    return Pair()


@pytest.fixture
def ready(pair) -> Pair:
    """Introduced to each other."""
    id = pair.client.init("t.o.k", None, {"sdk": "python"})
    assert pair.up() == [InitRequested(id, "t.o.k", None)]
    pair.service.accept(id, continuation_token="c", reissued=False, storage_id="s")
    assert pair.down() == [Initialized("c")]
    pair.methods.clear()
    return pair


def test_states_on_the_way_to_ready(pair):
    """new, initializing, ready on both ends."""
    assert (pair.client.state, pair.service.state) == ("new", "new")
    id = pair.client.init("t.o.k", "before")
    assert pair.client.state == "initializing"
    assert pair.up() == [InitRequested(id, "t.o.k", "before")]
    assert pair.service.state == "initializing"
    pair.service.accept(id, continuation_token="c", reissued=True, storage_id="s")
    assert (pair.down(), pair.client.state, pair.service.state) == ([Initialized("c")], "ready", "ready")


def test_answers_in_any_order(ready):
    """A reply settles the request of its id, whichever came first."""
    ids = [ready.client.request(GET, b"%d" % number) for number in range(5)]
    asked = ready.up()
    assert [event.body for event in asked] == [b"0", b"1", b"2", b"3", b"4"]
    for event in reversed(asked):
        ready.service.reply(event.id, Status(200, "OK"), event.body, {"X": "y"})
    answers = ready.down()
    assert [(one.id, one.body) for one in answers] == [(ids[i], b"%d" % i) for i in (4, 3, 2, 1, 0)]
    assert answers[0].headers == {"X": "y"}
    assert ready.client.take() == []


def test_each_notice_is_acknowledged_at_once(ready):
    """One reply for each frame that is none, before anybody looks at the event; the service takes it."""
    ready.service.notify("a", b"1")
    ready.service.warn_expiry()
    ready.service.ping()
    assert ready.down() == [Notified("a", b"1"), TokenAboutToExpire()]
    assert ready.up() == []
    assert ready.methods[3:] == ["client:reply"] * 3
    assert ready.down() == []


def test_an_acknowledgement_carries_the_id(ready):
    """Otherwise the service could not tell what was heard."""
    ready.service.ping()
    (ping,) = ready.service.take()
    ready.client.receive(ping)
    (answer,) = ready.client.take()
    assert decode(answer).header.id == decode(ping).header.id
    assert decode(answer).header.status == Status(200, "OK")


@pytest.mark.parametrize("code", [200, 201, 204, 299])
def test_update_taken(ready, code):
    """Any 2xx is a yes."""
    id = ready.client.update("n.e.w")
    assert ready.up() == [UpdateRequested(id, "n.e.w")]
    assert ready.client.receive(encode(Header("reply", id, status=Status(code)))) == [Updated(id)]


@pytest.mark.parametrize("code", [199, 300, 401, 403, 429, 500])
def test_update_refused_leaves_the_connection(ready, code):
    """The old token still counts."""
    id = ready.client.update("n.e.w")
    ready.up()
    ready.service.refuse(id, Status(code))
    assert ready.down() == [Refused("update", id, Status(code))]
    assert (ready.client.state, ready.service.state) == ("ready", "ready")


@pytest.mark.parametrize("code", [401, 403, 429, 500])
def test_init_refused_ends_it(pair, code):
    """Both ends are closed; a new try needs a new connection."""
    id = pair.client.init("t.o.k")
    pair.up()
    pair.service.refuse(id, Status(code, "NO", 20101))
    assert pair.down() == [Refused("init", id, Status(code, "NO", 20101))]
    assert (pair.client.state, pair.service.state) == ("closed", "closed")


def test_a_throttled_init_says_for_how_long():
    """The back-off stands in the payload."""
    client = Protocol("client")
    id = client.init("t.o.k")
    body = b'{"backoff_policy":{"reconnect_min_ms":2500}}'
    header = Header("reply", id, payload_type="application/json", status=Status(429))
    assert client.receive(encode(header, body)) == [Refused("init", id, Status(429), 2500)]


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"nonsense", b'{"backoff_policy":null}',
                                  b'{"backoff_policy":{"reconnect_min_ms":"soon"}}',
                                  b'{"backoff_policy":{"reconnect_min_ms":-5}}'])  # fmt: skip
def test_a_close_with_an_odd_back_off(ready, body):
    """It is a close all the same."""
    header = Header("close", "1", payload_type="application/json", status=Status(308))
    assert ready.client.receive(encode(header, body)) == [Closed(Status(308), 0)]


def test_a_failed_envelope_is_the_answer(ready):
    """Where the frame itself was refused there is no HTTP status: the envelope's stands for it."""
    id = ready.client.request(GET)
    ready.client.receive(encode(Header("reply", id, status=Status(429, "SLOW"), http_status=Status(200))))
    id = ready.client.request(GET)
    (answer,) = ready.client.receive(encode(Header("reply", id, status=Status(429, "SLOW"), http_status=Status(200))))
    assert answer == Replied(id, Status(429, "SLOW"), {}, b"")
    id = ready.client.request(GET)
    (answer,) = ready.client.receive(encode(Header("reply", id, status=Status(200))))
    assert answer.status.code == 200


# --- what a peer does wrong ----------------------------------------------------------------------------------------


def test_before_init_everything_is_refused(pair):
    """401, with a word; an init afterwards is taken."""
    for method in ("message", "update", "ping", "put_notification_ctx", "whatever"):
        frame = encode(Header(method, "1", token="t", http_request=GET))
        assert pair.service.receive(frame) == []
        (answer,) = pair.service.take()
        assert decode(answer).header.status.code == 401
    id = pair.client.init("t.o.k")
    assert pair.up() == [InitRequested(id, "t.o.k", None)]


def test_a_second_init_is_refused(ready):
    """Once introduced, or while waiting: it is no request that fits."""
    ready.service.receive(encode(Header("init", "2", token="t")))
    (answer,) = ready.service.take()
    assert decode(answer).header.status.code == 400
    waiting = Protocol("service")
    waiting.receive(encode(Header("init", "1", token="t")))
    assert waiting.receive(encode(Header("init", "2", token="t"))) == []
    assert decode(waiting.take()[0]).header.status.code == 401


@pytest.mark.parametrize(
    "header", [Header("dance", "1"), Header("message", "1"), Header("", "")], ids=lambda one: one.method
)
def test_unknown_methods_to_the_service(ready, header):
    """400, and nothing else happens."""
    assert ready.service.receive(encode(header)) == []
    (answer,) = ready.service.take()
    assert decode(answer).header.status.code == 400
    assert ready.service.state == "ready"


@pytest.mark.parametrize("method", ["dance", "message", "init", "update", "telemetry.v1", "client_update"])
def test_unknown_methods_to_the_client(ready, method):
    """A newer service may say more than we know: acknowledged and passed over."""
    assert ready.client.receive(encode(Header(method, "1", client_update_type="new thing"))) == []
    (answer,) = ready.client.take()
    assert decode(answer).header.method == "reply"
    assert ready.client.state == "ready"


def test_a_forgotten_request(ready):
    """Its answer says nothing any more, and a reply to nothing says nothing either; neither is acknowledged."""
    id = ready.client.request(GET)
    (asked,) = ready.up()
    ready.client.forget(id)
    ready.service.reply(asked.id, Status(200))
    assert ready.down() == []
    assert ready.client.receive(encode(Header("reply", "nobody", status=Status(200)))) == []
    assert ready.client.take() == []
    ready.client.forget("nobody")


def test_an_answer_counts_once(ready):
    """A repeated reply is one to nothing."""
    ready.client.request(GET)
    (asked,) = ready.up()
    ready.service.reply(asked.id, Status(200))
    ready.service.reply(asked.id, Status(500))
    assert [event.status.code for event in ready.down()] == [200]


def test_a_reply_without_a_status(ready):
    """Nothing after that can be trusted."""
    id = ready.client.request(GET)
    assert [type(event) for event in ready.client.receive(encode(Header("reply", id)))] == [Malformed]
    assert ready.client.state == "closed"


def test_a_malformed_frame_to_the_service(ready):
    """It says 406 and why, then nothing."""
    assert [type(event) for event in ready.service.receive(b"hello")] == [Malformed]
    assert [type(event) for event in ready.down()] == [Closed]
    assert (ready.service.state, ready.client.state) == ("closed", "closed")


# --- what we do wrong ----------------------------------------------------------------------------------------------

CLIENT_ACTS = {
    "init": lambda one: one.init("t"),
    "request": lambda one: one.request(GET),
    "update": lambda one: one.update("t"),
}
SERVICE_ACTS = {
    "accept": lambda one: one.accept("1", continuation_token="c", reissued=False, storage_id="s"),
    "refuse": lambda one: one.refuse("1", Status(401)),
    "reply": lambda one: one.reply("1", Status(200)),
    "notify": lambda one: one.notify("a", b"{}"),
    "warn_expiry": lambda one: one.warn_expiry(),
    "ping": lambda one: one.ping(),
}
LEGAL = {
    "init": {"new"},
    "request": {"ready"},
    "update": {"ready"},
    "accept": {"initializing"},
    "refuse": {"initializing", "ready", "closed"},  # a late answer is dropped
    "reply": {"ready", "closed"},
    "notify": {"ready"},
    "warn_expiry": {"ready"},
    "ping": {"ready"},
}
STATES = ["new", "initializing", "ready", "closed"]


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("role", ["client", "service"])
@pytest.mark.parametrize("act", [*CLIENT_ACTS, *SERVICE_ACTS])
def test_every_act_in_every_state(role, state, act):
    """What is not legal raises our own error and says nothing; what is legal speaks, unless it is all over."""
    protocol = Protocol(role)
    protocol.state = state
    mine = CLIENT_ACTS if role == "client" else SERVICE_ACTS
    call = (CLIENT_ACTS | SERVICE_ACTS)[act]
    if act in mine and state in LEGAL[act]:
        call(protocol)
        assert len(protocol.take()) == (0 if state == "closed" else 1)
    else:
        with pytest.raises(LocalProtocolError, match=role):
            call(protocol)
        assert protocol.take() == []
        assert protocol.state == state


@pytest.mark.parametrize("role", ["client", "service"])
def test_nothing_after_close(role):
    """Closed is closed: nothing is read, nothing is said, and closing again is nothing."""
    protocol = Protocol(role)
    protocol.state = "ready"
    protocol.close(None if role == "client" else Status(410))
    assert len(protocol.take()) == 1
    protocol.close(Status(308), 100)
    for method in ("notification", "message", "close", "reply", "ping"):
        assert protocol.receive(encode(Header(method, "1", status=Status(200), http_request=GET))) == []
    assert protocol.take() == []


def test_what_was_said_before_the_close_goes_out(ready):
    """Closing drops nothing that was written already."""
    ready.client.request(GET)
    ready.client.close()
    assert [type(event) for event in ready.up()] == [Requested, Closed]


# --- any legal conversation ----------------------------------------------------------------------------------------


@given(st.lists(st.sampled_from(["request", "update", "answer", "refuse", "notify", "ping", "warn", "up", "down"])))
def test_any_legal_order(steps):
    """However the steps of both ends mix, each question has one answer and each notice arrives once, in order."""
    pair = Pair()
    id = pair.client.init("t")
    pair.up()
    pair.service.accept(id, continuation_token="c", reissued=False, storage_id="s")
    pair.down()
    asked, open, answered, noticed, heard, told = [], [], [], [], [], 0

    def hear_up():
        open.extend(pair.up())

    def hear_down():
        for event in pair.down():
            (heard if isinstance(event, Notified) else answered).append(event)

    for step in [*steps, "up", "answer all", "down"]:
        match step:
            case "request":
                asked.append(pair.client.request(GET))
            case "update":
                asked.append(pair.client.update("t"))
            case "answer" | "refuse" if open:
                event = open.pop(0)
                if step == "refuse" and isinstance(event, UpdateRequested):
                    pair.service.refuse(event.id, Status(429))
                else:
                    pair.service.reply(event.id, Status(200))
            case "answer all":
                for event in open:
                    pair.service.reply(event.id, Status(200))
            case "notify":
                noticed.append(b"%d" % told)
                pair.service.notify("n", noticed[-1])
                told += 1
            case "ping":
                pair.service.ping()
            case "warn":
                pair.service.warn_expiry()
            case "up":
                hear_up()
            case "down":
                hear_down()
    hear_up()
    answers = [event for event in answered if not isinstance(event, TokenAboutToExpire)]
    assert [event.id for event in answers] == asked
    assert [event.body for event in heard] == noticed
    assert (pair.client.state, pair.service.state) == ("ready", "ready")
    assert (pair.client.take(), pair.service.take()) == ([], [])


# --- secrets -------------------------------------------------------------------------------------------------------


def test_no_token_in_any_repr(canary):
    """Events, headers and frames are printed in logs and tracebacks; a token in one would go with them."""
    pair = Pair()
    pair.client.init(canary, canary)
    (frame,) = pair.client.take()
    shown = [frame_ := decode(frame), frame_.header, frame_.header.__rich_repr__(), pair.client]
    shown += pair.service.receive(frame)
    pair.service.accept("1", continuation_token=canary, reissued=False, storage_id="s")
    shown += [Initialized(canary), UpdateRequested("1", canary), InitRequested("1", canary, canary), pair.service]
    ready = Protocol("client")
    ready.state = "ready"
    ready.update(canary)
    shown += [ready, decode(ready.take()[0])]
    for one in shown:
        assert canary not in repr(one)
        assert canary not in str(one)
        assert canary not in f"{one}"
