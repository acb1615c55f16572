"""Messages and tables as HTML for readers without a front end: saved notebooks, and files.

Pure. All that strangers wrote becomes text in an element of its own, so that neither markup nor the direction of a
script reaches what stands beside it. There is no script, no address that is fetched, and no id that could clash.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from html import escape
from typing import Any

from convo_widgets.client.content import ContentData

Row = dict[str, Any]
MOST_BYTES = 100_000  # of what a notebook keeps of a widget
LONGEST_BODY = 4000  # characters of a message there
LONGEST_CELL = 200  # characters of a value in a table
GROUP_WITHIN = timedelta(minutes=5)  # between messages that stand under one name, as in the thread

_LOST = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
_CUT = "…"
_WRAP = "white-space:pre-wrap;overflow-wrap:anywhere"
_APART = 'style="margin-top:.75em"'
_BESIDE = 'style="display:inline-block;vertical-align:top;max-width:90%"'  # of the time, also where no style sheet is
_CELL = 'style="text-align:start"'  # notebooks set tables to the right
_EMOJI = {"thumbs_up": "👍", "heart": "❤️", "laugh": "😂", "sad": "😢", "pouting": "😡", "thumbs_down": "👎"}


def plain(value: object) -> str:
    """A value as text that HTML can hold: what is no text is shown by a sign that stands for it."""
    return escape(_LOST.sub(_sign, str(value).replace("\r\n", "\n").replace("\r", "\n")))


def _sign(found: re.Match[str]) -> str:
    code = ord(found.group())
    return chr(0x2400 + code) if code < 0x20 else "␡" if code == 0x7F else "\ufffd"


def isolated(value: object) -> str:
    """The same within a line."""
    return f"<bdi>{plain(value)}</bdi>"


def cut(text: str, most: int) -> str:
    """A text that is not longer than that."""
    return text if len(text) <= most else text[: most - 1] + _CUT


def bounded(rows: Sequence[Row]) -> list[Row]:
    """The newest of these messages that a notebook keeps: long ones cut, in at most `MOST_BYTES` of JSON."""
    kept: list[Row] = []
    size = 0
    for row in reversed(rows):
        if isinstance(body := row.get("body"), str) and len(body) > LONGEST_BODY:
            row = row | {"body": cut(body, LONGEST_BODY)}
        size += len(json.dumps(row))
        if size > MOST_BYTES:
            break
        kept.append(row)
    return kept[::-1]


# -- messages


class Transcript:
    """Rows of a thread (`_messages.row_of`) as HTML, one after the other; it remembers the one above.

    A row may have more than a view's: `lines` of rich content, `mail` texts, and a `data` address in its media.
    """

    def __init__(self) -> None:
        self._above: Row | None = None
        self.count = 0

    def add(self, row: Row) -> str:
        """The HTML of a message, with the day and the author's name where they are others than before."""
        above, self._above = self._above, row
        self.count += 1
        date, before = _date(row), None if above is None else _date(above)
        parts = []
        if date is not None and (before is None or before.date() != date.date()):
            parts.append(f'<div class="cwt-day" {_APART}>{date:%A}, {date.day} {date:%B %Y} (UTC)</div>\n')
            above = None
        if row.get("system"):
            return "".join(
                [*parts, f'<p class="cwt-quiet" dir="auto">{plain(row.get("body") or "")}{_time(date)}</p>\n']
            )
        if above is None or not _is_same(above, row):
            parts.append(_name(row))
        return "".join([*parts, _message(row, date)])


def _is_same(above: Row, row: Row) -> bool:
    """Whether a message stands under the name above it."""
    date, before = _date(row), _date(above)
    near = date is None or before is None or abs(date - before) <= GROUP_WITHIN
    keys = ("author", "own", "channel", "name")
    return near and not above.get("system") and all(above.get(key) == row.get(key) for key in keys)


def _name(row: Row) -> str:
    channel = row.get("channel") or "chat"
    way = "" if channel == "chat" else f' <span class="cwt-way">{plain(channel)}</span>'
    own = " cwt-own" if row.get("own") else ""
    address = f' <span class="cwt-way">{isolated(row["address"])}</span>' if row.get("address") else ""
    name = isolated(row.get("name") or "Unknown")
    return f'<div class="cwt-name{own}" {_APART}><b>{name}</b>{address}{way}</div>\n'


