"""Golden bytes: every method of the wire, written by hand, in both directions.

Our client and our service share the codec, so a mistake in it would agree with itself. These bytes were typed from the
protocol's page and from what the genuine SDK sends; nothing here was made by our encoder.
"""

from __future__ import annotations

import json

import pytest

from convo_widgets.wire import protocol as wire
from convo_widgets.wire.events import (
    Closed,
    Initialized,
    InitRequested,
    Notified,
    Refused,
    Replied,
    Requested,
    TokenAboutToExpire,
    Updated,
    UpdateRequested,
)
from convo_widgets.wire.frame import BadFrame, Frame, decode, encode
from convo_widgets.wire.protocol import Protocol
from convo_widgets.wire.schema import Header, HttpRequest, Status

ID = "TM00000000-0000-4000-8000-000000000000"
_I = b'"id":"TM00000000-0000-4000-8000-000000000000"'

INIT = (
    b"TWILSOCK V3.0 467\r\n"
    b'{"method":"init",' + _I + b',"payload_size":0,"token":"a.b.c","continuation_token":null,'
    b'"metadata":{"ver":3,"sdk":"python"},'
    b'"registrations":[{"product":"ip_messaging","type":"ers","notification_protocol_version":0,'
    b'"message_types":["twilio.ipmsg.typing_indicator","twilio.sync.event","com.twilio.rtd.cds.document",'
    b'"com.twilio.rtd.cds.list","com.twilio.rtd.cds.map"]}],'
    b'"capabilities":["client_update","offline_storage","telemetry.v1"]}\r\n'
)
INIT_ACCEPTED = (
    b"TWILSOCK V3.0 374\r\n"
    b'{"method":"reply",' + _I + b',"payload_size":0,"status":{"code":200,"status":"OK"},'
    b'"continuation_token":"ct-1","continuation_token_status":{"reissued":true,"reissue_message":""},'
    b'"capabilities":["client_update","offline_storage","telemetry.v1"],'
    b'"offline_storage":{"ip_messaging":{"storage_id":"ST1"}},"init_registrations":[],"debug_info":{}}\r\n'
)
REFUSED = (
    b"TWILSOCK V3.0 182\r\n"
    b'{"method":"reply",' + _I + b',"payload_size":0,"status":{"code":401,"status":"UNAUTHORIZED",'
    b'"errorCode":20104,"description":"Access token expired"}}\r\n'
)
GET = (
    b"TWILSOCK V3.0 281\r\n"
    b'{"method":"message",' + _I + b',"payload_size":0,"active_grant":"ip_messaging",'
    b'"http_request":{"host":"127.0.0.1:1","path":"/v3/Maps/my%20map/Items","method":"GET",'
    b'"params":{"From":"a%2Fb","Key":["x","y"]},"headers":{"Accept":"application/json"}}}\r\n'
)
POST = (
    "TWILSOCK V3.0 292\r\n"
    '{"method":"message","id":"TM00000000-0000-4000-8000-000000000000","payload_size":16,'
    '"payload_type":"application/json; charset=utf-8","active_grant":"ip_messaging",'
    '"http_request":{"host":"h","path":"/p","method":"POST","params":{},'
    '"headers":{"Content-Type":"application/json; charset=utf-8"}}}\r\n'
    '{"body":"héé"}'
).encode()
FORM = (
    b"TWILSOCK V3.0 301\r\n"
    b'{"method":"message",' + _I + b',"payload_size":14,'
    b'"payload_type":"application/x-www-form-urlencoded","active_grant":"ip_messaging",'
    b'"http_request":{"host":"h","path":"/Typing","method":"POST","params":{},'
    b'"headers":{"Content-Type":"application/x-www-form-urlencoded"}}}\r\n'
    b"ChannelSid=CH1"
)
ANSWER = (
    b"TWILSOCK V3.0 251\r\n"
    b'{"method":"reply",' + _I + b',"payload_size":12,"payload_type":"application/json",'
    b'"status":{"code":200,"status":"OK"},"http_status":{"code":404,"status":"Not Found"},'
    b'"http_headers":{"Content-Type":"application/json"}}\r\n'
    b'{"code":404}'
)
ACKNOWLEDGED = (
    b"TWILSOCK V3.0 151\r\n"
    b'{"method":"reply",' + _I + b',"payload_size":0,"payload_type":"application/json",'
    b'"status":{"code":200,"status":"OK"}}\r\n'
)
NOTIFICATION = (
    b"TWILSOCK V3.0 157\r\n"
    b'{"method":"notification",' + _I + b',"payload_size":7,"payload_type":"application/json",'
    b'"message_type":"twilio.sync.event"}\r\n'
    b'{"a":1}'
)
UPDATE = b'TWILSOCK V3.0 98\r\n{"method":"update",' + _I + b',"payload_size":0,"token":"d.e.f"}\r\n'
UPDATED = (
    b'TWILSOCK V3.0 117\r\n{"method":"reply",' + _I + b',"payload_size":0,"status":{"code":200,"status":"OK"}}\r\n'
)
EXPIRING = (
    b'TWILSOCK V3.0 134\r\n{"method":"client_update",' + _I + b',"payload_size":0,'
    b'"client_update_type":"token_about_to_expire"}\r\n'
)
PING = b'TWILSOCK V3.0 80\r\n{"method":"ping",' + _I + b',"payload_size":0}\r\n'
GOODBYE = b'TWILSOCK V3.0 81\r\n{"method":"close",' + _I + b',"payload_size":0}\r\n'
OFFLOADED = (
    b"TWILSOCK V3.0 176\r\n"
    b'{"method":"close",' + _I + b',"payload_size":44,"payload_type":"application/json",'
    b'"status":{"code":308,"status":"OFFLOAD","description":"go"}}\r\n'
    b'{"backoff_policy":{"reconnect_min_ms":5000}}'
)
CONTEXT = (
    b"TWILSOCK V3.0 156\r\n"
    b'{"method":"put_notification_ctx",' + _I + b',"payload_size":2,'
    b'"payload_type":"application/json","notification_ctx_id":"c"}\r\n{}'
)
DELETE_CONTEXT = (
    b'TWILSOCK V3.0 125\r\n{"method":"delete_notification_ctx",' + _I + b',"payload_size":0,'
    b'"notification_ctx_id":"c"}\r\n'
)
TELEMETRY = (
    b"TWILSOCK V3.0 165\r\n"
    b'{"method":"telemetry.v1",' + _I + b',"payload_size":0,'
    b'"events":[{"start":-5,"end":0,"title":"t","details":"","id":"1","type":"x"}]}\r\n'
)


