"""The client: one identity's live view of a chat service."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from time import perf_counter
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from convo_widgets._version import __version__
from convo_widgets.client.conversation import Conversation
from convo_widgets.client.conversations import Conversations
from convo_widgets.client.endpoints import Endpoints
from convo_widgets.client.events import Discontinuity, Emitter
from convo_widgets.client.files import ConversationLimits
from convo_widgets.client.media import Media, MediaService
from convo_widgets.client.paginator import pages
from convo_widgets.client.push import (
    NotificationsChannelType,
    PushNotification,
    Registrations,
    parse_push_notification,
)
from convo_widgets.client.renewal import Renewal
from convo_widgets.client.reporter import Reporter
from convo_widgets.client.session import Session
from convo_widgets.client.shown import line, table
from convo_widgets.client.templates import ContentTemplate
from convo_widgets.client.tokens import Token, TokenSource
from convo_widgets.client.user import User
from convo_widgets.client.users import Users
from convo_widgets.errors import ConnectionLost, ConvoError, TokenExpired, UsageError
from convo_widgets.transport.http import Http
from convo_widgets.transport.link import CONNECTION_TIMEOUT
from convo_widgets.transport.network import NETWORK
from convo_widgets.transport.observer import ConnectionState
from convo_widgets.transport.transport import Transport
from convo_widgets.wire import json
from convo_widgets.wire.schema import (
    Configuration,
    ConfigurationLinks,
    ContentTemplatePage,
    NewConversation,
)

if TYPE_CHECKING:
    from types import TracebackType

log = logging.getLogger("convo_widgets")

State = Literal["failed", "initialized"]
CONFIGURATION = "Client/v2/Configuration"
TEMPLATES = "Client/v2/ContentTemplates"


class Client(Emitter):
    """One identity's live view of a chat service.

    Made by `connect()`. It lives on the running event loop, reconnects by itself and announces what happens.
    Whatever asks the service may raise a `TransportError` where no answer came, and a `ReplyError` where it is no; the
    methods name what to expect.

    Attributes:
        version: of this package.
        user: oneself.
        connection_state: "connecting", "connected", "disconnecting", "disconnected" or "denied".
        reachability_enabled: whether the service tells who is online.
        url: the service's address, for the embedded one; None for the cloud.
        service: the embedded service of this process that it is connected to, if `connect` knows one.

    Events:
        connectionError: a connection failed; payload a `ConnectionFault`.
        connectionStateChanged: payload the new `connection_state`.
        conversationAdded: a conversation became known; payload the `Conversation`.
        conversationJoined: one is in a conversation now; payload the `Conversation`.
        conversationLeft: one is not in a conversation any more; payload the `Conversation`.
        conversationRemoved: a conversation is known no more; payload the `Conversation`.
        conversationUpdated: a conversation changed; payload a `ConversationUpdated`.
        discontinuity: what was known could not be continued and is read anew; payload a `Discontinuity`.
        initFailed: it could not start; payload the error.
        initialized: it is ready; payload the client.
        messageAdded: there is a new message; payload the `Message`.
        messageRemoved: a message that was seen was removed; payload the `Message`.
        messageUpdated: a message that was seen changed; payload a `MessageUpdated`.
        participantJoined: somebody is in it now; payload the `Participant`.
        participantLeft: somebody is not in it any more; payload the `Participant`.
        participantUpdated: a participant changed; payload a `ParticipantUpdated`.
        pushNotification: a push notification was handled; payload the `PushNotification`.
        stateChanged: payload "initialized" or "failed".
        tokenAboutToExpire: the token has little time left; payload the client.
        tokenExpired: the token's time is over; payload the client.
        typingEnded: a participant stopped writing, or their message is there; payload the `Participant`.
        typingStarted: a participant began to write; payload the `Participant`.
        userSubscribed: a user's changes arrive from now on; payload the `User`.
        userUnsubscribed: a user's changes arrive no more; payload the `User`.
        userUpdated: a user changed; payload a `UserUpdated`.
    """

    EVENTS: ClassVar[frozenset[str]] = Conversation.EVENTS - {"removed", "updated"} | frozenset(
        {
            "connectionError",
            "connectionStateChanged",
            "conversationAdded",
            "conversationJoined",
            "conversationLeft",
            "conversationRemoved",
            "conversationUpdated",
            "discontinuity",
            "initFailed",
            "initialized",
            "pushNotification",
            "stateChanged",
            "tokenAboutToExpire",
            "tokenExpired",
            "userSubscribed",
            "userUnsubscribed",
            "userUpdated",
        }
    )
    version = __version__

    def __init__(
        self, token: Token, *, region: str = "us1", url: str | None = None, transport: Transport = NETWORK
    ) -> None:
        super().__init__()
        url = transport.url if url is None else url
        self._tokens = TokenSource(token)
        self._endpoints = Endpoints.of_region(region) if url is None else Endpoints.of_url(url)
        self._session = Session(self._endpoints, self._tokens, Reporter(self), _metadata(), transport)
        self._conversations = Conversations(self)
        self._users = Users(self)
        self._media = MediaService(Http(self._tokens.current, transport))
        self._registrations = Registrations(self._session, self._endpoints.push)
        self._limits = ConversationLimits()
        self._links: ConfigurationLinks = ConfigurationLinks("", "", "", "", "")
        self._renewal = Renewal(self._tokens, self._session)
        self._was_shut_down = False
        self.url = url
        self.service: Any = None
        self.user = User(self, "")
        self.reachability_enabled = False

    def __repr__(self) -> str:
        where = self.url or "the cloud"
        return f"<Client {line(self.user.identity or '(nobody yet)')} at {where}, {self.connection_state}>"

    def _repr_html_(self) -> str:
        report = self._tokens.report
        rows = {
            "identity": self.user.identity or None,
            "service": self.url or "the cloud",
            "connection": self.connection_state,
            "token expires": report.expires_at,
            "conversations": len(self._conversations.known()),
        }
        return table("Client", rows)

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.shutdown()

    # -- life

    @classmethod
    async def create(
        cls, token: Token, *, region: str = "us1", url: str | None = None, transport: Transport = NETWORK
    ) -> Client:
        """A client that is connected and initialized.

        Args:
            token: an access token, or a function (sync or async) that fetches one; a function is called again before
                the token expires.
            region: of the cloud.
            url: base URL of a service that is not the cloud, for example ``http://127.0.0.1:8765``.
            transport: how to get there; `LocalService.transport` leads to a service in this loop, without a network.

        Raises:
            ConnectFailed: nobody answers there.
            TokenError: the token cannot be used; it says why.
        """
        client = cls(token, region=region, url=url, transport=transport)
        try:
            await client._start()
        except BaseException:
            await client.shutdown()
            raise
        return client

    async def shutdown(self) -> None:
        """Say goodbye; the client cannot be used afterwards. Safe to call twice."""
        self._was_shut_down = True
        await self._media.http.close()
        await self._session.close()

    async def update_token(self, token: str) -> None:
        """Use a new token from now on; also brings a client back that was denied or whose token expired.

        Raises:
            TokenError: it cannot be used; if it was the service that said so, the client is "denied" then.
            ConnectionLost: there is no connection (20 s); the next one is made with it.
            UsageError: the client was shut down.
        """
        self._check_usable()
        self._tokens.replace(token)
        if self._session.link.has_ended:
            await self._session.link.start()
            return
        try:
            await self._session.link.update(token)
        except ConnectionLost:  # the next connection is made with it
            await self._session.link.wait_open(CONNECTION_TIMEOUT)

    async def renew_token(self) -> None:
        """Ask the token function for a newer token now, and use it from now on.

        Nobody needs to, for it is asked in time by itself; it also brings a client back that was denied or whose token
        expired.

        Raises:
            TokenError: the function failed, or its token cannot be used.
            ConnectionLost: there is no connection (20 s).
            UsageError: the token was given as text, so only `update_token` can replace it; or the client was shut down.
        """
        self._check_usable()
        if not self._tokens.renewable:
            raise UsageError("The token was given as text: give a new one with `await client.update_token(token)`.")
        token = await self._tokens.fetch_newer()
        if self._session.link.has_ended:
            self._tokens.replace(token)  # the function is not asked again for the one to begin with
            await self._session.link.start()
        else:
            await self._session.link.update(token)

    async def ping(self) -> float:
        """Seconds that the service takes to answer a small question, as it is asked over the connection.

        Raises:
            ConnectionLost: there is no connection just now.
            ReplyError: the service answered no, for example that it is too busy.
            UsageError: the client was shut down.
        """
        self._check_usable()
        if not self._session.link.is_open:
            raise ConnectionLost("a ping", may_have_happened=False)
        url, start = f"{self._endpoints.api}/{CONFIGURATION}", perf_counter()
        await self._session.exchange("GET", url, what="a ping", repeatable=True)
        return perf_counter() - start

    def _check_usable(self) -> None:
        if self._was_shut_down:
            raise UsageError("The client was shut down: connect() again.")

    async def _start(self) -> None:
        try:
            await self._session.link.start()
            await self._initialize()
        except ConvoError as error:
            self._emit("stateChanged", "failed")
            self._emit("initFailed", error)
            if isinstance(error, TokenExpired) and error.since is None:
                raise self._explained(error) from error
            raise
        self._emit("stateChanged", "initialized")
        self._emit("initialized", self)

    async def _initialize(self) -> None:
        configuration = await self._configure()
        self._conversations.load()
        await self.user._open(configuration.sync_objects.my_user_info)

    async def _configure(self) -> Configuration:
        """Read where everything is, and the limits."""
        url = f"{self._endpoints.api}/{CONFIGURATION}"
        configuration = await self._session.get(url, Configuration, what="reading the configuration")
        self._links = configuration.links
        self.reachability_enabled = configuration.options.reachability_enabled
        self._users.base_url = configuration.links.users
        self._users.limit = configuration.options.user_infos_to_subscribe
        self.user.identity = configuration.identity
        self._limits = ConversationLimits.of(configuration.options)
        links = configuration.links
        self._media.configure(self._endpoints.media, links.media_service, links.media_set_service)
        return configuration

    def _explained(self, error: TokenExpired) -> TokenExpired:
        """The same error with the time since when, which only the token itself tells."""
        left = self._tokens.report.seconds_left
        return TokenExpired(-left) if left < 0 else error

    # -- conversations

    async def get_subscribed_conversations(self) -> list[Conversation]:
        """Every conversation that one has joined; waits for the first listing to be complete."""
        return await self._conversations.mine()

    async def get_conversation_by_sid(self, sid: str) -> Conversation:
        """The conversation with this sid (CH...).

        Raises:
            NotFound: there is none, or it is not for this identity.
        """
        return await self._conversations.get_by_sid(sid)

    async def peek_conversation_by_sid(self, sid: str) -> Conversation:
        """A conversation that one need not have joined.

        Raises:
            NotFound: there is none.
            Forbidden: one may not see it.
        """
        return await self._conversations.peek(sid)

    async def get_conversation_by_unique_name(self, unique_name: str) -> Conversation:
        """The conversation with this unique name.

        Raises:
            NotFound: there is none, or it is not for this identity.
        """
        return await self._conversations.get_by_unique_name(unique_name)

    async def create_conversation(
        self,
        *,
        friendly_name: str | None = None,
        unique_name: str | None = None,
        attributes: Any = None,
        access: str | None = None,
    ) -> Conversation:
        """Make a conversation; `join` it to write in it.

        Args:
            friendly_name: its name for people, at most 256 characters.
            unique_name: its name in programs, unique in the service.
            attributes: any JSON, at most 16 KB.
            access: "restricted" for users with restricted access.

        Raises:
            Conflict: the unique name is taken.
        """
        body = NewConversation(attributes=json.encode({} if attributes is None else attributes).decode())
        if friendly_name is not None:
            body.friendly_name = friendly_name
        if unique_name is not None:
            body.unique_name = unique_name
        if access is not None:
            body.access = access
        return await self._conversations.create(body)

    # -- users

    async def get_user(self, identity: str) -> User:
        """A user, whose changes arrive from now on (the last hundred looked at).

        Raises:
            NotFound: there is none.
        """
        return await self._users.get(identity)

    async def get_subscribed_users(self) -> list[User]:
        """The users whose changes arrive."""
        return self._users.all()

    # -- media and templates

    async def get_temporary_content_urls_for_media_sids(self, media_sids: Sequence[str]) -> dict[str, str]:
        """New temporary addresses of media, by sid; see `Media.get_content_temporary_url`.

        Raises:
            NotFound: one of them is not there, or not for oneself.
        """
        return await self._media.urls(media_sids)

    async def get_temporary_content_urls_for_media(self, content_set: Sequence[Media]) -> dict[str, str]:
        """The same for media; of several messages, too."""
        return await self._media.urls([medium.sid for medium in content_set])

    async def get_content_templates(self) -> list[ContentTemplate]:
        """All templates for rich messages that the account has."""
        url, what = f"{self._endpoints.api}/{TEMPLATES}", "reading content templates"
        read = pages(self._session, url, ContentTemplatePage, {"PageSize": 100}, what=what)
        return [ContentTemplate.from_wire(one) async for page in read for one in page.templates]

    # -- push notifications

    async def set_push_registration_id(self, channel_type: NotificationsChannelType, registration_id: str) -> None:
        """Have push notifications sent to a device, in place of the one before.

        Args:
            channel_type: "fcm" or "apn".
            registration_id: what FCM or APN gave the device.
        """
        await self._registrations.set(channel_type, registration_id)

    async def unset_push_registration_id(self, channel_type: NotificationsChannelType) -> None:
        """Have no more sent to the device that was set on this channel."""
        await self._registrations.unset(channel_type)

    async def remove_push_registrations(self, channel_type: NotificationsChannelType, registration_id: str) -> None:
        """Have no more sent to this device, whichever client registered it."""
        await self._registrations.remove(channel_type, registration_id)

    async def handle_push_notification(self, notification_payload: Any) -> None:
        """Read a push notification's payload and announce it as "pushNotification".

        Raises:
            UsageError: it is no push notification of a conversation.
        """
        self._emit("pushNotification", parse_push_notification(notification_payload))

    @staticmethod
    def parse_push_notification(notification_payload: Any) -> PushNotification:
        """Read a payload as FCM or APN delivered it: a dict with ``data``, or with ``aps``.

        Raises:
            UsageError: it is no push notification of a conversation.
        """
        return parse_push_notification(notification_payload)

    # -- what happens

    @property
    def connection_state(self) -> ConnectionState:
        """Whether there is a connection just now."""
        return self._session.link.state

    def _discontinued(self, source: Emitter, reason: str) -> None:
        """What was known of it could not be continued: say so, before it is read anew."""
        log.warning("%r is read anew: %s", source, reason)
        discontinuity = Discontinuity(source, reason)
        if source is not self:
            source._emit("discontinuity", discontinuity)
        self._emit("discontinuity", discontinuity)

    def _announce(self, source: Emitter, name: str, payload: Any) -> None:
        """Tell it at its source and here."""
        source._emit(name, payload)
        self._emit(name, payload)


def _metadata() -> dict[str, Any]:
    return {
        "ver": 3,
        "env": "python",
        "type": "conversations",
        "sdk": "python",
        "sdkv": __version__,
        "app": "convo-widgets",
    }
