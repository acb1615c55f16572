"""Webhooks really fire: what a server on this machine hears, when, and in which words."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

import pytest
from twilio.request_validator import RequestValidator

from convo_widgets.service.local import LocalService
from convo_widgets.service.outside import Caller, HookFailed
from convo_widgets.service.webhooks import Told

from .conftest import ROOMS, Connect
from .http import Account

HOOKED = {"X_Twilio_Webhook_Enabled": "true"}


@dataclass
class Heard:
    """One call."""

    method: str
    target: str
    headers: dict[str, str]
    form: dict[str, str]

    @property
    def event(self) -> str:
        """What it is about."""
        return self.form["EventType"]


class Ear:
    """A server that hears, and answers as it is told.

    Attributes:
        says: status and body of the next answers.
    """

    def __init__(self) -> None:
        self.heard: list[Heard] = []
        self.says: tuple[int, bytes] = (200, b"")
        self.silent = False
        self.url = ""
        self._news = asyncio.Condition()
        self._hearing: set[asyncio.Task[Any]] = set()

    async def done(self) -> None:
        """Wait until every connection has ended."""
        await asyncio.gather(*self._hearing)

    async def start(self) -> asyncio.Server:
        """Listen on a free port."""
        server = await asyncio.start_server(self._hear, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook?a=b"
        return server

    async def until(self, *events: str) -> list[Heard]:
        """Wait until exactly these were heard, in this order."""
        async with asyncio.timeout(10), self._news:
            await self._news.wait_for(lambda: len(self.heard) >= len(events))
        assert [one.event for one in self.heard] == list(events)
        heard, self.heard = self.heard, []
        return heard

    async def _hear(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._hearing.add(task)
        task.add_done_callback(self._hearing.discard)
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        method, target, _ = head[0].split(" ")
        headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
        body = (await reader.readexactly(int(headers.get("content-length", "0")))).decode()
        headers |= {name: line.split(": ", 1)[1] for line in head[1:] if line for name in [line.split(": ")[0].lower()]}
        form = {name: values[0] for name, values in parse_qs(body or target.partition("?")[2]).items()}
        async with self._news:
            self.heard.append(Heard(method, target, headers, form))
            self._news.notify_all()
        if self.silent:
            await reader.read()  # until the other side gives up
        else:
            status, content = self.says
            writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: {len(content)}\r\n\r\n".encode() + content)
        writer.close()
        await writer.wait_closed()


@pytest.fixture
async def ear() -> AsyncIterator[Ear]:
    """A server that hears."""
    one = Ear()
    async with await one.start():
        yield one
        await one.done()


@pytest.fixture
def account(service: LocalService) -> Account:
    """The account of the empty service."""
    return Account(service)


async def hook(account: Account, sid: str, url: str, *filters: str, **others: str) -> Any:
    """A webhook of a conversation."""
    fields = {"Target": "webhook", "Configuration.Url": url, "Configuration.Filters": list(filters)}
    return await account.post(f"/Conversations/{sid}/Webhooks", fields | others)


async def test_users_are_heard(service: LocalService, account: Account, wire: Connect, ear: Ear) -> None:
    """What a user does is told to the conversation's webhook, in order, in a signed form."""
    alice = await wire("alice")
    sid = await alice.room(friendly_name="F")
    await hook(account, sid, ear.url, "onMessageAdded", "onMessageUpdated", "onMessageRemoved", "onParticipantAdded")
    message = await alice.post(f"{ROOMS}/{sid}/Messages", {"body": "Hi ü", "attributes": '{"a":1}'})
    await alice.post(f"{ROOMS}/{sid}/Messages/{message['sid']}", {"body": "Ho"})
    await alice.post(f"{ROOMS}/{sid}/Participants", {"identity": "bob"})
    await alice.ask("DELETE", f"{ROOMS}/{sid}/Messages/{message['sid']}")
    heard = await ear.until("onMessageAdded", "onMessageUpdated", "onParticipantAdded", "onMessageRemoved")
    form = heard[0].form
    assert (form["Body"], form["Author"], form["Index"], form["MessageSid"]) == ("Hi ü", "alice", "0", message["sid"])
    assert (form["Source"], form["ClientIdentity"], form["ConversationSid"]) == ("SDK", "alice", sid)
    assert (form["AccountSid"], form["ChatServiceSid"]) == (service.account_sid, service.service_sid)
    assert json.loads(form["Attributes"]) == {"a": 1}
    assert (heard[1].form["Body"], heard[1].form["ModifiedBy"]) == ("Ho", "alice")
    assert heard[2].form["Identity"] == "bob"
    for one in heard:
        assert one.headers["content-type"].startswith("application/x-www-form-urlencoded")
        signed = RequestValidator(service.api_secret).validate(ear.url, one.form, one.headers["x-twilio-signature"])
        assert signed


