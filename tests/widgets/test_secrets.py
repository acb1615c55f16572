"""Whatever is saved of a notebook holds no token, no key and no address that lets anybody in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import nbformat
from ipywidgets import Widget
from ipywidgets.embed import embed_minimal_html
from nbconvert import HTMLExporter

import convo_widgets as cw
from tests.client.people import People
from tests.widgets.conftest import Show

PNG = b"\x89PNG\r\n\x1a\n" + bytes(40)
HOSTILE = "</scRIPt><!--<script><img src=x onerror=alert(1)>"


def found(secrets: set[str], folder: Path) -> set[str]:
    """Those that are in any of the files, as they are or as JSON and HTML write them."""
    files = [path.read_text() for path in folder.rglob("*") if path.is_file()]
    assert files
    forms = {secret: {secret, json.dumps(secret)[1:-1], secret.replace("&", "&amp;")} for secret in secrets}
    return {secret for secret, written in forms.items() if any(form in text for form in written for text in files)}


def save(widgets: list[Any], path: Path) -> None:
    """Write a notebook that shows these widgets, with their state; and what nbconvert and ipywidgets make of it."""
    notebook = nbformat.v4.new_notebook()
    for widget in widgets:
        data, metadata = widget._repr_mimebundle_()
        outputs = [
            nbformat.v4.new_output("display_data", data=data, metadata=metadata),
            nbformat.v4.new_output("display_data", data={"text/html": widget._copy()}),
        ]
        notebook.cells.append(nbformat.v4.new_code_cell("widget", outputs=outputs))
    shown = {one.model_id for one in widgets}
    state = Widget.get_manager_state(widgets=widgets)
    assert shown <= set(state["state"])
    notebook.metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": state}
    nbformat.write(notebook, path)
    html, _ = HTMLExporter().from_notebook_node(notebook)
    path.with_suffix(".nbconvert.html").write_text(html)
    embed_minimal_html(str(path.with_suffix(".embed.html")), views=widgets, state=state["state"])


async def test_no_secret_is_saved(people: People, show: Show, tmp_path: Path) -> None:
    """After renewals, media and failures nothing secret is in a notebook, in an export of it, or in a transcript."""
    tokens: list[str] = []
    person = people.token("alice")

    def fetch() -> str:
        tokens.append(people.service.token(cw.explain_token(person).identity or "", ttl=900 + len(tokens)))
        return tokens[-1]

    alice, bob = await people.client("alice", token=fetch), await people.client("bob")
    mine, theirs = await people.room(alice, bob)
    await alice.renew_token()
    await theirs.send_message(HOSTILE)
    await theirs.send_message(cw.FileMedia(PNG, "image/png", "a.png"))
    thread, view = show(mine)
    await view.until(lambda: len(view.state["_recent"]) == 2 and view.state["_header"])
    [medium] = (await mine.get_messages(1)).items[0].attached_media
    url = await medium.get_content_temporary_url()
    assert url is not None

    def fail(_: Any) -> None:
        raise RuntimeError(f"it was {tokens[-1]}")

    thread.on_select(fail)
    view.set(selected=["IM1"])
    await view.until(lambda: [one for one in view.sent if one["kind"] == "faults"])
    connection = cw.Connection(alice)
    widgets = [thread, cw.Participants(mine), cw.Inbox(alice), connection, cw.Explorer(alice, selected_sid=mine.sid)]
    explorer: Any = widgets[-1].comm
    await explorer.until(lambda: {"inbox", "thread", "participants"} <= set(explorer.state.get("_parts", {})))
    save(widgets, tmp_path / "saved.ipynb")
    (tmp_path / "faults.json").write_text(json.dumps(view.sent))
    await thread.to_html(tmp_path / "chat.html", media=True)
    for widget in widgets:
        widget.close()

    assert len(tokens) == 2
    secrets = {part for token in tokens for part in (token, *token.split(".")[1:])}
    address = urlsplit(url)
    secrets |= {people.service.api_key, people.service.api_secret, url, address.path.rpartition("/")[2]}
    secrets |= {value for _, value in parse_qsl(address.query) if len(value) > 5}
    assert found(secrets, tmp_path) == set()

    text = (tmp_path / "saved.nbconvert.html").read_text() + (tmp_path / "saved.embed.html").read_text()
    assert "scRIPt&gt;" in text, "nothing hostile was there"
    assert "</scRIPt>" not in text
    assert "<!--<script" not in text

    for secret in secrets:  # the search would find each of them
        planted = tmp_path / "planted"
        planted.mkdir(exist_ok=True)
        (planted / "one.ipynb").write_text(json.dumps({"state": f"x{secret}y"}))
        assert secret in found(secrets, planted)
    (planted / "one.ipynb").unlink()  # or the search over all that the tests leave would find it, and fail the run
