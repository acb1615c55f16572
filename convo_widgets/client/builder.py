"""Messages before they are sent: put together step by step, checked, their media uploaded, then sent."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypedDict
from uuid import uuid4

from convo_widgets.client.files import FileMedia, UnsentMedia, media_of
from convo_widgets.client.media import MediaCategory
from convo_widgets.client.tasks import together
from convo_widgets.client.templates import ContentTemplateVariable
from convo_widgets.errors import ReplyError, TooLarge, UsageError
from convo_widgets.transport.http import Progress, Source
from convo_widgets.wire import json
from convo_widgets.wire.schema import NewMessage

if TYPE_CHECKING:
    from convo_widgets.client.conversation import Conversation

MAX_BODY = 32 * 1024  # bytes of UTF-8 in a message
UPLOADS = 4  # media of a message that are uploaded at a time
BAD_MEDIA = range(50506, 50513)  # codes that say that a medium cannot be used


def check_body(body: object) -> None:
    """Whether this can be the text of a message.

    Raises:
        UsageError: it is no text.
        TooLarge: it is too long.
    """
    if not isinstance(body, str):
        raise UsageError(f"A message's body is text, not {type(body).__name__}.")
    size = len(body.encode("utf-8", "surrogatepass"))
    if size > MAX_BODY:
        raise TooLarge(413, 50504, f"The body has {size:,} bytes; nothing was sent")


class SendEmailOptions(TypedDict, total=False):
    """Options of an email."""

    subject: str


class UnsentMessage:
    """A message that is ready to be sent, as `MessageBuilder.build` makes it.

    Attributes:
        text: its body; None where it has none.
        attributes: any JSON.
        media_content: what is uploaded with it, in order: (category, medium).
        email_options: the subject.
        content_sid: the content template that it is made from; None for a plain message.
        content_variables: values for the template's variables; None for its own.
    """

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation
        self._uploaded: dict[int, tuple[FileMedia, str]] = {}
        self._mutation = str(uuid4())
        self.text: str | None = None
        self.attributes: Any = {}
        self.media_content: list[tuple[MediaCategory, FileMedia]] = []
        self.email_options: SendEmailOptions = {}
        self.content_sid: str | None = None
        self.content_variables: list[ContentTemplateVariable] | None = None

    @classmethod
    def of(cls, conversation: Conversation, message: object, attributes: Any, subject: str | None) -> UnsentMessage:
        """What `Conversation.send_message` was given: text, or media.

        Raises:
            UsageError: it is neither.
        """
        made = cls(conversation)
        if message is None or isinstance(message, str):
            made.text = message or ""
        else:
            made.media_content = [(medium.category, medium) for medium in media_of(message)]
        made.attributes = {} if attributes is None else attributes
        made.email_options = {} if subject is None else {"subject": subject}
        return made

    def __repr__(self) -> str:
        return f"<UnsentMessage with {len(self.media_content)} media to {self._conversation.sid}>"

    async def send(self, on_progress: Progress | None = None) -> int:
        """Upload its media, some at a time, then send it; returns its index.

        Cancelling the task that awaits this stops the uploads, and nothing is sent. Where the message itself fails
        after its media were uploaded, the error says so, and `send` again uploads them no more. Where no answer came,
        the service recognises a second `send`: there is one message.

        Args:
            on_progress: called with the bytes that are uploaded and all there are, over all media.

        Raises:
            TooLarge: the body or a medium is too large; nothing was sent.
            UsageError: there are too many media, or a file cannot be read; nothing was sent.
            Forbidden: one may not write here.
            ReplyError: whatever else the service minds.
            TransportError: no answer came; `may_have_happened` says what that means.
        """
        sids = await self._upload_all(on_progress)
        try:
            index = await self._conversation._send(self._body(sids), self._mutation)
        except BaseException as error:
            if isinstance(error, ReplyError):
                self._mutation = str(uuid4())  # it was answered: the next try is another one
            if isinstance(error, ReplyError) and error.code in BAD_MEDIA:
                self._uploaded.clear()
            elif sids:
                error.add_note("The media were uploaded already; send() again sends the message without doing it anew.")
            raise
        self._mutation = str(uuid4())
        self._uploaded.clear()  # they are the message's now
        return index

    async def upload(self, on_progress: Progress | None = None) -> None:
        """Upload its media ahead: `send` then only sends the message.

        Args:
            on_progress: as for `send`.

        Raises:
            TooLarge: the body or a medium is too large.
            UsageError: there are too many media, or a file cannot be read.
            ReplyError: whatever else the service minds.
            TransportError: no answer came.
        """
        await self._upload_all(on_progress)

    async def _upload_all(self, on_progress: Progress | None) -> list[str]:
        if self.text is not None:
            check_body(self.text)
        media = [medium for _, medium in self.media_content]
        if not media:
            return []
        sources = await self._conversation._client._media.http.aside(self._conversation.limits.check, media)
        return await self._upload(media, sources, on_progress)

    def _body(self, sids: list[str]) -> NewMessage:
        body = NewMessage(media_sids=sids, attributes=json.encode(self.attributes).decode())
        if self.text is not None:
            body.body = self.text
        if self.email_options.get("subject") is not None:
            body.subject = self.email_options["subject"]
        if self.content_sid is not None:
            body.content_sid = self.content_sid
            if self.content_variables is not None:
                values = {variable.name: variable.value for variable in self.content_variables}
                body.content_variables = json.encode(values).decode()
        return body

    async def _upload(self, media: list[FileMedia], sources: list[Source], on_progress: Progress | None) -> list[str]:
        """The sids, in the order of the media; the first failure stops the others."""
        service, room = self._conversation._client._media, asyncio.Semaphore(UPLOADS)
        total, through = sum(source.size for source in sources), [0] * len(media)

        async def one(place: int, medium: FileMedia, source: Source) -> str:
            def report(sent: int, _: int) -> None:
                through[place] = sent
                if on_progress is not None:
                    on_progress(sum(through), total)

            done = self._uploaded.get(place)
            if done is None or done[0] is not medium:
                async with room:
                    sid = await service.upload(source, medium.content_type, medium.filename, medium.category, report)
                done = self._uploaded[place] = (medium, sid)
            else:
                report(source.size, total)
            return done[1]

        return await together(*map(one, range(len(media)), media, sources))


class MessageBuilder:
    """Puts a message together: ``conversation.prepare_message().set_body("Look").add_media(...).build_and_send()``.

    Every step returns the builder.
    """

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation
        self._message = UnsentMessage(conversation)
        self._texts: dict[tuple[MediaCategory, str], FileMedia] = {}

    def __repr__(self) -> str:
        return f"<MessageBuilder for {self._conversation.sid}>"

    def set_body(self, text: str) -> MessageBuilder:
        """Set the text, at most 32 KB of UTF-8."""
        self._message.text = text
        return self

    def set_subject(self, subject: str) -> MessageBuilder:
        """Set the subject of an email."""
        self._message.email_options = {"subject": subject}
        return self

    def set_attributes(self, attributes: Any) -> MessageBuilder:
        """Set the attributes, any JSON."""
        self._message.attributes = attributes
        return self

    def set_email_body(self, content_type: str, body: str | bytes | UnsentMedia) -> MessageBuilder:
        """Set the body of an email in one of its forms.

        Args:
            content_type: "text/plain" or "text/html"; `conversation.limits` has those that are allowed.
            body: text, bytes or a file.
        """
        return self._set_text("body", content_type, body)

    def set_email_history(self, content_type: str, history: str | bytes | UnsentMedia) -> MessageBuilder:
        """Set the history of an email, the quoted mails before it, in one of its forms; as `set_email_body`."""
        return self._set_text("history", content_type, history)

    def _set_text(self, category: MediaCategory, content_type: str, text: Any) -> MessageBuilder:
        if isinstance(text, str):
            text = text.encode("utf-8", "replace")
        if isinstance(text, FileMedia):
            text = text.content
        self._texts[category, content_type] = FileMedia(text, content_type, None, category)
        return self

    def set_content_template(
        self, content_sid: str, content_variables: Sequence[ContentTemplateVariable] = ()
    ) -> MessageBuilder:
        """Make the message from a content template; body and media are then ignored.

        Args:
            content_sid: sid of the template (HX...); `client.get_content_templates()` lists them.
            content_variables: values to use; the template's own are used for the others.
        """
        self._message.content_sid = content_sid
        self._message.content_variables = list(content_variables)
        return self

    def add_media(self, payload: UnsentMedia | Sequence[UnsentMedia]) -> MessageBuilder:
        """Attach a medium, or several: `FileMedia`, paths, files that are open for reading bytes.

        Raises:
            UsageError: it is none of these.
        """
        self._message.media_content += [(medium.category, medium) for medium in media_of(payload, paths=True)]
        return self

    def build(self) -> UnsentMessage:
        """The message, ready to be sent; the builder can go on and build another one.

        Raises:
            UsageError: there are too many media, a type is not allowed, or a file cannot be read.
            TooLarge: the body, a medium, or all media together are too large.
        """
        made, unsent = UnsentMessage(self._conversation), self._message
        made.text, made.attributes = unsent.text, unsent.attributes
        made.content_sid, made.content_variables = unsent.content_sid, unsent.content_variables
        made.email_options = unsent.email_options
        texts = sorted(self._texts.items(), key=lambda item: item[0][0])  # bodies before histories
        made.media_content = [*unsent.media_content, *((category, medium) for (category, _), medium in texts)]
        if made.text is not None:
            check_body(made.text)
        self._conversation.limits.check([medium for _, medium in made.media_content])
        return made

    async def build_and_send(self, on_progress: Progress | None = None) -> int:
        """Build it and `send` it; returns its index.

        Raises:
            UsageError: as `build`, and nothing was sent.
            TooLarge: likewise.
            ReplyError: as `UnsentMessage.send`.
            TransportError: likewise.
        """
        return await self.build().send(on_progress)
