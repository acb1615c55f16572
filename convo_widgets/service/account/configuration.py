"""How the account and its service are set: defaults, push texts, and where their webhooks go.

Of push texts and the log nothing follows here: this service sends no push messages. They are kept and told.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from msgspec import UNSET, Struct, UnsetType, field, structs, to_builtins

from convo_widgets.service import conversations, events, rights, settings
from convo_widgets.service.account.requests import Answer, Request, get, post
from convo_widgets.service.refusals import Refused
from convo_widgets.service.store import DEFAULT_ROLES, Change

LONGEST = 2048
"""Characters of an address that is called, and of a text."""


def hook_url(text: str | UnsetType, name: str) -> str | UnsetType | None:
    """The address of a webhook; an empty one is none.

    Raises:
        Refused: 20422 where it is none of HTTP.
    """
    if text is UNSET or not text:
        return UNSET if text is UNSET else None
    try:
        parts = urlsplit(text)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good or len(text) > LONGEST or not text.isascii() or not text.isprintable() or " " in text:
        raise Refused(20422, f"{name} is an http or https address of at most {LONGEST:,} characters")
    return text


def _given(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not UNSET}


# --- The account ---------------------------------------------------------------------------------------------------


def _account(request: Request) -> Answer:
    sid = request.services.default.service_sid
    links = {
        "service": request.account_url("Services", sid),
        "webhooks": request.account_url("Configuration", "Webhooks"),
    }
    shown = {
        **request.account(),
        **structs.asdict(settings.load(request.store, "account", settings.Account)),
        "default_chat_service_sid": sid,
        "url": request.account_url("Configuration"),
        "links": links,
    }
    return Answer(shown)


def _set_account(request: Request, change: Change) -> Answer:
    default = request.maybe("DefaultChatServiceSid")
    if default is not None and request.services.find(default) is None:
        raise Refused(20422, "DefaultChatServiceSid is the sid of a service")
    given = _given(
        {
            "messaging_service_sid": request.text("DefaultMessagingServiceSid"),
            "inactive_after": request.text("DefaultInactiveTimer"),
            "closed_after": request.text("DefaultClosedTimer"),
        }
    )
    checked = conversations.Terms(**given).checked()
    names = {"messaging_service_sid": "default_messaging_service_sid"}
    names |= {"inactive_after": "default_inactive_timer", "closed_after": "default_closed_timer"}
    changed = {names[name]: value or None for name, value in checked.items()}
    if default is not None:
        changed["default_chat_service_sid"] = default
    before = settings.load(request.store, "account", settings.Account)
    settings.save(change, "account", structs.replace(before, **changed))
    return _account(request)


# --- Webhooks ------------------------------------------------------------------------------------------------------


def _change_webhooks(request: Request, change: Change, name: str) -> None:
    chosen = request.many("Filters")
    method = request.choice("Method", "GET", "POST", "get", "post")
    given = {
        "method": method if isinstance(method, UnsetType) else method.upper(),
        "filters": chosen if isinstance(chosen, UnsetType) else events.filters(chosen),
        "pre_webhook_url": hook_url(request.text("PreWebhookUrl"), "PreWebhookUrl"),
        "post_webhook_url": hook_url(request.text("PostWebhookUrl"), "PostWebhookUrl"),
        "target": request.choice("Target", "webhook", "flex"),
    }
    settings.save(change, name, structs.replace(settings.load(request.store, name, settings.Webhooks), **_given(given)))
    change.store.hook()


def _account_webhooks(request: Request) -> Answer:
    shown = structs.asdict(settings.load(request.store, "account_webhooks", settings.Webhooks))
    return Answer({**request.account(), **shown, "url": request.account_url("Configuration", "Webhooks")})


def _set_account_webhooks(request: Request, change: Change) -> Answer:
    _change_webhooks(request, change, "account_webhooks")
    return _account_webhooks(request)


def _service_webhooks(request: Request) -> Answer:
    shown = structs.asdict(settings.load(request.store, "service_webhooks", settings.Webhooks))
    del shown["target"]
    return Answer({**request.ids(), **shown, "url": request.service_url("Configuration", "Webhooks")})


def _set_service_webhooks(request: Request, change: Change) -> Answer:
    _change_webhooks(request, change, "service_webhooks")
    return _service_webhooks(request)


# --- The service ---------------------------------------------------------------------------------------------------

_ROLES = {name: (type, events.in_a_form(name)) for (type, _), name in DEFAULT_ROLES.items()}
"""Settings that name a role: its type, and their name in a form."""


def _service(request: Request) -> Answer:
    links = {part.lower(): request.service_url("Configuration", part) for part in ("Notifications", "Webhooks")}
    shown = {
        "chat_service_sid": request.backend.service_sid,
        **{name: request.store.meta(name) for name in _ROLES},
        "reachability_enabled": request.store.reachability,
        "url": request.service_url("Configuration"),
        "links": links,
    }
    return Answer(shown)


def _set_service(request: Request, change: Change) -> Answer:
    for name, (type, word) in _ROLES.items():
        sid = request.maybe(word)
        if sid is not None:
            change.run("UPDATE meta SET value = ? WHERE name = ?", rights.role(change.store, sid, type), name)
    reachability = request.flag("ReachabilityEnabled")
    if isinstance(reachability, bool):
        change.store.tell_reachability(reachability)
    return _service(request)


# --- Push ----------------------------------------------------------------------------------------------------------


class Push(Struct):
    """Whether and how a device is told of something."""

    enabled: bool = False
    template: str = ""
    sound: str = ""


class WithMedia(Struct):
    """The same of a message that has media."""

    enabled: bool = False
    template: str = ""


class NewMessagePush(Push):
    """The same of any message."""

    badge_count_enabled: bool = False
    with_media: WithMedia = field(default_factory=WithMedia)


class Notifications(Struct):
    """What push messages say."""

    new_message: NewMessagePush = field(default_factory=NewMessagePush)
    added_to_conversation: Push = field(default_factory=Push)
    removed_from_conversation: Push = field(default_factory=Push)
    log_enabled: bool = False


def _notifications(request: Request) -> Answer:
    shown = to_builtins(settings.load(request.store, "notifications", Notifications))
    return Answer({**request.ids(), **shown, "url": request.service_url("Configuration", "Notifications")})


def _set_notifications(request: Request, change: Change) -> Answer:
    push = settings.load(request.store, "notifications", Notifications)
    told = {"NewMessage": push.new_message, "AddedToConversation": push.added_to_conversation}
    told["RemovedFromConversation"] = push.removed_from_conversation
    for name, one in told.items():
        _set_push(request, name, one)
    _set_push(request, "NewMessage.WithMedia", push.new_message.with_media)
    push.log_enabled = _or(request.flag("LogEnabled"), push.log_enabled)
    counted = request.flag("NewMessage.BadgeCountEnabled")
    push.new_message.badge_count_enabled = _or(counted, push.new_message.badge_count_enabled)
    settings.save(change, "notifications", push)
    return _notifications(request)


def _set_push(request: Request, name: str, push: Push | WithMedia) -> None:
    push.enabled = _or(request.flag(f"{name}.Enabled"), push.enabled)
    push.template = _text(request, f"{name}.Template", push.template)
    if isinstance(push, Push):
        push.sound = _text(request, f"{name}.Sound", push.sound)


def _or(given: bool | UnsetType, before: bool) -> bool:
    return given if isinstance(given, bool) else before


def _text(request: Request, name: str, before: str) -> str:
    given = request.text(name)
    if isinstance(given, UnsetType):
        return before
    if len(given) > LONGEST:
        raise Refused(20422, f"{name} has at most {LONGEST:,} characters")
    return given


_PUSHES = ("NewMessage", "AddedToConversation", "RemovedFromConversation")
_HOOKS = ("PreWebhookUrl", "PostWebhookUrl", "Filters", "Method")
ROUTES = [
    get("/Configuration", _account, below="account"),
    post(
        "/Configuration",
        _set_account,
        *("DefaultChatServiceSid", "DefaultMessagingServiceSid", "DefaultInactiveTimer", "DefaultClosedTimer"),
        below="account",
    ),
    get("/Configuration/Webhooks", _account_webhooks, below="account"),
    post("/Configuration/Webhooks", _set_account_webhooks, *_HOOKS, "Target", below="account"),
    get("/Configuration", _service, below="service"),
    post(
        "/Configuration", _set_service, *(name for _, name in _ROLES.values()), "ReachabilityEnabled", below="service"
    ),
    get("/Configuration/Webhooks", _service_webhooks, below="service"),
    post("/Configuration/Webhooks", _set_service_webhooks, *_HOOKS, below="service"),
    get("/Configuration/Notifications", _notifications, below="service"),
    post(
        "/Configuration/Notifications",
        _set_notifications,
        *(f"{name}.{part}" for name in _PUSHES for part in ("Enabled", "Template", "Sound")),
        *("NewMessage.BadgeCountEnabled", "NewMessage.WithMedia.Enabled", "NewMessage.WithMedia.Template"),
        "LogEnabled",
        below="service",
    ),
]
