"""What the rows of a thread ask for: files, rich content, receipts and reactions, against the real service."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import convo_widgets as cw
from convo_widgets.widgets import _reading
from convo_widgets.widgets._messages import MOST_REACTIONS, reactions_of
from convo_widgets.widgets._reading import CHUNK
from convo_widgets.widgets._receipts import MEANINGS
from tests.client.people import Expected, People, write
from tests.service.http import Account
from tests.widgets.conftest import Show, View

DESK = "+15550100"


async def rows(view: View) -> list[dict[str, Any]]:
    """All rows, as a page gets them."""
    return list((await view.result("open", count=200))["messages"])


async def fetched(view: View, index: int, sid: str) -> tuple[bytes, int]:
    """A file as a page gets it, and in how many pieces."""
    content, pieces, size = b"", 0, 1
    while len(content) < size:
        response = await view.ask("bytes", index=index, sid=sid, start=len(content))
        assert response["ok"], response
        size = response["result"]["size"]
        content += response["buffers"][0]
        pieces += 1
    return content, pieces


# --- Files ---------------------------------------------------------------------------------------------------------


async def test_files(people: People, show: Show, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file comes in pieces and is fetched once, however many ask; no address of it reaches the page."""
    mine, theirs = await people.pair()
    whole = bytes(range(256)) * 4200
    big = cw.FileMedia(whole, content_type="image/png", filename="a/../b.png")
    await theirs.prepare_message().add_media(big).build_and_send()
    thread, view = show(mine)
    ((first,),) = [row["media"] for row in await rows(view)]
    assert first == {"sid": first["sid"], "filename": "a/../b.png", "content_type": "image/png", "size": len(whole)}
    reads = []
    read = cw.Media.read

    async def counted(self: cw.Media, limit: int = 0) -> bytes:
        reads.append(self.sid)
        return await read(self, limit)

    monkeypatch.setattr(cw.Media, "read", counted)
    got = await asyncio.gather(*(fetched(view, 0, first["sid"]) for _ in range(3)))
    assert got == [(whole, -(-len(whole) // CHUNK))] * 3
    assert reads == [first["sid"]]
    assert "http" not in str([{**one, "buffers": None} for one in view.sent]) + str(thread.get_state(["_recent"]))


async def test_files_that_are_not_given(people: People, show: Show, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of other messages, those that are too large, and those of messages that are gone."""
    mine, theirs = await people.pair()
    sent = [cw.FileMedia(b"12345", content_type="text/plain") for _ in range(2)]
    for one in sent:
        await theirs.prepare_message().add_media(one).build_and_send()
    _, view = show(mine)
    here, other = (row["media"][0]["sid"] for row in await rows(view))
    for params in (
        {"index": 0, "sid": other},
        {"index": 0, "sid": None},
        {"index": 9, "sid": here},
        {"index": "0", "sid": here},
        {"index": True, "sid": here},
    ):
        response = await view.ask("bytes", start=0, **params)
        assert response["error"]["type"] == "UsageError", params
    monkeypatch.setattr(_reading, "MOST_BYTES", 4)
    response = await view.ask("bytes", index=0, sid=here, start=0)
    assert "media.download(path)" in response["error"]["message"]
    monkeypatch.undo()
    people.service.faults.fail("/Media", status=404, times=1)
    assert not (await view.ask("bytes", index=0, sid=here, start=0))["ok"]
    assert (await fetched(view, 0, here))[0] == b"12345"


async def test_files_that_are_forgotten(people: People, show: Show, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel keeps so many bytes of files, and not one more; another conversation begins with none."""
    monkeypatch.setattr(_reading, "KEPT_BYTES", 25)
    mine, theirs = await people.pair()
    sent = [cw.FileMedia(b"0123456789", content_type="text/plain") for _ in range(4)]
    await theirs.prepare_message().add_media(sent).build_and_send()
    thread, view = show(mine)
    media = (await rows(view))[0]["media"]
    for one in media:
        await fetched(view, 0, one["sid"])
    assert list(thread._files) == [one["sid"] for one in media[2:]]
    (second,) = await people.room(mine.client)
    thread.conversation_sid = second.sid
    await view.until(lambda: view.changes("reset"))
    assert thread._files == {}


async def test_emails(people: People, show: Show) -> None:
    """A row names the texts of an email, which are files like others; they are not attachments."""
    mine, theirs = await people.pair()
    message = theirs.prepare_message().set_subject("Hi").set_body("short").set_email_body("text/html", "<p>ü</p>")
    await message.set_email_history("text/plain", "before").build_and_send()
    _, view = show(mine)
    (row,) = await rows(view)
    assert [(one["category"], one["content_type"]) for one in row["texts"]] == [
        ("body", "text/html"),
        ("history", "text/plain"),
    ]
    assert (row["media"], row["content"]) == ([], None)
    assert (await fetched(view, 0, row["texts"][0]["sid"]))[0].decode() == "<p>ü</p>"


# --- Rich content --------------------------------------------------------------------------------------------------


async def test_rich_content(people: People, show: Show) -> None:
    """A row says which type it is; the content comes when it is asked for, bounded."""
    mine, theirs = await people.pair()
    account = Account(people.service)
    many = [{"id": str(n), "item": f"item {n}"} for n in range(200)]
    types = {"twilio/list-picker": {"body": "b" * 30_000, "button": "Choose", "items": many}}
    made = await account.post("/Content", {"friendly_name": "t", "types": types}, json="yes")
    await theirs.prepare_message().set_content_template(made["sid"]).build_and_send()
    await write(theirs, 1)
    _, view = show(mine)
    first, second = await rows(view)
    assert (first["content"], second["content"]) == ("twilio/list-picker", None)
    assert (first["texts"], first["media"]) == ([], [])
    content = await view.result("content", index=0)
    assert (content["type"], content["button"], content["items"][1]["item"]) == ("listPicker", "Choose", "item 1")
    assert (len(content["items"]), len(content["body"]), len(content["raw_data"])) == (50, 20_000, 20_000)
    assert await view.result("content", index=1) is None


# --- Receipts ------------------------------------------------------------------------------------------------------


async def test_receipts(people: People, show: Show) -> None:
    """People on chat by how far they have read, others by what carriers report, whom it did not reach first."""
    mine, theirs = await people.pair()
    account = Account(people.service)
    number, _ = [(await mine.add_non_chat_participant(DESK, f"+4477009003{n}")).sid for n in (10, 11)]
    await mine.send_message("hello")
    sid = (await mine.get_messages(1)).items[0].sid
    _, view = show(mine)
    (row,) = await rows(view)
    assert row["plain"]  # it goes out as a text message
    states = [(one["state"], one["channel"]) for one in (await view.result("receipts", index=0))["people"]]
    assert states == [("unknown", "sms"), ("unknown", "sms"), ("sent", "chat")]
    await account.post(
        f"/Conversations/{mine.sid}/Messages/{sid}/Receipts",
        {"ParticipantSid": number, "Status": "failed", "ErrorCode": "30003"},
    )
    read = Expected(mine, "participantUpdated", lambda update: "lastReadMessageIndex" in update.update_reasons)
    await theirs.advance_last_read_message_index(0)
    await read
    await view.until(lambda: (view.changes("updated") or [{"message": {"delivery": None}}])[-1]["message"]["delivery"])
    told = await view.result("receipts", index=0)
    assert told["total"] == 3
    failed, unknown, reader = told["people"]
    assert (failed["state"], failed["code"], failed["meaning"]) == ("failed", 30003, MEANINGS[30003])
    assert failed["name"] == "+44 •••• 0310"
    assert (unknown["state"], unknown["at"]) == ("unknown", None)
    assert (reader["state"], reader["by"], reader["at"] > 0) == ("read", False, True)
    await mine.remove_participant(await mine.get_participant_by_sid(number) or number)
    await view.until(lambda: len(view.state["_header"]["names"]) == 3)
    gone = (await view.result("receipts", index=0))["people"][0]
    assert (gone["name"], gone["state"]) == ("Somebody who has left", "failed")


async def test_how_far_others_have_read(people: People, show: Show) -> None:
    """Rows know it without asking: places of others on chat, each with how many stand there."""
    alice, bob, carol = [await people.client(name) for name in ("alice", "bob", "carol")]
    mine, bobs, _ = await people.room(alice, bob, carol)
    await mine.add_non_chat_participant(DESK, "+447700900310")
    await write(mine, 3)
    thread, view = show(mine)
    await view.until(lambda: view.state.get("_readers") == [[-1, 2]])
    await bobs.advance_last_read_message_index(1)
    await view.until(lambda: view.state["_readers"] == [[1, 1], [-1, 1]])
    await mine.set_all_messages_read()  # one's own is nobody's news
    await bobs.leave()
    await view.until(lambda: view.state["_readers"] == [[-1, 1]])
    thread.close()
    assert thread._readers_timer is None


# --- Reactions -----------------------------------------------------------------------------------------------------


async def test_reacting(people: People, show: Show) -> None:
    """Read, merge, write: other reactions and attributes stay, and both views hear of it."""
    mine, theirs = await people.pair()
    me, they = mine.client.user.identity, theirs.client.user.identity
    await mine.send_message("x", {"kept": 1, "reactions": {"heart": [they], "odd": "kept too"}})
    _, view = show(mine)
    (row,) = await rows(view)
    assert row["reactions"] == [{"name": "heart", "count": 1, "people": [they], "own": False}]
    message = (await mine.get_messages(1)).items[0]
    for name, on, people_of in (("heart", True, [they, me]), ("laugh", True, [me]), ("heart", True, [they, me])):
        await view.result("react", index=0, name=name, on=on)
        assert message.attributes["reactions"][name] == people_of
    await view.until(lambda: [len(one["message"]["reactions"]) for one in view.changes("updated")][-1:] == [2])
    assert view.changes("updated")[-1]["message"]["reactions"][0]["own"]
    await view.result("react", index=0, name="laugh", on=False)
    await view.result("react", index=0, name="laugh", on=False)
    assert message.attributes == {"kept": 1, "reactions": {"heart": [they, me], "odd": "kept too"}}


async def test_a_reaction_is_no_edit(people: People, show: Show) -> None:
    """A message is marked as edited when its text was changed, before or after somebody reacted."""
    mine, theirs = await people.pair()
    await write(mine, 3)
    _, view = show(mine)
    await rows(view)
    await view.result("react", index=0, name="heart", on=True)
    await view.result("react", index=1, name="heart", on=True)
    await view.result("react", index=1, name="heart", on=False)
    messages = (await mine.get_messages()).items
    await messages[1].update_body("new")
    await messages[2].update_attributes({"reactions": {"heart": [theirs.client.user.identity]}})
    await messages[2].update_body("new")
    await view.until(lambda: [one["message"]["body"] for one in view.changes("updated")].count("new") >= 2)
    await messages[1].update_attributes({"reactions": {"heart": [mine.client.user.identity]}})
    assert [row["edited"] for row in await rows(view)] == [False, True, True]
    _, later = show(mine)
    assert [row["edited"] for row in await rows(later)] == [False, False, True]  # nobody can know of the second


async def test_reacting_at_the_same_time(people: People, show: Show) -> None:
    """Four people on one message, all at once: in the end everybody's reaction is there."""
    clients = [await people.client(f"p{n}") for n in range(4)]
    rooms = await people.room(*clients)
    await rooms[0].send_message("x")
    account = Account(people.service)
    admin = next(
        role["sid"]
        for role in (await account.ask("GET", "/Roles")).body["roles"]
        if role["type"] == "conversation" and "admin" in role["friendly_name"]
    )
    for person in await rooms[0].get_participants():
        await account.post(f"/Conversations/{rooms[0].sid}/Participants/{person.sid}", {"RoleSid": admin})
    views = [show(room)[1] for room in rooms]
    await asyncio.gather(*(view.result("open", count=5) for view in views))
    await asyncio.gather(*(view.result("react", index=0, name="heart", on=True) for view in views))
    everybody = {client.user.identity for client in clients}
    message = (await rooms[0].get_messages(1)).items[0]

    def all_there() -> bool:
        return set(message.attributes.get("reactions", {}).get("heart", ())) == everybody

    async with asyncio.timeout(20):
        while not all_there():
            await Expected(message, "updated")


async def test_a_reaction_that_was_overwritten(people: People, show: Show) -> None:
    """Somebody who writes what they had read before ours was there does not take it away."""
    mine, _ = await people.pair()
    await mine.send_message("x", {"a": 1})
    _, view = show(mine)
    await view.result("react", index=0, name="heart", on=True)
    message = (await mine.get_messages(1)).items[0]
    lost = Expected(message, "updated", lambda _: "reactions" not in message.attributes)
    await message.update_attributes({"a": 2})
    await lost
    if "reactions" not in message.attributes:
        await Expected(message, "updated", lambda _: "reactions" in message.attributes)
    assert message.attributes == {"a": 2, "reactions": {"heart": [mine.client.user.identity]}}


async def test_reactions_that_are_refused(people: People, show: Show) -> None:
    """Where one may not, where there is no place, where nothing is written; what a view made up."""
    mine, theirs = await people.pair()
    await mine.send_message("x")
    await theirs.send_message("y", ["a", "list"])
    thread, view = show(theirs)
    await view.result("open", count=5)
    assert (await view.ask("react", index=0, name="heart", on=True))["error"]["type"] == "Forbidden"
    assert "no place" in (await view.ask("react", index=1, name="heart", on=True))["error"]["message"]
    for params in ({"name": ""}, {"name": "x" * 41}, {"name": 5}, {"name": "heart", "on": 1}, {"name": "heart"}):
        assert (await view.ask("react", index=0, **params))["error"]["type"] == "UsageError"
    thread.read_only = True
    assert "read-only" in (await view.ask("react", index=1, name="heart", on=True))["error"]["message"]


@pytest.mark.parametrize(
    ("attributes", "found"),
    [
        (None, {}),
        ("x", {}),
        ({"reactions": []}, {}),
        ({"reactions": {"a": "bob", "b": [], "c": [1, None], "": ["x"], "d" * 41: ["x"]}}, {}),
        ({"reactions": {"a": ["bob", "bob", 3, "amy"]}}, {"a": ["bob", "amy"]}),
    ],
)
def test_reactions_of_anything(attributes: Any, found: dict[str, list[str]]) -> None:
    """Whatever stands in the attributes of a stranger's message."""
    assert reactions_of(attributes) == found


def test_too_many_reactions() -> None:
    """Not more kinds than a row can show."""
    assert len(reactions_of({"reactions": {str(n): ["x"] for n in range(500)}})) == MOST_REACTIONS


async def test_a_system_line(people: People, show: Show) -> None:
    """What the account writes as nobody is the system's; a person of that name is not."""
    mine, theirs = await people.pair()
    account = Account(people.service)
    await account.post(f"/Conversations/{mine.sid}/Messages", {"Body": "Bob was added."})
    await theirs.send_message("x")
    _, view = show(mine)
    assert [row["system"] for row in await rows(view)] == [True, False]