async def test_account_is_heard_if_it_says_so(account: Account, ear: Ear) -> None:
    """What the account writes is told only with the header; what a carrier reports always."""
    events = ["onConversationAdded", "onConversationUpdated", "onConversationStateUpdated", "onConversationRemoved"]
    events += ["onUserAdded", "onUserUpdated", "onDeliveryUpdated", "onParticipantRemoved", "onParticipantUpdated"]
    await account.post("/Configuration/Webhooks", {"PostWebhookUrl": ear.url, "Filters": events})
    sid = (await account.post("/Conversations", {}))["sid"]
    await account.post(f"/Conversations/{sid}", {"FriendlyName": "silent"})
    await account.post(f"/Conversations/{sid}", {"State": "inactive"}, **HOOKED)
    _, moved = await ear.until("onConversationUpdated", "onConversationStateUpdated")
    assert (moved.form["StateFrom"], moved.form["StateTo"], moved.form["Source"]) == ("active", "inactive", "API")
    assert "ClientIdentity" not in moved.form
    await account.post("/Users", {"Identity": "a"}, **HOOKED)
    await account.post("/Users/a", {"FriendlyName": "A"}, **HOOKED)
    await ear.until("onUserAdded", "onUserUpdated")
    binding = {"MessagingBinding.Address": "+447700900310", "MessagingBinding.ProxyAddress": "+15550100"}
    tom = (await account.post(f"/Conversations/{sid}/Participants", binding))["sid"]
    message = (await account.post(f"/Conversations/{sid}/Messages", {"Body": "x"}))["sid"]
    report = {"ParticipantSid": tom, "Status": "read"}
    await account.post(f"/Conversations/{sid}/Messages/{message}/Receipts", report)
    await ear.until("onDeliveryUpdated")
    await account.post(f"/Conversations/{sid}/Participants/{tom}", {"Attributes": "[]"}, **HOOKED)
    await account.ask("DELETE", f"/Conversations/{sid}/Participants/{tom}", **HOOKED)
    await account.ask("DELETE", f"/Conversations/{sid}", **HOOKED)
    await ear.until("onParticipantUpdated", "onParticipantRemoved", "onConversationRemoved")


async def test_a_new_user_is_heard(account: Account, wire: Connect, ear: Ear) -> None:
    """A first visit makes a user, which is told once."""
    await account.post("/Configuration/Webhooks", {"PostWebhookUrl": ear.url, "Filters": ["onUserAdded"]})
    for identity in ("alice", "alice", "bob"):
        await wire(identity)
    heard = await ear.until("onUserAdded", "onUserAdded")
    assert [(one.form["Identity"], one.form["ClientIdentity"]) for one in heard] == [("alice",) * 2, ("bob",) * 2]


async def test_trigger_and_get(service: LocalService, account: Account, wire: Connect, ear: Ear) -> None:
    """A trigger waits for its words; with GET, the form is in the address, which is signed whole."""
    alice = await wire("alice")
    sid = await alice.room()
    fields = {"Target": "trigger", "Configuration.Url": ear.url, "Configuration.Triggers": "help"}
    await account.post(f"/Conversations/{sid}/Webhooks", fields | {"Configuration.Method": "GET"})
    await alice.post(f"{ROOMS}/{sid}/Messages", {"body": "nothing"})
    await alice.post(f"{ROOMS}/{sid}/Messages", {"body": "HELP me"})
    (heard,) = await ear.until("onMessageAdded")
    assert (heard.method, heard.form["Body"]) == ("GET", "HELP me")
    url = ear.url.partition("/hook")[0] + heard.target
    assert RequestValidator(service.api_secret).validate(url, {}, heard.headers["x-twilio-signature"])


