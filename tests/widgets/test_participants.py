"""The Participants widget: who is there, what they do, and changing it."""

from __future__ import annotations

from typing import Any

import pytest

import convo_widgets as cw
from convo_widgets.client.events import Discontinuity
from convo_widgets.widgets import participants as module
from convo_widgets.widgets._roles import roles_of
from tests.client.people import Expected, People, write

from .conftest import Shown, View

Table = tuple[cw.Participants, View, cw.Conversation, cw.Conversation]


@pytest.fixture
async def table(people: People, view_of: Shown, monkeypatch: pytest.MonkeyPatch) -> Table:
    """The table of alice and bob in a room, what a page has of it, and the room as each of the two sees it."""
    monkeypatch.setattr(module, "REFRESH", 0.01)
    mine, theirs = await people.pair(friendly_name="Room")
    widget = cw.Participants(mine)
    view = view_of(widget)
    await view.result("rows", view="page", start=0, count=50)
    return widget, view, mine, theirs


def row_of(widget: cw.Participants, client: cw.Client) -> dict[str, Any]:
    """The row of somebody."""
    return next(row for row in widget._rows.all() if row["address"] == client.user.identity)


async def test_who_is_there(table: Table) -> None:
    """Each has a row with names, roles and presence as far as the client API tells them."""
    widget, view, mine, theirs = table
    await view.until(lambda: row_of(widget, theirs.client)["online"] is not None)
    alice, bob = row_of(widget, mine.client), row_of(widget, theirs.client)
    assert (alice["role"], bob["role"]) == ("admin", "member")
    assert alice["role_sid"].startswith("RL")
    assert (alice["own"], bob["own"]) == (True, False)
    assert (bob["channel"], bob["behind"], bob["read"], bob["sent"]) == ("chat", None, None, 0) or bob["behind"] == 0
    await theirs.client.user.update_friendly_name("Bob <b>Bold</b>")
    await view.until(lambda: row_of(widget, theirs.client)["name"] == "Bob <b>Bold</b>")
    assert not widget._loading


async def test_reading_writing_and_typing(table: Table) -> None:
    """Messages are counted live, read positions move, and who writes is marked."""
    widget, view, mine, theirs = table
    await write(theirs, 3)
    await view.until(lambda: row_of(widget, theirs.client)["sent"] == 3)
    await view.until(lambda: row_of(widget, mine.client)["behind"] == 3)
    await theirs.set_all_messages_read()
    await view.until(lambda: row_of(widget, theirs.client)["read"] == 2)
    await view.until(lambda: row_of(widget, theirs.client)["behind"] == 0)
    await theirs.typing()
    await view.until(lambda: row_of(widget, theirs.client)["typing"])
    await theirs.send_message("done")
    await view.until(lambda: not row_of(widget, theirs.client)["typing"])


async def test_history_is_counted_up_to_a_limit(table: Table, view_of: Shown) -> None:
    """What was written before counts too; beyond the limit the numbers are the least there are."""
    _, _, mine, theirs = table
    await write(theirs, 5)
    await write(mine, 2)
    whole = cw.Participants(mine)
    view = view_of(whole)
    await view.result("rows", view="page", start=0, count=50)
    await view.until(lambda: row_of(whole, theirs.client)["sent"] == 5 and row_of(whole, mine.client)["sent"] == 2)
    assert row_of(whole, mine.client)["sent_more"] is False
    message = (await mine.get_messages(1)).items[0]
    await message.remove()
    await view.until(lambda: row_of(whole, mine.client)["sent"] == 1)
    whole.counted = 3
    await view.until(lambda: row_of(whole, theirs.client)["sent_more"])
    await view.until(lambda: row_of(whole, theirs.client)["sent"] == 2)
    whole.counted = 0
    await theirs.send_message("more")
    await view.until(lambda: row_of(whole, theirs.client)["sent"] is None)


