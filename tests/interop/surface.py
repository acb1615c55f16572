"""The public surface of a genuine SDK, read from its .d.ts.

Members are written as `driver.mjs` notes them:

    Conversation.friendlyName        a getter or a field that gave something
    Conversation.getMessages()       a method that did what it was asked
    Conversation!messageAdded        an event that was announced
    Conversation.status=joined       a word where there are only a few
    Conversation.state.current       a field of plain data
    ClientOptions.logLevel           an option that was given
    MessageUpdateReason=body         a reason that was told
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).parent / "node_modules"
FILES = {"3": HERE / "conversations-3/builds/lib.d.ts", "2": HERE / "conversations-2/dist/lib.d.ts"}

IMPORTED = {
    "TwilsockConnectionState": ("connecting", "connected", "disconnecting", "disconnected", "denied"),
    "MediaCategory$0": ("media", "body", "history"),
}
"""Words that the .d.ts takes from elsewhere."""
OPTIONS = (
    *("ClientOptions", "CreateConversationOptions", "SendMediaOptions", "SendEmailOptions"),
    "ParticipantBindingOptions",
)
"""What is given to the SDK, not told by it."""
CONTENT = {"ContentDataAction": ".actions", "ContentDataListItem": ".items", "ContentDataReply": ".actions"}
"""Where in the content of a message its parts are; whatever kind it is of."""


def surface(version: str) -> set[str]:
    """Every public member of a version."""
    return set(_Reader(re.sub(r"/\*.*?\*/|//[^\n]*", "", FILES[version].read_text(), flags=re.DOTALL)).members())


class _Reader:
    """One .d.ts without its comments."""

    def __init__(self, text: str) -> None:
        self._text = text
        blocks = r"^(?:declare class|interface|type) (\w+)(?:<T>)?[^{;=\n]*=? ?\{\n(.*?)^\};?"
        self._bodies = dict(re.findall(blocks, text, re.DOTALL | re.MULTILINE))
        words = re.findall(r'^type (\w+) = ("[^;]+);', text, re.MULTILINE)
        self._words = IMPORTED | {name: tuple(re.findall('"([^"]+)"', several)) for name, several in words}
        exported = re.findall(r"^export \{(.*)\}", text, re.MULTILINE)[0]
        self._exported = [name.strip().partition(" as ")[0] for name in exported.split(",")]

    def members(self) -> Iterator[str]:
        for name in self._exported:
            if f"declare class {name}" in self._text and name != "RestPaginator":  # its members are Paginator's
                yield from self._class(name)
            elif name.startswith("ContentData"):
                yield from self._content(name)
            elif name.endswith("UpdateReason"):
                yield from (f"{name}={word}" for word in self._words[name])
            elif name in OPTIONS:
                yield from (f"{name}.{field}" for field, _ in self._fields(name))
        yield from self._class("Paginator")

    def _class(self, name: str) -> Iterator[str]:
        for member, type in self._fields(name):
            if type == "()":
                yield f"{name}.{member}()"
            else:
                yield from self._data(f"{name}.{member}", type)
        for event, payload in re.findall(r"^    (\w+): \((.*)", self._bodies.get(f"{name}Events", ""), re.MULTILINE):
            yield f"{name}!{event}"
            for alias in re.findall(r"state: (\w+)", payload):
                yield from (f"{name}!{event}={word}" for word in self._words[alias])

    def _fields(self, name: str) -> Iterator[tuple[str, str]]:
        """Members and their types, "()" for methods."""
        for line in re.findall(r"^    (\S.*)", self._bodies[name], re.MULTILINE):
            found = re.match(r"(?:static )?(?:readonly )?(?:get )?(\w+)(?:<\w+>)?(\(\)|\?)?(.*)", line)
            if not found or found[1][0] == "_" or re.match("private|set |constructor|#", line):
                continue
            if f'{found[1]} = "{found[1]}"' in line:  # an event's name
                continue
            member, mark, rest = found.groups()
            if rest.startswith("(") or "typeof" in rest or (mark == "()" and not line.startswith("get ")):
                yield member, "()"
            else:
                yield member, re.sub(r"^[:=] |;$| \| (null|undefined)|\[\]|Array<|>", "", rest)

    def _data(self, path: str, type: str) -> Iterator[str]:
        """A piece of data, its words, and what is inside of it."""
        yield path
        type = type.removeprefix("readonly ")
        words = self._words.get(type, tuple(re.findall('"([^"]+)"', type)))
        yield from (f"{path}={word}" for word in words)
        if type in self._exported and type in self._bodies and f"declare class {type}" not in self._text:
            for member, inside in self._fields(type):
                yield from self._data(f"{path}.{member}", inside)

    def _content(self, name: str) -> Iterator[str]:
        place = next((place for part, place in CONTENT.items() if name.startswith(part)), "")
        for member, type in self._fields(name) if name in self._bodies else ():
            yield f"ContentData{place}.{member}"
            yield from (f"ContentData{place}.{member}={word}" for word in re.findall('"([^"]+)"', type))
