"""How nouns show themselves in a notebook: small tables, of text that strangers wrote and nobody reads as HTML.

Colours are the page's own, so that it fits light and dark.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

LONGEST = 300  # characters of a value in a table
ROWS = 30  # of a table
_JOINER = "\u200d"  # holds emoji together
_CELL = "text-align:left;padding:1px 10px 1px 0;border:0;background:none;vertical-align:top"


def line(value: object, most: int = 60) -> str:
    """A value on one line, for a repr: quoted where it is text, cut where it is long."""
    if isinstance(value, str) and len(value) > most:
        value = f"{value[: most - 1]}…"
    text = repr(value)
    return text if len(text) <= 4 * most else f"{text[: 4 * most - 1]}…"


def cell(value: object) -> str:
    """A value as HTML that is text alone."""
    if value is None:
        return '<span style="opacity:.5">none</span>'
    text = _text(value)
    cut = text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
    plain = "".join(
        char if char.isprintable() or char == _JOINER else char.encode("unicode_escape").decode() for char in cut
    )
    return f"<bdi>{html.escape(plain)}</bdi>"


def _text(value: object) -> str:
    match value:
        case str():
            return value
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case datetime():
            return f"{value:%Y-%m-%d %H:%M:%S} UTC"
    return repr(value)


def table(caption: str, rows: Mapping[str, object]) -> str:
    """Names and values."""
    body = "".join(
        f'<tr style="background:none"><th scope="row" style="{_CELL};opacity:.7;font-weight:normal">{html.escape(name)}'
        f'</th><td style="{_CELL}">{cell(value)}</td></tr>'
        for name, value in rows.items()
    )
    return _framed(caption, body)


def listing(caption: str, items: Iterable[Any]) -> str:
    """A line for each item, the first few of them."""
    everything = list(items)
    body = "".join(
        f'<tr style="background:none"><td style="{_CELL}">{cell(repr(item))}</td></tr>' for item in everything[:ROWS]
    )
    if len(everything) > ROWS:
        body += f'<tr style="background:none"><td style="{_CELL}">… and {len(everything) - ROWS:,} more</td></tr>'
    return _framed(caption, body)


def _framed(caption: str, body: str) -> str:
    style = "border:1px solid rgba(128,128,128,.4);border-radius:4px;padding:6px 10px;display:inline-block"
    head = f'<caption style="text-align:left;font-weight:bold;color:inherit">{html.escape(caption)}</caption>'
    return f'<div style="{style}"><table style="border:0;color:inherit">{head}<tbody>{body}</tbody></table></div>'