def _measured(golden: bytes) -> bytes:
    """The same with the byte counts put right, so that a hand may slip in counting but not in anything else."""
    _, rest = golden.split(b"\r\n", 1)
    head, payload = rest.split(b"\r\n", 1)
    header = json.loads(head)
    size = b'"payload_size":%d' % header["payload_size"]
    head = head.replace(size, b'"payload_size":%d' % len(payload))
    return b"TWILSOCK V3.0 %d\r\n%b\r\n%b" % (len(head), head, payload)


ALL = {name: value for name, value in list(globals().items()) if name.isupper() and isinstance(value, bytes)}


@pytest.mark.parametrize("name", [name for name in ALL if name != "_I"])
def test_the_hand_counted_right(name):
    """The literals above are whole frames as they stand."""
    assert ALL[name] == _measured(ALL[name])


@pytest.fixture(autouse=True)
def fixed_ids(monkeypatch):
    """Every id is the one of the golden bytes."""
    monkeypatch.setattr(wire, "new_id", lambda: ID)


def _client(state: str = "ready") -> Protocol:
    client = Protocol("client")
    if state != "new":
        client.init("a.b.c")
    if state == "ready":
        client.receive(INIT_ACCEPTED)
    client.take()
    return client


def _service(state: str = "ready") -> Protocol:
    service = Protocol("service")
    if state != "new":
        service.receive(INIT)
    if state == "ready":
        service.accept(ID, continuation_token="ct-1", reissued=True, storage_id="ST1")
    service.take()
    return service


# --- what our client writes, and what our service reads of the same bytes ------------------------------------------


def test_init():
    """The introduction, with the null continuation token of a first time."""
    client = _client("new")
    assert client.init("a.b.c", None, {"ver": 3, "sdk": "python"}) == ID
    assert client.take() == [INIT]
    (event,) = Protocol("service").receive(INIT)
    assert event == InitRequested(ID, "a.b.c", None)