def _message(row: Row, date: datetime | None) -> str:
    subject, body = row.get("subject"), row.get("body")
    texts = [*([body] if body else []), *row.get("mail", [])]
    parts = [f'<div class="cwt-subject" dir="auto"><b>{plain(subject)}</b></div>'] if subject else []
    parts += [f'<div class="cwt-body" dir="auto" style="{_WRAP}">{plain(text)}</div>' for text in texts]
    parts += _lines("cwt-rich", row.get("lines") or ([f"[{row['content']}]"] if row.get("content") else []))
    parts += [_medium(medium) for medium in row.get("media") or []]
    if not row.get("mail"):
        parts += [_medium(medium) for medium in row.get("texts") or [] if medium.get("category") == "body"]
    parts += _lines("cwt-note", _notes(row))
    if not parts:
        parts = _lines("cwt-note", ["No text"])
    return f'<div class="cwt-message">{_time(date)}<div class="cwt-content" {_BESIDE}>{"".join(parts)}</div></div>\n'


def _lines(style: str, lines: Iterable[str]) -> list[str]:
    return [f'<div class="{style}" dir="auto">{plain(line)}</div>' for line in lines]


def _notes(row: Row) -> list[str]:
    """What happened to a message since it was written."""
    notes = ["(edited)"] if row.get("edited") else []
    for one in row.get("reactions") or []:
        people = ", ".join(one["people"])
        more = one["count"] - len(one["people"])
        notes.append(f"{_EMOJI.get(one['name'], one['name'])} {people}{f' and {more:,} more' if more > 0 else ''}")
    words = receipt_words(row["delivery"]) if row.get("delivery") else None
    return [*notes, words] if words else notes


def receipt_words(delivery: Row) -> str | None:
    """How far a message got outside of chat, as the thread says it."""
    total = delivery.get("total")
    everybody = "the recipient" if total == 1 else f"all {total} people"

    def reach(amount: str) -> str:
        return everybody if amount == "all" else "some people"

    lost = next(
        (amount for name in ("failed", "undelivered") if (amount := delivery.get(name, "none")) != "none"), None
    )
    if lost is not None:
        return "Not delivered" if lost == "all" else "Not delivered to some people"
    for name, words in (("read", "Read by"), ("delivered", "Delivered to"), ("sent", "Sent to")):
        if delivery.get(name, "none") != "none":
            return f"{words} {reach(delivery[name])}"
    return None


def _medium(medium: Row) -> str:
    name, size = medium.get("filename") or "Unnamed file", medium.get("size")
    facts = [*([] if size is None else [size_words(size)]), medium.get("content_type") or "file"]
    label = f'<div class="cwt-file">{isolated(name)} · {plain(" · ".join(facts))}</div>'
    if not medium.get("data"):
        return label
    return f'<img class="cwt-picture" alt="{plain(name)}" src="{plain(medium["data"])}">{label}'


def size_words(size: int) -> str:
    """Bytes for people."""
    if size < 1000:
        return f"{size} bytes"
    amount, units = size / 1000, ["KB", "MB", "GB"]
    while amount >= 999.5 and len(units) > 1:
        amount, units = amount / 1000, units[1:]
    return f"{amount:.1f} {units[0]}" if amount < 10 else f"{amount:,.0f} {units[0]}"


def rich_lines(content: ContentData) -> list[str]:
    """Rich content as lines of text; addresses of its media are left out, for they may let anybody in who has them."""
    lines: list[str] = []
    match content.type:
        case "text":
            lines = [content.body]
        case "media":
            lines = [*([content.body] if content.body else []), *_pictures(content.media)]
        case "location":
            lines = [f"📍 {content.label or 'Location'}: {content.latitude:.6f}, {content.longitude:.6f}"]
        case "quickReply":
            lines = [content.body, *(f"[{reply.title}]" for reply in content.replies)]
        case "callToAction":
            lines = [content.body, *map(_action, content.actions)]
        case "listPicker":
            items = (f"• {one.item}" + (f": {one.description}" if one.description else "") for one in content.items)
            lines = [content.body, f"[{content.button}]", *items]
        case "card":
            lines = [content.title, *([content.subtitle] if content.subtitle else []), *_pictures(content.media)]
            lines += map(_action, content.actions)
        case "other":
            lines = [content.raw_data]
    return [cut(line, LONGEST_BODY) for line in lines]


def _pictures(media: Sequence[str]) -> list[str]:
    return [f"({len(media)} media)"] if media else []


def _action(action: Any) -> str:
    match action.type:
        case "url":
            return f"[{action.title}] {action.url}"
        case "phone":
            return f"[{action.title}] {action.phone}"
        case "reply":
            return f"[{action.title}]"
    return "[?]"


def _date(row: Row) -> datetime | None:
    value = row.get("date_created")
    try:
        return None if value is None else datetime.fromtimestamp(value / 1000, UTC)
    except (OverflowError, OSError, ValueError):
        return None


def _time(date: datetime | None) -> str:
    if date is None:
        return ""
    return f'<time datetime="{date:%Y-%m-%dT%H:%M:%SZ}" title="{date:%Y-%m-%d %H:%M:%S} UTC">{date:%H:%M}</time> '


# -- in a notebook