async def test_coming_and_going(table: Table, people: People) -> None:
    """A newcomer gets a row; who leaves loses it, and is selected no more."""
    widget, view, mine, _ = table
    cleo = await people.client("cleo")
    await mine.add(cleo.user.identity)
    await view.until(lambda: len(widget._rows) == 3)
    widget.selected = [row_of(widget, cleo)["sid"], row_of(widget, mine.client)["sid"]]
    await mine.remove_participant(cleo.user.identity)
    await view.until(lambda: len(widget._rows) == 2)
    assert widget.selected == [row_of(widget, mine.client)["sid"]]


async def test_changes_from_the_view(table: Table, people: People) -> None:
    """The view adds on chat and on other channels, edits attributes, and removes."""
    widget, view, mine, _ = table
    await people.client("dana")
    sid = (await view.result("add", address=people.identity("dana")))["sid"]
    await view.until(lambda: sid in widget._rows)
    sms = (await view.result("add", address=f"+1555000{people._number:04}", proxy="+15550009999"))["sid"]
    await view.until(lambda: sms in widget._rows)
    assert widget._rows[sms]["channel"] == "sms"
    assert "••••" in widget._rows[sms]["address"]
    await mine.send_message("Welcome")
    await view.until(lambda: row_of(widget, mine.client)["behind"] == 1)
    assert widget._rows[sms]["behind"] is None  # nobody knows where they read
    await view.result("change", sid=sms, text='{"name": "Marta", "vip": [1, null]}')
    await view.until(lambda: widget._rows[sms]["name"] == "Marta")
    assert (await view.result("attributes", sid=sms))["text"] == '{"name":"Marta","vip":[1,null]}'
    await view.result("remove", sid=sid)
    await view.until(lambda: sid not in widget._rows)


async def test_refusals_say_why(table: Table) -> None:
    """What the service refuses, what is no JSON, and what nobody said: each has a sentence, and nothing changes."""
    widget, view, mine, theirs = table
    bob = row_of(widget, theirs.client)["sid"]
    assert (await view.ask("add", address=theirs.client.user.identity))["error"]["type"] == "Conflict"
    assert "no JSON" in (await view.ask("change", sid=bob, text="{not"))["error"]["message"]
    assert (await view.ask("change", sid=bob, text='"' + "x" * 20_000 + '"'))["error"]["type"] == "TooLarge"
    assert "Say whom" in (await view.ask("add", address=" "))["error"]["message"]
    assert "any more" in (await view.ask("remove", sid="MB0"))["error"]["message"]
    widget.read_only = True
    for method, params in {
        "add": {"address": "x"},
        "remove": {"sid": bob},
        "change": {"sid": bob, "text": "{}"},
    }.items():
        assert "read-only" in (await view.ask(method, **params))["error"]["message"]
    assert len(await mine.get_participants()) == 2
    assert not widget._faults


async def test_a_member_may_not_remove(table: Table, view_of: Shown) -> None:
    """By one's role: a member's view offers it, and the service says no."""
    _, _, mine, theirs = table
    widget = cw.Participants(theirs)
    view = view_of(widget)
    await view.result("rows", view="page", start=0, count=50)
    refusal = await view.ask("remove", sid=row_of(widget, mine.client)["sid"])
    assert refusal["error"]["type"] == "Forbidden"


async def test_switching(table: Table, people: People) -> None:
    """Another conversation has its own people; nothing of the last one is selected, heard or shown."""
    widget, view, mine, theirs = table
    (other,) = await people.room(mine.client, friendly_name="Other")
    widget.selected = [row_of(widget, theirs.client)["sid"]]
    view.set(conversation_sid=other.sid)
    await view.until(lambda: widget.conversation is other and len(widget._rows) == 1 and not widget._loading)
    assert widget.selected == []
    heard = Expected(mine, "messageAdded")
    await theirs.send_message("not here")
    await heard
    await other.send_message("here")
    await view.until(lambda: row_of(widget, mine.client)["sent"] == 1)
    await view.until(lambda: any(change["top"] for change in view.changes("window")))