async def test_only_this_machine(account: Account, wire: Connect, ear: Ear, caplog: pytest.LogCaptureFixture) -> None:
    """Webhooks elsewhere are not called, those that fail cost nobody anything, and the log tells no address."""
    alice = await wire("alice")
    sid = await alice.room()
    with caplog.at_level(logging.WARNING, "convo_widgets.service"):
        for url in ("http://192.0.2.1/secret", "http://127.0.0.1:1/secret", "http://x.example/secret"):
            await hook(account, sid, url, "onMessageAdded")
        await hook(account, sid, ear.url, "onMessageAdded")
        ear.says = (500, b"no")
        for body in ("one", "two"):
            await alice.post(f"{ROOMS}/{sid}/Messages", {"body": body})
        heard = await ear.until("onMessageAdded", "onMessageAdded")
    assert [one.form["Body"] for one in heard] == ["one", "two"]
    assert "only webhooks on this machine" in caplog.text
    assert "secret" not in caplog.text


async def test_restart_remembers(account: Account, service: LocalService, wire: Connect, ear: Ear) -> None:
    """Webhooks are kept: after a restart they hear on."""
    sid = (await account.post("/Conversations", {}))["sid"]
    await account.post(f"/Conversations/{sid}/Participants", {"Identity": "alice"})
    await hook(account, sid, ear.url, "onMessageAdded")
    await asyncio.to_thread(service.restart)
    alice = await wire("alice")
    await alice.post(f"{ROOMS}/{sid}/Messages", {"body": "x"})
    await ear.until("onMessageAdded")


async def test_replay(account: Account, wire: Connect, ear: Ear) -> None:
    """A webhook made with ReplayAfter hears of the messages from that index on, and then of what comes."""
    alice = await wire("alice")
    sid = await alice.room()
    for body in ("one", "two help", "three"):
        await alice.post(f"{ROOMS}/{sid}/Messages", {"body": body})
    await account.post(f"/Conversations/{sid}/Messages", {"Body": "help from outside"})
    await hook(account, sid, ear.url, "onMessageAdded", **{"Configuration.ReplayAfter": "1"})
    heard = await ear.until(*["onMessageAdded"] * 3)
    assert [one.form["Body"] for one in heard] == ["two help", "three", "help from outside"]
    assert [one.form["Source"] for one in heard] == ["SDK", "SDK", "API"]
    assert (heard[0].form["ClientIdentity"], heard[0].form["Index"]) == ("alice", "1")
    trigger = {"Target": "trigger", "Configuration.Url": ear.url, "Configuration.Triggers": "HELP"}
    await account.post(f"/Conversations/{sid}/Webhooks", trigger | {"Configuration.ReplayAfter": "0"})
    heard = await ear.until(*["onMessageAdded"] * 2)
    assert [one.form["Index"] for one in heard] == ["1", "3"]
    await alice.post(f"{ROOMS}/{sid}/Messages", {"body": "new"})
    assert (await ear.until("onMessageAdded"))[0].form["Body"] == "new"


PRE = ["onMessageAdd", "onMessageRemove", "onParticipantAdd", "onConversationUpdate", "onUserUpdate"]


async def test_veto(account: Account, wire: Connect, ear: Ear) -> None:
    """A webhook that is asked before may refuse: then nothing is done, and who wanted it is told so."""
    alice = await wire("alice")
    sid = await alice.room()
    url = f"{ROOMS}/{sid}/Messages"
    kept = await alice.post(url, {"body": "kept"})
    service = f"/Services/{account.service.service_sid}"
    await account.post(f"{service}/Configuration/Webhooks", {"PreWebhookUrl": ear.url, "Filters": PRE})
    sent = await alice.post(url, {"body": "good", "attributes": "{}"})
    (asked,) = await ear.until("onMessageAdd")
    assert (asked.form["Body"], asked.form["ConversationSid"], asked.form["ClientIdentity"]) == ("good", sid, "alice")
    assert "MessageSid" not in asked.form
    ear.says = (403, b"")
    for answer in (
        await alice.ask("POST", url, {"body": "bad"}),
        await alice.ask("DELETE", f"{url}/{sent['sid']}"),
        await alice.ask("POST", f"{ROOMS}/{sid}/Participants", {"identity": "bob"}),
        await alice.ask("POST", f"{ROOMS}/{sid}", {"friendly_name": "bad"}),
        await alice.ask("POST", "/Client/v2/Users/alice", {"friendly_name": "bad"}),
    ):
        assert (answer.status, answer.code) == (403, 50056)
    asked = (await ear.until(*PRE))[1]
    assert asked.form["MessageSid"] == sent["sid"]
    assert (await alice.get(f"{ROOMS}/{sid}"))["friendly_name"] is None
    assert (await alice.post(f"{url}/{kept['sid']}", {"body": "not asked"}))["body"] == "not asked"
    assert (await alice.get(f"{ROOMS}/{sid}"))["messages_count"] == 2
    assert (await account.ask("POST", f"/Conversations/{sid}/Messages", {"Body": "unasked"})).status == 201
    refused = await account.ask("POST", f"/Conversations/{sid}/Messages", {"Body": "bad"}, **HOOKED)
    assert refused.code == 50056
    await ear.until("onMessageAdd")
    assert (await alice.ask("POST", f"{ROOMS}/CH{'0' * 32}/Messages", {"body": "x"})).code == 50350
    assert ear.heard == []


