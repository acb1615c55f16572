"""Content templates, as the content API of another host has them."""

from __future__ import annotations

from typing import Any

from convo_widgets.service import content
from convo_widgets.service.account.requests import Answer, Request, dates_of, make
from convo_widgets.service.store import Change
from convo_widgets.wire import json
from convo_widgets.wire.rest import Content, NewContent


def _create(request: Request, change: Change) -> Answer:
    sid = content.insert(change, request.read(NewContent))
    row = content.find(request.store, sid)
    assert row is not None
    shown = Content(
        sid=sid,
        account_sid=request.backend.tokens.account_sid,
        friendly_name=row["friendly_name"],
        language=row["language"],
        variables=json.decode(row["variables"], dict[str, str]),
        types=json.decode(row["types"], dict[str, dict[str, Any]]),
        **dates_of(row),
        url=request.url("Content", sid),
    )
    return Answer(shown, 201)


ROUTES = [make("/Content", _create)]