def thread_html(title: str, rows: Sequence[Row]) -> str:
    """The newest messages of a thread, in at most `MOST_BYTES`."""
    kept = list(rows)
    while True:
        transcript = Transcript()
        text = "".join(map(transcript.add, kept))
        if len(text.encode()) <= MOST_BYTES or not kept:
            break
        kept = kept[len(kept) // 4 + 1 :]
    amount = f"the newest {len(kept)} messages" if len(kept) > 1 else "the newest message" if kept else "no message yet"
    return f'<div class="cwt"><p><b>{isolated(title)}</b>: {amount}, as read when the cell ran.</p>\n{text}</div>'


def table_html(title: str, heads: Sequence[str], rows: Iterable[Sequence[object]], more: int = 0) -> str:
    """The first rows of a table, and how many there are beyond them, in at most `MOST_BYTES`."""
    head = "".join(f'<th scope="col" {_CELL}>{plain(label)}</th>' for label in heads)
    lines: list[str] = []
    size = 0
    for row in rows:
        cells = (f"<td {_CELL}>{isolated(cut(str(cell), LONGEST_CELL))}</td>" for cell in row)
        line = f"<tr>{''.join(cells)}</tr>\n"
        size += len(line.encode())
        if size > MOST_BYTES:
            more += 1
        else:
            lines.append(line)
    rest = f"<p>… and {more:,} more.</p>" if more > 0 else ""
    table = (
        f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table>" if lines else "<p>Empty.</p>"
    )
    return f'<div class="cwt"><p><b>{isolated(title)}</b>, as read when the cell ran.</p>\n{table}{rest}</div>'


# -- in a file

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
_STYLE = """
:root { color-scheme: light dark; --fg: #1c2128; --bg: #fff; --muted: #5b636d; --line: #d8dde3; --own: #1669c1; }
@media (prefers-color-scheme: dark) {
  :root { --fg: #e4e7eb; --bg: #111418; --muted: #9aa4af; --line: #30363d; --own: #6cb6ff; }
}
@media print { :root { --fg: #000; --bg: #fff; --muted: #444; --line: #bbb; --own: #000; } }
body { margin: 0; color: var(--fg); background: var(--bg);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; }
main { max-width: 46rem; margin: 0 auto; padding: 2rem 1.25rem 3rem; }
h1 { margin: 0; font-size: 1.5rem; line-height: 1.25; overflow-wrap: anywhere; }
p { margin: 0; }
header { padding-block-end: 1rem; border-block-end: 1px solid var(--line); }
header p, footer, time, .cwt-way, .cwt-note, .cwt-file, .cwt-quiet { color: var(--muted); font-size: .8125rem; }
header p { margin-block-start: .25rem; overflow-wrap: anywhere; }
footer { margin-block-start: 2rem; padding-block-start: .75rem; border-block-start: 1px solid var(--line); }
.cwt-day { padding: 1rem 0 0; color: var(--muted); font-size: .8125rem; font-weight: 600; break-after: avoid; }
.cwt-name { margin-block-end: .125rem; break-after: avoid; overflow-wrap: anywhere; }
.cwt-own b { color: var(--own); }
.cwt-message { display: flex; gap: .75rem; margin: .125rem 0; break-inside: avoid; content-visibility: auto;
  contain-intrinsic-size: auto 1.5rem; }
.cwt-message > time { flex: none; width: 2.5rem; line-height: 1.4375rem; font-variant-numeric: tabular-nums; }
.cwt-content { flex: 1; min-width: 0; max-width: none !important; }
.cwt-quiet { margin-block-end: .75rem; text-align: center; }
.cwt-quiet time { margin-inline-start: .5rem; }
.cwt-rich { padding-inline-start: .75rem; border-inline-start: 2px solid var(--line); white-space: pre-wrap;
  overflow-wrap: anywhere; }
.cwt-file { overflow-wrap: anywhere; }
.cwt-picture { display: block; max-width: 100%; max-height: 24rem; margin: .25rem 0; border-radius: 4px; }
@media print { main { max-width: none; padding: 0; } .cwt-message { content-visibility: visible; } }
"""


def document_head(title: str, facts: Sequence[str]) -> str:
    """The beginning of a file; the messages follow, and `document_foot`."""
    lines = "".join(f'<p dir="auto">{plain(fact)}</p>\n' for fact in facts if fact)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n'
        f"<title>{plain(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n"
        f'<header>\n<h1 dir="auto">{plain(title)}</h1>\n{lines}</header>\n'
    )


def document_foot(count: int, now: datetime) -> str:
    """The end of a file."""
    amount = "1 message" if count == 1 else f"{count:,} messages"
    line = f"{amount}. Written {now:%Y-%m-%d %H:%M} UTC; all times are in UTC."
    return f"<footer>{line}</footer>\n</main>\n</body>\n</html>\n"