async def test_a_webhook_that_fails(account: Account, wire: Connect, ear: Ear, monkeypatch: pytest.MonkeyPatch) -> None:
    """After an error nothing is done; where nobody is there, or nothing comes in time, it is done as it was."""
    alice = await wire("alice")
    sid = await alice.room()
    hooks = {"PreWebhookUrl": ear.url, "Filters": ["onMessageAdd"]}
    await account.post("/Configuration/Webhooks", hooks)
    url = f"{ROOMS}/{sid}/Messages"
    ear.says = (500, b"")
    assert (await alice.ask("POST", url, {"body": "x"})).code == 50057
    ear.silent = True
    monkeypatch.setattr("convo_widgets.service.outside.WITHIN", 0.05)
    assert (await alice.ask("POST", url, {"body": "x"})).status == 201
    await account.post("/Configuration/Webhooks", hooks | {"PreWebhookUrl": "http://127.0.0.1:1/"})
    assert (await alice.ask("POST", url, {"body": "x"})).status == 201
    await account.post("/Configuration/Webhooks", hooks | {"PreWebhookUrl": "http://192.0.2.1/"})
    assert (await alice.ask("POST", url, {"body": "x"})).code == 50057
    await account.post("/Configuration/Webhooks", {"PreWebhookUrl": ""})
    assert (await alice.ask("POST", url, {"body": "x"})).status == 201
    assert (await alice.get(f"{ROOMS}/{sid}"))["messages_count"] == 3


ADD = {"body": "as the webhook says", "author": "moderator", "attributes": '{"by":"hook"}'}


async def test_changed_by_a_webhook(account: Account, wire: Connect, ear: Ear) -> None:
    """What the answer says takes the place of what was about to be written, for users and for the account."""
    alice = await wire("alice")
    filters = ["onMessageAdd", "onMessageUpdate", "onConversationAdd", "onConversationUpdate"]
    await account.post("/Configuration/Webhooks", {"PreWebhookUrl": ear.url, "Filters": filters})
    ear.says = (200, json.dumps({"friendly_name": "F", "unique_name": "not heard", "body": 5}).encode())
    sid = await alice.room(friendly_name="x", attributes='{"mine":1}')
    shown = await alice.get(f"{ROOMS}/{sid}")
    assert (shown["friendly_name"], shown["unique_name"], shown["attributes"]) == ("F", None, '{"mine":1}')
    ear.says = (200, b'{"friendly_name":"G"}')
    assert (await alice.post(f"{ROOMS}/{sid}", {"friendly_name": "x"}))["friendly_name"] == "G"
    made = await account.post("/Conversations", {"FriendlyName": "x"}, **HOOKED)
    assert made["friendly_name"] == "G"
    ear.says = (200, json.dumps(ADD).encode())
    url = f"{ROOMS}/{sid}/Messages"
    sent = await alice.post(url, {"body": "x"})
    assert {name: sent[name] for name in ADD} == ADD
    hers = await account.post(f"/Conversations/{sid}/Messages", {"Body": "x"}, **HOOKED)
    assert {name: hers[name] for name in ADD} == ADD
    await account.post("/Configuration/Webhooks", {"Filters": ["onMessageUpdate"]})
    ear.says = (200, b"")
    own = await alice.post(url, {"body": "own"})
    ear.says = (200, b'{"body":"edited","author":"alice again"}')
    changed = await alice.post(f"{url}/{own['sid']}", {"attributes": "[1]"})
    assert (changed["body"], changed["author"], changed["attributes"]) == ("edited", "alice again", "[1]")
    changed = await account.post(f"/Conversations/{sid}/Messages/{own['sid']}", {"Body": "y"}, **HOOKED)
    assert changed["body"] == "edited"
    asked = ear.heard[-2].form
    assert (asked["EventType"], asked["Body"], asked["Attributes"]) == ("onMessageUpdate", "own", "[1]")
    assert {"Index", "MessageSid", "Author", "DateCreated", "ParticipantSid"} <= set(asked)


