"""Our client behind the words of the SDK, so that a test says a thing once for both."""

from __future__ import annotations

import base64
import csv
import inspect
import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

import convo_widgets as cw
from tests.service.http import ask

from .sides import SdkError, Side

SURFACE = Path(__file__).parents[1] / "client" / "surface.tsv"
OPTIONS = ("createConversation", "getMessageRecipients")
"""Methods that take an object of options there, and keywords here."""


def _getters() -> dict[str, dict[str, str]]:
    """The attributes of each class: their names there, and ours."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    with SURFACE.open() as file:
        for row in csv.DictReader(file, delimiter="\t"):
            if row["kind"] == "attribute":
                found[row["class"]][row["sdk_member"]] = row["python"]
    found["Conversation"]["bindings"] = "bindings"
    return dict(found)


GETTERS = _getters()


def snake(name: str) -> str:
    """Make get_messages of getMessages."""
    return re.sub("[A-Z]", lambda letter: f"_{letter[0].lower()}", name)


def camel(name: str) -> str:
    """Make dateCreated of date_created."""
    return re.sub("_([a-z])", lambda letter: letter[1].upper(), name)


class Ours(Side):
    """Our client, driven like the SDK's."""

    def __init__(self) -> None:
        super().__init__("python")
        self._pages: list[cw.Paginator[Any]] = []

    async def connect(self, service: cw.LocalService, identity: str, *, token: str | None = None) -> Ours:
        """Connect to a service; wait until the client is initialized."""
        self._client = cw.Client(token or service.token(identity), url=service.url)
        for name in cw.Client.EVENTS:
            self._client.on(name, lambda payload, name=name: self._take(name, self.told(payload)))
        await self.op("start")
        return self

    async def op(self, op: str, **args: Any) -> Any:
        """Run one op of the driver, here."""
        try:
            return self.told(await getattr(self, f"_{op}")(**args))
        except cw.ConvoError as error:
            plain = {"name": type(error).__name__, "message": str(error)}
            raise SdkError(plain | {name: getattr(error, name, None) for name in ("status", "code")}) from error

    async def stop(self) -> None:
        """End it."""
        await self._client.shutdown()

    def told(self, value: Any) -> Any:
        """A value as the driver would tell it."""
        if isinstance(value, datetime):
            return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        if isinstance(value, cw.Client):
            return "client"
        if isinstance(value, cw.Paginator):
            self._pages.append(value)
            told = {"items": value.items, "hasNextPage": value.has_next_page, "hasPrevPage": value.has_prev_page}
            return {"page": len(self._pages) - 1} | self.told(told)
        if isinstance(value, Mapping):
            return {name: self.told(field) for name, field in value.items()}
        if isinstance(value, list | tuple):
            return [self.told(one) for one in value]
        if isinstance(value, msgspec.Struct):
            return self.told(msgspec.to_builtins(value))
        if (getters := GETTERS.get(type(value).__name__)) is not None:
            found = {name: getattr(value, ours) for name, ours in getters.items()}
            if "conversation" in found:
                found["conversation"] = found["conversation"].sid
            return self.told(found)
        if is_dataclass(value):
            return {camel(field.name): self.told(getattr(value, field.name)) for field in fields(value)}
        return value

    async def _start(self) -> None:
        await self._client._start()

    async def _find(self, on: Any) -> Any:
        if on == "client":
            return self._client
        if "page" in on:
            return self._pages[on["page"]]
        if "user" in on:
            return await self._client.get_user(on["user"])
        conversation = await self._client.get_conversation_by_sid(on["conversation"])
        if "participant" in on:
            return await conversation.get_participant_by_sid(on["participant"])
        if "message" not in on:
            return conversation
        return (await conversation.get_messages(1, on["message"])).items[-1]

    async def _call(self, on: Any, method: str, args: Any = ()) -> Any:
        found = getattr(await self._find(on), snake(method))
        options = {}
        if method in OPTIONS:
            options, args = {snake(name): value for option in args for name, value in option.items()}, ()
        answer = found(*args, **options)
        return await answer if inspect.isawaitable(answer) else answer

    async def _get(self, on: Any, name: str) -> Any:
        return getattr(await self._find(on), snake(name))

    async def _see(self, on: Any) -> Any:
        return await self._find(on)

    async def _send(self, **args: Any) -> int:
        return int(await (await self._built(**args)).send())

    async def _unsent(self, **args: Any) -> dict[str, Any]:
        unsent = await self._built(**args)
        told = self.told(unsent)
        return told | {"mediaContent": [category for category, _ in unsent.media_content]}

    async def _built(
        self,
        conversation: str,
        body: str | None = None,
        subject: str | None = None,
        attributes: Any = None,
        media: Any = (),
        email: Any = None,
        history: Any = None,
        content: Any = None,
    ) -> cw.UnsentMessage:
        builder = (await self._find({"conversation": conversation})).prepare_message()
        if body is not None:
            builder.set_body(body)
        if subject is not None:
            builder.set_subject(subject)
        if attributes is not None:
            builder.set_attributes(attributes)
        for one in media:
            builder.add_media(_medium(one))
        for type, one in (email or {}).items():
            builder.set_email_body(type, _medium(one))
        for type, one in (history or {}).items():
            builder.set_email_history(type, _medium(one))
        if content:
            templates = await self._client.get_content_templates()
            template = next(one for one in templates if one.sid == content["sid"])
            values = [one.copy_with_value(content["values"].get(one.name, one.value)) for one in template.variables]
            builder.set_content_template(template.sid, values)
        return builder.build()

    async def _template(self, conversation: str, content_sid: str) -> int:
        builder = (await self._find({"conversation": conversation})).prepare_message()
        return int(await builder.set_content_template(content_sid).build_and_send())

    async def _urls(self, conversation: str, message: int) -> list[list[str]]:
        found = await self._find({"conversation": conversation, "message": message})
        media = found.get_media_by_categories(["media", "body", "history"])
        answers = [await one.get_temporary_content_urls_for_media(media) for one in (found, self._client)]
        return [sorted(urls) for urls in answers]

    async def _constants(self) -> dict[str, str]:
        return {name: value for name, value in vars(cw.NotificationTypes).items() if name.isupper()}

    async def _media(self, conversation: str, message: int) -> list[dict[str, Any]]:
        found = await self._find({"conversation": conversation, "message": message})
        told = []
        for one in found.get_media_by_categories(["media", "body", "history"]):
            answer = await ask("GET", await one.get_content_temporary_url())
            text = base64.b64encode(answer.content).decode()
            about = {"filename": one.filename, "category": one.category, "contentType": one.content_type}
            told.append(about | {"status": answer.status, "base64": text})
        return told


def _medium(one: dict[str, Any]) -> cw.FileMedia:
    return cw.FileMedia(base64.b64decode(one["base64"]), one["contentType"], one.get("filename"))
