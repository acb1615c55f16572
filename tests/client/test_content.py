"""Rich content: every type as a typed object, anything else kept raw; templates, and messages made from them."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import convo_widgets as cw
from convo_widgets.client.content import content_data, rich_type
from convo_widgets.wire import schema
from tests.client.people import Expected, People
from tests.service.http import Account

URL = {"type": "URL", "title": "Open", "url": "https://x.example"}
PHONE = {"type": "PHONE_NUMBER", "title": "Call", "phone": "+15550100"}
REPLY = {"type": "QUICK_REPLY", "title": "Yes", "id": "y", "index": 2}
LATER = {"type": "COPY_CODE", "code": "1"}
ACTIONS = [
    cw.ContentDataActionUrl("Open", "https://x.example", json.dumps(URL, separators=(",", ":"))),
    cw.ContentDataActionPhone("Call", "+15550100", json.dumps(PHONE, separators=(",", ":"))),
    cw.ContentDataActionReply("Yes", "y", 2, json.dumps(REPLY, separators=(",", ":"))),
    cw.ContentDataActionOther(json.dumps(LATER, separators=(",", ":"))),
]
CASES: list[tuple[str, Any, str, dict[str, Any]]] = [
    ("twilio/text", {"body": "b"}, "text", {"body": "b"}),
    ("twilio/media", {"media": ["https://m"]}, "media", {"body": None, "media": ["https://m"]}),
    (
        "twilio/location",
        {"longitude": 1, "latitude": -2.5, "label": "L"},
        "location",
        {"longitude": 1, "latitude": -2.5, "label": "L"},
    ),
    (
        "twilio/quick-reply",
        {"body": "b", "actions": [{"title": "A", "id": "1"}, {"title": "B"}]},
        "quickReply",
        {"body": "b", "replies": [cw.ContentDataReply("A", "1"), cw.ContentDataReply("B")]},
    ),
    (
        "twilio/call-to-action",
        {"body": "b", "actions": [URL, PHONE, REPLY, LATER]},
        "callToAction",
        {"body": "b", "actions": ACTIONS},
    ),
    (
        "twilio/list-picker",
        {"body": "b", "button": "B", "items": [{"id": "1", "item": "I"}, {"id": "2", "item": "J", "description": "D"}]},
        "listPicker",
        {"button": "B", "items": [cw.ContentDataListItem("1", "I"), cw.ContentDataListItem("2", "J", "D")]},
    ),
    ("twilio/card", {"title": "T"}, "card", {"title": "T", "subtitle": None, "media": [], "actions": []}),
    (
        "twilio/card",
        {"title": "T", "subtitle": "S", "media": ["m"], "actions": [URL]},
        "card",
        {"subtitle": "S", "media": ["m"], "actions": ACTIONS[:1]},
    ),
    ("twilio/carousel", {"cards": []}, "other", {}),
    ("twilio/text", {"body": 5}, "other", {}),
    ("twilio/text", "text", "other", {}),
    ("twilio/card", {"title": "T", "media": [1]}, "other", {}),
    ("twilio/location", {"longitude": True, "latitude": 1}, "other", {}),
    ("twilio/quick-reply", {"body": "b", "actions": ["x"]}, "other", {}),
    ("", None, "other", {}),
]


@pytest.mark.parametrize(("type", "data", "kind", "fields"), CASES)
def test_each_type(type: str, data: Any, kind: str, fields: dict[str, Any]) -> None:
    """Its fields under the SDK's names and discriminant, and all of it as JSON; frozen."""
    content = content_data(type, data)
    assert content.type == kind
    assert {name: getattr(content, name) for name in fields} == fields
    assert json.loads(content.raw_data) == data
    with pytest.raises(dataclasses.FrozenInstanceError):
        content.type = "x"  # type: ignore[assignment, misc]


_json = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(),
    lambda x: st.lists(x) | st.dictionaries(st.text(), x),
)
_names = st.sampled_from(
    ["body", "media", "actions", "title", "items", "button", "longitude", "latitude", "type", "id"]
)


@given(st.sampled_from([case[0] for case in CASES]), _json | st.dictionaries(_names, _json))
def test_nothing_is_too_odd(type: str, data: Any) -> None:
    """Whatever JSON comes as content gives an object."""
    assert isinstance(content_data(type, data), cw.ContentData)


