"""Content templates: what an account prepares, and what becomes of one in a message."""

from __future__ import annotations

import re
from collections.abc import Callable
from sqlite3 import Row
from typing import Any

from msgspec import UnsetType

from convo_widgets.service import limits
from convo_widgets.service.calls import Answer, Call, get
from convo_widgets.service.pages import Page
from convo_widgets.service.refusals import Refused
from convo_widgets.service.store import Change, Store, new_sid
from convo_widgets.wire import json
from convo_widgets.wire.rest import NewContent
from convo_widgets.wire.schema import ContentTemplate, ContentTemplatePage, Meta

RICH = "application/x-vnd.com.twilio.rich."
"""What the content type of a rich body begins with; the type follows, with a dot for its slash."""
LARGEST = 64 * 1024
"""Bytes of JSON in a template, and in what becomes of it."""
_VARIABLE = re.compile(r"\{\{ ?([\w.-]{1,40}) ?\}\}")


def insert(change: Change, new: NewContent) -> str:
    """A new template; the sid."""
    types = json.encode(new.types)
    if not new.types or len(types) > LARGEST:
        raise Refused(20422, f"types has one at least, and {LARGEST:,} bytes of JSON at most")
    if any(not re.fullmatch(r"[a-z]{1,20}/[a-z-]{1,40}", type) for type in new.types):
        raise Refused(20422, "a type is like twilio/text")
    sid, name = new_sid("HX"), limits.name(new.friendly_name, "friendly_name") or ""
    variables = json.encode(new.variables)
    if len(variables) > limits.ATTRIBUTES:
        raise Refused(20422, f"variables have at most {limits.ATTRIBUTES:,} bytes of JSON")
    values = (sid, name, new.language[:20], variables.decode(), types.decode(), change.time, change.time)
    change.run(
        "INSERT INTO content (sid, friendly_name, language, variables, types, date_created, date_updated) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        *values,
    )
    return sid


def find(store: Store, sid: str) -> Row | None:
    """The template of a sid; they are the account's, for all of its services."""
    return store.home.row("SELECT * FROM content WHERE sid = ?", sid)


class Rendered:
    """A template with its variables replaced.

    Attributes:
        sid: of the template.
        text: what is shown where rich content cannot be.
        content_type: of the rich body.
        body: the rich body, JSON.
    """

    def __init__(self, store: Store, sid: str, variables: str | UnsetType | None) -> None:
        if not limits.is_sid(sid, "HX"):
            raise Refused(50526)
        self.sid, template = sid, find(store, sid)
        if template is None:
            raise Refused(50526, "there is no such template")
        values = json.decode(template["variables"], dict[str, str]) | parse_variables(variables)
        types = json.decode(template["types"], dict[str, dict[str, Any]])
        type = next((name for name in types if name != "twilio/text"), "twilio/text")
        data = _replace(types[type], _filler(values))
        texts = [one.get(name) for one in (data, types.get("twilio/text", {})) for name in ("body", "title", "label")]
        texts.append(template["friendly_name"])
        self.text = limits.body(next((text for text in texts if isinstance(text, str) and text), None), needed=False)
        self.content_type = RICH + type.replace("/", ".")
        self.body = json.encode({"data": data})


def parse_variables(text: str | UnsetType | None) -> dict[str, str]:
    """Variables from JSON text of an object."""
    if not isinstance(text, str) or not text:
        return {}
    if len(text.encode()) > limits.BODY:
        raise Refused(50527, f"at most {limits.BODY:,} bytes of JSON")
    try:
        return json.decode(text, dict[str, str])
    except json.BadJSON as error:
        raise Refused(50527, "a string that holds a JSON object of strings is expected") from error


def _filler(values: dict[str, str]) -> Callable[[str], str]:
    """A function that fills in variables, until what it wrote is too much: a template may name one a thousand times."""
    written = 0

    def fill(text: str) -> str:
        nonlocal written
        parts: list[str] = []
        place = 0
        for match in _VARIABLE.finditer(text):
            parts += [text[place : match.start()], values.get(match[1], match[0])]
            place = match.end()
            written += len(parts[-1])
            if written > LARGEST:
                raise Refused(50504, f"at most {LARGEST:,} characters of content")
        return "".join(parts) + text[place:]

    return fill


def _replace(value: Any, fill: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return fill(value)
    if isinstance(value, list):
        return [_replace(one, fill) for one in value]
    if isinstance(value, dict):
        return {key: _replace(one, fill) for key, one in value.items()}
    return value


# --- What users see ------------------------------------------------------------------------------------------------


def _list(call: Call) -> Answer:
    page = Page.of(call)
    rows = page.read(call.store.home, "SELECT * FROM content")
    account = call.store.meta("account_sid")
    found = [
        ContentTemplate(
            sid=row["sid"],
            friendly_name=row["friendly_name"],
            account_sid=account,
            variables=row["variables"],
            variants=json.decode(row["types"]),
            date_created=row["date_created"],
            date_updated=row["date_updated"],
        )
        for row in rows
    ]
    return Answer(ContentTemplatePage(found, Meta(page.next, page.previous)))


ROUTES = [get("/Client/v2/ContentTemplates", _list)]