@pytest.mark.parametrize(
    ("says", "code"),
    [
        (b"", 0),
        (b"{}", 0),
        (b"ok", 0),
        (b"<Response/>", 0),
        (b"[" * 5000, 0),
        (b"[]", 0),
        (b'{"body":null}', 0),
        (b"\xff", 0),
        (b'{"body":5}', 50057),
        (b'{"attributes":{}}', 50057),
        (b'{"attributes":"{"}', 50304),
        (b'{"body":""}', 50503),
        (b'{"body":"%s"}' % (b"x" * 33000), 50504),
        (b'{"author":"%s"}' % (b"x" * 300), 20422),
    ],
)
async def test_odd_answers(account: Account, wire: Connect, ear: Ear, says: bytes, code: int) -> None:
    """An answer that is no object says nothing; what does not fit is told to who wanted it, and nothing is done."""
    alice = await wire("alice")
    sid = await alice.room()
    await account.post("/Configuration/Webhooks", {"PreWebhookUrl": ear.url, "Filters": ["onMessageAdd"]})
    ear.says = (200, says)
    for answer in (
        await alice.ask("POST", f"{ROOMS}/{sid}/Messages", {"body": "x"}),
        await account.ask("POST", f"/Conversations/{sid}/Messages", {"Body": "x"}, **HOOKED),
    ):
        assert (answer.body.get("code", 0), answer.body.get("body", "")) == (code, "" if code else "x")


async def test_one_after_the_other(account: Account, wire: Connect, ear: Ear) -> None:
    """The account's webhook is asked first, and the service's hears what it made of it."""
    alice = await wire("alice")
    sid = await alice.room()
    hooks = {"PreWebhookUrl": ear.url, "Filters": ["onMessageAdd"]}
    await account.post("/Configuration/Webhooks", hooks)
    await account.post(f"/Services/{account.service.service_sid}/Configuration/Webhooks", hooks)
    ear.says = (200, b'{"body":"first"}')
    assert (await alice.post(f"{ROOMS}/{sid}/Messages", {"body": "x"}))["body"] == "first"
    assert [one.form["Body"] for one in await ear.until("onMessageAdd", "onMessageAdd")] == ["x", "first"]


async def test_order_under_a_veto(account: Account, wire: Connect, ear: Ear) -> None:
    """Sends in flight together keep their order, and a no to one is none to the next."""
    alice = await wire("alice")
    sid = await alice.room()
    await account.post("/Configuration/Webhooks", {"PreWebhookUrl": ear.url, "Filters": ["onMessageAdd"]})
    sends = [alice.ask("POST", f"{ROOMS}/{sid}/Messages", {"body": str(number)}) for number in range(10)]
    answers = await asyncio.gather(*sends)
    assert [answer.body["index"] for answer in answers] == list(range(10))
    assert [one.form["Body"] for one in await ear.until(*["onMessageAdd"] * 10)] == [str(n) for n in range(10)]


@pytest.mark.parametrize("host", ["hooks.invalid", "192.0.2.1", "[2001:db8::1]", "127.0.0.1.invalid", "0.0.0.0", ""])
async def test_hosts(host: str) -> None:
    """Nobody elsewhere is called but who was named at the start."""
    told = Told(f"http://{host}/", "POST", {"EventType": "onMessageAdded"})
    with pytest.raises(HookFailed, match="only webhooks on this machine"):
        await Caller("secret", asyncio.create_task, ["other.invalid"]).call(told)
    if host == "hooks.invalid":
        with pytest.raises(OSError, match=r"not known|resolution|nodename"):
            await Caller("secret", asyncio.create_task, ["Hooks.INVALID"]).call(told)


async def test_stops_while_a_webhook_is_silent(
    account: Account, service: LocalService, wire: Connect, ear: Ear
) -> None:
    """A call that waits for its answer does not keep the service from stopping; a name and password are sent along."""
    alice = await wire("alice")
    sid = await alice.room()
    ear.silent = True
    await hook(account, sid, ear.url.replace("//", "//me:pass%20word@"), "onMessageAdded")
    await alice.post(f"{ROOMS}/{sid}/Messages", {"body": "x"})
    (heard,) = await ear.until("onMessageAdded")
    assert heard.headers["authorization"] == "Basic " + base64.b64encode(b"me:pass word").decode()
    async with asyncio.timeout(3):
        await asyncio.to_thread(service.stop)