def test_types_of_rich_bodies() -> None:
    """The content type of the body names the type of the content."""
    assert rich_type("application/x-vnd.com.twilio.rich.twilio.quick-reply") == "twilio/quick-reply"
    assert rich_type("application/x-vnd.com.twilio.rich.whatsapp.a.b; charset=utf-8") == "whatsapp/a.b"


def test_variables() -> None:
    """A copy has another value, the original keeps its own; odd ones from the service cost nothing."""
    first = cw.ContentTemplateVariable("1", "friend")
    assert first.copy_with_value("Ann") == cw.ContentTemplateVariable("1", "Ann")
    assert first.value == "friend"
    for text, expected in (("{", []), ("[]", []), ('{"1":2}', [cw.ContentTemplateVariable("1", "2")])):
        assert cw.ContentTemplate.from_wire(schema.ContentTemplate("HX1", variables=text)).variables == expected


async def test_templates_and_their_messages(people: People) -> None:
    """Templates are listed over all pages; a message of one carries its content to the others, with the variables."""
    mine, theirs = await people.pair()
    account = Account(people.service)
    quick = {"body": "Hi {{1}}?", "actions": [{"title": "{{1}}", "id": "a"}]}
    types = {"twilio/quick-reply": quick, "twilio/later": {"new": [1]}}
    before = len(await mine.client.get_content_templates())
    made = await account.post("/Content", {"friendly_name": "g", "variables": {"1": "you"}, "types": types}, json="yes")
    text = {"friendly_name": "text", "types": {"twilio/text": {"body": "plain"}}}
    others = [await account.post("/Content", text, json="yes") for _ in range(101)]
    templates = {one.sid: one for one in await mine.client.get_content_templates()}
    assert len(templates) == before + 1 + len(others)
    template = templates[made["sid"]]
    assert (template.friendly_name, template.variables) == ("g", [cw.ContentTemplateVariable("1", "you")])
    assert [content.type for content in template.variants.values()] == ["quickReply", "other"]
    assert json.loads(template.variants["twilio/later"].raw_data) == {"new": [1]}
    assert template.date_created is not None
    assert template.date_created.tzinfo is UTC

    added = Expected(theirs, "messageAdded")
    unsent = (
        mine.prepare_message().set_content_template(template.sid, [template.variables[0].copy_with_value("Ü")]).build()
    )
    assert (unsent.content_sid, unsent.content_variables) == (template.sid, [cw.ContentTemplateVariable("1", "Ü")])
    await unsent.send()
    message = await added
    content = await message.get_content_data()
    assert isinstance(content, cw.ContentDataQuickReply)
    assert (content.body, content.replies) == ("Hi Ü?", [cw.ContentDataReply("Ü", "a")])
    assert (message.content_sid, message.attached_media) == (template.sid, [])

    added = Expected(theirs, "messageAdded")
    await mine.prepare_message().set_content_template(template.sid).build_and_send()
    assert (await (await added).get_content_data()).body == "Hi you?"
    added = Expected(theirs, "messageAdded")
    await mine.send_message("plain")
    assert await (await added).get_content_data() is None


async def test_content_that_cannot_be_read(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is an error that says so; JSON of another shape is kept raw."""
    mine, theirs = await people.pair()
    made = await Account(people.service).post("/Content", {"types": {"twilio/text": {"body": "x"}}}, json="yes")
    added = Expected(theirs, "messageAdded")
    await mine.prepare_message().set_content_template(made["sid"]).build_and_send()
    message = await added

    def reading(content: bytes) -> Any:
        async def read(medium: cw.Media, limit: int) -> bytes:
            return content

        return read

    for content, raw in ((b'{"data":{"no":"body"}}', '{"no":"body"}'), (b"[]", "[]"), (b"{}", "null")):
        monkeypatch.setattr(cw.Media, "read", reading(content))
        assert await message.get_content_data() == cw.ContentDataOther(raw)
    monkeypatch.setattr(cw.Media, "read", reading(b"<html>"))
    with pytest.raises(cw.RemoteProtocolError, match="cannot be read"):
        await message.get_content_data()