async def test_shut_out(table: Table) -> None:
    """Who was removed sees that, and comes in again with a new membership."""
    _, _, mine, theirs = table
    own = cw.Participants(theirs)
    try:
        await own._loaded()
        gone = Expected(theirs.client, "conversationLeft")
        await mine.remove_participant(theirs.client.user.identity)
        await gone
        assert "not in this conversation any more" in own._problem
        back = Expected(theirs.client, "conversationJoined")
        await mine.add(theirs.client.user.identity)
        await back
        await own._loaded()
        assert own._problem == ""
        assert len(own._rows) == 2
    finally:
        own.close()


async def test_from_outside(people: People, view_of: Shown) -> None:
    """A conversation that one has not joined says so, instead of an empty table."""
    alice = await people.client("alice")
    widget = cw.Participants(await alice.create_conversation())
    view = view_of(widget)
    await view.until(lambda: not widget._loading)
    assert "join" in widget._problem
    await widget.conversation.join()
    await view.result("rows", view="page", start=0, count=9)
    assert (widget._problem, len(widget._rows)) == ("", 1)


async def test_frame_and_saved(table: Table) -> None:
    """The table as a DataFrame, and as a notebook keeps it."""
    widget, view, _, theirs = table
    widget.view_state = {"filters": {"role": ["member"]}}
    frame = widget.to_frame(visible=True)
    assert [*frame.address] == [theirs.client.user.identity]
    assert [*widget.to_frame().columns][:5] == ["sid", "name", "address", "channel", "role"]
    await view.until(lambda: view.state["_first"].get("shown") == 1)
    assert theirs.client.user.identity in widget._static_html()


async def test_discontinuity(table: Table) -> None:
    """When the past is another than was known, everybody is read anew, and who is gone is not selected any more."""
    widget, view, mine, theirs = table
    bob = row_of(widget, theirs.client)["sid"]
    widget.selected = [bob]
    widget._people.clear()
    widget._reset([])
    assert widget.selected == []
    mine._emit("discontinuity", Discontinuity(mine, "restored"))
    await view.until(lambda: bob in widget._rows and len(widget._rows) == 2)


async def test_closing_leaves_nothing(table: Table) -> None:
    """A closed table hears nothing more, and has no task and no timer."""
    widget, _, mine, theirs = table
    handlers = sum(len(each) for each in (mine._handlers or {}).values())
    widget._refresh_soon()
    widget.close()
    heard = Expected(mine, "messageAdded")
    await theirs.send_message("unheard")
    await heard
    assert sum(len(each) for each in (mine._handlers or {}).values()) < handlers
    assert (widget._refresh_timer, widget._offs) == (None, [])


class Somebody:
    """As much of a participant as roles are told by."""

    def __init__(self, role: str | None, identity: str | None) -> None:
        self.role_sid, self.identity = role, identity


@pytest.mark.parametrize(
    ("people", "expected"),
    [
        ([("RL" + "a" * 32, "ann"), ("RL" + "b" * 32, "bob")], {"a": "admin", "b": "member"}),
        (
            [("RL" + "a" * 32, "ann"), ("RL" + "b" * 32, None), ("RL" + "c" * 32, "cy")],
            {"a": "admin", "b": "member", "c": "RL…cccccc"},
        ),
        ([("RL" + "b" * 32, "bob"), ("RL" + "c" * 32, "cy")], {"b": "RL…bbbbbb", "c": "RL…cccccc"}),
        ([("RL" + "b" * 32, "ann"), ("RL" + "b" * 32, None)], {"b": "member"}),
        ([(None, "ann")], {}),
    ],
)
def test_roles_are_named_where_they_can_be(
    people: list[tuple[str | None, str | None]], expected: dict[str, str]
) -> None:
    """The maker is the admin, people on other channels are members, and what nobody can know is the sid."""
    found = roles_of([Somebody(*one) for one in people], "ann")  # type: ignore[misc]
    assert {sid[-1]: word for sid, word in found.items()} == expected
