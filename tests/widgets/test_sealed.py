"""Values that could end the script element that a saved notebook keeps them in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import convo_widgets as cw
from convo_widgets.widgets import _base
from convo_widgets.widgets._sealed import sealed, unsealed
from tests.client.people import People

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(), max_size=20) | st.just("</scRIPt><!--<script"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@given(JSON)
def test_nothing_is_lost(value: object) -> None:
    """What is sealed holds no "<", is text of which every encoder thinks well, and opens as what it was."""
    text = json.dumps(sealed(value), ensure_ascii=False)
    assert "<" not in text
    text.encode()
    assert unsealed(json.loads(text)) == value


@pytest.mark.parametrize("name", ["thread", "inbox", "participants", "explorer"])
def test_bundles_end_no_script(name: str) -> None:
    """The front end itself, which saved notebooks hold too, ends no script element and begins no comment."""
    bundle = _base.bundle(f"{name}.js")
    assert isinstance(bundle, Path), "the front end is not built"
    text = bundle.read_text().lower()
    assert not [tag for tag in ("</script", "<script", "<!--") if tag in text]


async def test_the_state_of_widgets(people: People, service: cw.LocalService) -> None:
    """No trait of any widget lets hostile text end a script element, and no phone number is in it."""
    hostile = "</scRIPt><!--<script><img src=x onerror=alert(1)>"
    mine, theirs = await people.pair(friendly_name=hostile)
    await theirs.client.user.update_friendly_name(hostile)
    await mine.add_non_chat_participant("+15557770199", "+15551230199", {"name": hostile})
    await theirs.send_message(hostile, subject=hostile)
    await service.receive_message("+15551230199", "+15557770199", hostile)
    client = mine.client
    widgets = [cw.Thread(mine), cw.Participants(mine), cw.Inbox(client), cw.Explorer(client, selected_sid=mine.sid)]
    for widget in widgets:
        view: Any = widget.comm
        await view.until(lambda view=view: hostile in str(view.state) or "scRIPt" in str(view.state.get("_parts")))
        state = {name: value for name, value in widget.get_state().items() if name not in ("_esm", "_css")}
        assert "scRIPt" in json.dumps(state), "nothing hostile was there"
        assert "<" not in json.dumps(state)
        assert not [number for number in ("15551230199", "15557770199") if number in json.dumps(state)]
        widget.close()