def test_init_again():
    """The introduction of a second connection names the first."""
    client = _client("new")
    client.init("a.b.c", "ct-1", {"ver": 3, "sdk": "python"})
    again = _measured(INIT.replace(b'"continuation_token":null', b'"continuation_token":"ct-1"'))
    assert client.take() == [again]
    assert Protocol("service").receive(again) == [InitRequested(ID, "a.b.c", "ct-1")]


def test_a_read():
    """A request without a body: no payload type; path and parameters as they were given."""
    request = HttpRequest(
        "127.0.0.1:1",
        "/v3/Maps/my%20map/Items",
        "GET",
        {"From": "a%2Fb", "Key": ["x", "y"]},
        {"Accept": "application/json"},
    )
    client = _client()
    client.request(request)
    assert client.take() == [GET]
    assert _service().receive(GET) == [Requested(ID, request, b"")]


def test_a_write():
    """A request with a body: its size is in bytes, not characters."""
    kind = "application/json; charset=utf-8"
    request = HttpRequest("h", "/p", "POST", {}, {"Content-Type": kind})
    body = '{"body":"héé"}'.encode()
    client = _client()
    client.request(request, body)
    assert client.take() == [POST]
    assert _service().receive(POST) == [Requested(ID, request, body)]


def test_a_form():
    """Typing is a form, in the header as in the envelope."""
    request = HttpRequest("h", "/Typing", "POST", {}, {"Content-Type": "application/x-www-form-urlencoded"})
    client = _client()
    client.request(request, b"ChannelSid=CH1")
    assert client.take() == [FORM]
    assert _service().receive(FORM) == [Requested(ID, request, b"ChannelSid=CH1")]


def test_update():
    """A new token."""
    client = _client()
    client.update("d.e.f")
    assert client.take() == [UPDATE]
    assert _service().receive(UPDATE) == [UpdateRequested(ID, "d.e.f")]


def test_goodbye_of_a_client():
    """A bare header, without a status."""
    client = _client()
    client.close()
    assert client.take() == [GOODBYE]
    service = _service()
    assert [type(event) for event in service.receive(GOODBYE)] == [Closed]
    assert service.state == "closed"


# --- what our service writes, and what our client reads of the same bytes ------------------------------------------


def test_init_accepted():
    """Yes to an introduction."""
    service = _service("initializing")
    service.accept(ID, continuation_token="ct-1", reissued=True, storage_id="ST1")
    assert service.take() == [INIT_ACCEPTED]
    client = _client("initializing")
    assert client.receive(INIT_ACCEPTED) == [Initialized("ct-1")]
    assert (client.state, client.take()) == ("ready", [])


@pytest.mark.parametrize("method", ["init", "update"])
def test_refused(method):
    """No to an introduction or a new token, with both codes and a description."""
    status = Status(401, "UNAUTHORIZED", 20104, "Access token expired")
    service = _service("initializing" if method == "init" else "ready")
    service.refuse(ID, status)
    assert service.take() == [REFUSED]
    client = _client("initializing" if method == "init" else "ready")
    if method == "update":
        client.update("d.e.f")
    assert client.receive(REFUSED) == [Refused(method, ID, status)]


def test_an_answer():
    """The envelope's status is 200 whatever HTTP's is."""
    service = _service()
    service.reply(ID, Status(404, "Not Found"), b'{"code":404}', {"Content-Type": "application/json"})
    assert service.take() == [ANSWER]
    client = _client()
    client.request(HttpRequest("h", "/p", "GET"))
    assert client.receive(ANSWER) == [
        Replied(ID, Status(404, "Not Found"), {"Content-Type": "application/json"}, b'{"code":404}')
    ]


def test_updated():
    """Yes to a new token."""
    service = _service()
    service.reply(ID)
    assert service.take() == [UPDATED]
    client = _client()
    client.update("d.e.f")
    assert client.receive(UPDATED) == [Updated(ID)]


def test_a_notification_and_its_acknowledgement():
    """It is acknowledged at once, in exactly these words; the service takes that without a word."""
    service = _service()
    service.notify("twilio.sync.event", b'{"a":1}')
    assert service.take() == [NOTIFICATION]
    client = _client()
    assert client.receive(NOTIFICATION) == [Notified("twilio.sync.event", b'{"a":1}')]
    assert client.take() == [ACKNOWLEDGED]
    assert (service.receive(ACKNOWLEDGED), service.take()) == ([], [])


