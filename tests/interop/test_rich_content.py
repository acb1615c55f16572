"""Templates and rich messages: the genuine SDK and our client read the same into them, and send the same."""

from __future__ import annotations

import json
from typing import Any

import pytest
import pytest_asyncio

import convo_widgets as cw
from tests.service.http import Account

from .sides import SdkError
from .together import Together, part

pytestmark = pytest.mark.asyncio(loop_scope="session")
ACTIONS = [
    {"type": "URL", "title": "Go", "url": "https://x.example/{{1}}"},
    {"type": "PHONE_NUMBER", "title": "Call", "phone": "+15550100"},
    {"type": "QUICK_REPLY", "title": "Yes", "id": "y", "index": 2},
    {"type": "COPY_CODE", "code": "{{1}}"},
]
TYPES: list[tuple[str, dict[str, Any], str]] = [
    ("twilio/text", {"body": "Hello {{1}}, {{two}} {{3}}"}, "text"),
    ("twilio/media", {"body": "b", "media": ["https://x.example/{{1}}.png", "https://x.example/b"]}, "media"),
    ("twilio/media", {"media": ["https://x.example"]}, "media"),
    ("twilio/location", {"longitude": 1, "latitude": -2.5, "label": "L {{1}}"}, "location"),
    ("twilio/location", {"longitude": 0.0, "latitude": 0}, "location"),
    ("twilio/quick-reply", {"body": "b", "actions": [{"title": "A", "id": "1"}, {"title": "B"}]}, "quickReply"),
    ("twilio/call-to-action", {"body": "b", "actions": ACTIONS}, "callToAction"),
    (
        "twilio/list-picker",
        {"body": "b", "button": "B", "items": [{"id": "1", "item": "I"}, {"id": "2", "item": "J", "description": "D"}]},
        "listPicker",
    ),
    ("twilio/card", {"title": "T {{1}}"}, "card"),
    ("twilio/card", {"title": "T", "subtitle": "S", "media": ["https://x.example/m"], "actions": ACTIONS}, "card"),
    ("acme/carousel", {"cards": [{"title": "{{1}}"}], "n": None}, "other"),
    ("twilio/pay", {"amount": 1.5}, "other"),
]


def bare(value: Any) -> Any:
    """Content without what it has not, its raw data parsed."""
    if isinstance(value, list):
        return [bare(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        name: json.loads(field) if name == "rawData" else bare(field)
        for name, field in value.items()
        if field is not None
    }


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def made(common_service: cw.LocalService) -> list[str]:
    """A template of each type, made once, for the SDK asks for the list only every few seconds; their sids."""
    sids = []
    for number, (type, data, _) in enumerate(TYPES):
        fields = {"friendly_name": f"t{number}", "variables": {"1": "you", "two": "é"}, "types": {type: data}}
        sids.append(str((await Account(common_service).post("/Content", fields, json="yes"))["sid"]))
    return sids


async def test_every_type(newest: Together, actor: str, made: list[str]) -> None:
    """Every type of content, and types that nobody knows, as a template and as a message made from it."""
    sid = await newest.room()
    for one in made:
        content = {"sid": one, "values": {"1": "Ü & <b>"}}
        await newest.side(actor).op("send", conversation=sid, content=content, attributes={"from": one})
    await newest.settled()
    there, here = bare([await side.client("getContentTemplates") for side in (newest.sdk["bob"], newest.ours["bob"])])
    assert here == there
    assert [one["sid"] for one in here if one["sid"] in made] == made
    page = await newest.agreed(lambda side: side.conversation(sid, "getMessages"), "bob")
    assert [message["contentSid"] for message in page["items"]] == made
    assert page["items"][0]["body"] == "Hello Ü & <b>, é {{3}}"
    for index, (_, _, kind) in enumerate(TYPES):
        sides = (newest.sdk["bob"], newest.ours["bob"])
        there, here = bare([await side.message(sid, index, "getContentData") for side in sides])
        assert here == there
        assert here["type"] == kind


async def test_unsent(newest: Together, made: list[str]) -> None:
    """What is put together is the same before it is sent."""
    sid = await newest.room()
    text = part(b"x", "text/plain")
    for args in (
        {},
        {"body": "b", "subject": "s", "attributes": {"a": [None]}},
        {"media": [text, text], "email": {"text/plain": text, "text/html": text}, "history": {"text/plain": text}},
        {"content": {"sid": made[0], "values": {"1": "Ü"}}},
    ):
        there, here = bare(
            [await side.op("unsent", conversation=sid, **args) for side in (newest.sdk["alice"], newest.ours["alice"])]
        )
        assert here == there


async def test_plain_and_refused(newest: Together) -> None:
    """A plain message has no content; a template that is not there is refused with the same code."""
    sid = await newest.room()
    await newest.sdk["alice"].conversation(sid, "sendMessage", "plain")
    await newest.settled()
    assert await newest.agreed(lambda side: side.message(sid, 0, "getContentData"), "bob") is None
    for side in (newest.sdk["alice"], newest.ours["alice"]):
        with pytest.raises(SdkError) as error:
            await side.op("template", conversation=sid, content_sid="HX" + "0" * 32)
        assert (error.value.status, error.value.code) == (400, 50526)