def test_a_token_about_to_expire():
    """The service asks for a new token."""
    service = _service()
    service.warn_expiry()
    assert service.take() == [EXPIRING]
    client = _client()
    assert client.receive(EXPIRING) == [TokenAboutToExpire()]
    assert client.take() == [ACKNOWLEDGED]


def test_ping():
    """The acknowledgement is the whole answer."""
    service = _service()
    service.ping()
    assert service.take() == [PING]
    client = _client()
    assert (client.receive(PING), client.take()) == ([], [ACKNOWLEDGED])


def test_goodbye_of_a_service():
    """With a status, and for how long to stay away."""
    service = _service()
    service.close(Status(308, "OFFLOAD", description="go"), 5000)
    assert service.take() == [OFFLOADED]
    client = _client()
    assert client.receive(OFFLOADED) == [Closed(Status(308, "OFFLOAD", description="go"), 5000)]
    assert client.state == "closed"
    assert client.take() == [ACKNOWLEDGED]


# --- what only others write ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("golden", [CONTEXT, DELETE_CONTEXT], ids=["put", "delete"])
def test_a_notification_context(golden):
    """Our client never sends one; a service says 200."""
    service = _service()
    assert service.receive(golden) == []
    assert service.take() == [UPDATED]


def test_telemetry():
    """It needs no answer, and changes nothing."""
    service = _service()
    assert (service.receive(TELEMETRY), service.take(), service.state) == ([], [], "ready")


def test_the_order_of_header_keys_is_free():
    """A peer may write them as it likes, with spaces, and with fields that we do not know."""
    head = b'{ "zz": [1, {"a": null}], "payload_size" : 2, "id":"1" , "method":"notification"}'
    got = decode(b"TWILSOCK V3.0 %d\r\n%b\r\n{}" % (len(head), head))
    assert isinstance(got, Frame)
    assert (got.header.method, got.header.id, got.payload) == ("notification", "1", b"{}")


@pytest.mark.parametrize(
    ("kind", "kept"),
    [
        (b'"application/json"', True),
        (b'"application/json; charset=utf-8"', True),
        (b'"text/plain"', True),
        (b"null", True),
        (b'"image/png"', False),
        (b'"text/html"', False),
    ],
)
def test_a_payload_of_another_type_is_dropped(kind, kept):
    """As the SDK does; a missing type means JSON."""
    head = b'{"method":"notification","id":"1","payload_size":2,"payload_type":' + kind + b"}"
    got = decode(b"TWILSOCK V3.0 %d\r\n%b\r\n{}" % (len(head), head))
    assert isinstance(got, Frame)
    assert got.payload == (b"{}" if kept else b"")


def test_a_lone_surrogate_is_escaped():
    """Raw UTF-8 cannot hold one; an escape can, and everything else round it stays."""
    got = encode(Header("update", "1", token="\ud83d é 😀"))
    head = rb'{"method":"update","id":"1","payload_size":0,"token":"\ud83d \u00e9 \ud83d\ude00"}'
    assert got == b"TWILSOCK V3.0 %d\r\n%b\r\n" % (len(head), head)
    back = decode(got)
    assert isinstance(back, Frame)
    assert back.header.token == "\ufffd é 😀"


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b"GET / HTTP/1.1\r\n\r\n",
        b"TWILSOCK V3.0 \r\n{}\r\n",
        b"TWILSOCK V3.0 -1\r\n{}\r\n",
        b"TWILSOCK V3.0 99999999999999999999\r\n{}\r\n",
        b"TWILSOCK V3.0 9999999\r\n{}\r\n",
        b"TWILSOCK V3.0 2\n{}\n",
        b"TWILSOCK V3.0 2\r\n{}",
        b"TWILSOCK V3.0 2\r\n{}\r\n",
        b"TWILSOCK V3.0 1\r\n{}\r\n",
        b'TWILSOCK V3.0 17\r\n{"method":"ping"}\r\n',
        PING[:-1],
        PING + b"x",
        PING.replace(b'"payload_size":0', b'"payload_size":9'),
        PING.replace(b'"ping"', b"12345"[:4] + b"  "),
        b"\xff" + PING,
    ],
)
def test_what_is_no_frame_is_said_without_quoting(bad):
    """A frame that is not whole is refused, in words that hold nothing of it."""
    got = decode(bad)
    assert isinstance(got, BadFrame)
    assert got.reason
    assert "ping" not in got.reason
