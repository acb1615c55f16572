"""The columns of every table, once: this makes the empty frame, casts the full one, and is the documentation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

TEXT: Any = pd.StringDtype("pyarrow")
WHOLE: Any = pd.Int64Dtype()
NUMBER: Any = pd.Float64Dtype()
TIME: Any = pd.DatetimeTZDtype("us", "UTC")
FLAG: Any = pd.BooleanDtype()

AUTHOR_KINDS = ["customer", "agent", "bot", "system"]
CHANNELS = ["chat", "sms", "whatsapp", "email", "messenger", "gbm", "rcs", "apple"]
AMOUNTS = ["none", "some", "all"]


def one_of(*values: str) -> Any:
    """The dtype of an enumeration."""
    return pd.CategoricalDtype(list(values))


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its name, its dtype and what it holds."""

    name: str
    dtype: Any
    meaning: str


MESSAGES = [
    Column("conversation_sid", TEXT, "sid of the conversation (CH...)"),
    Column("message_sid", TEXT, "sid of the message (IM...)"),
    Column("index", WHOLE, "place in the conversation; grows, may skip"),
    Column("author", TEXT, "identity, or address on other channels"),
    Column("participant_sid", TEXT, "sid of the author's membership (MB...); missing for the system"),
    Column(
        "author_kind",
        one_of(*AUTHOR_KINDS),
        "what the author is: by the `role` in their participant's or user's attributes, customer on SMS, WhatsApp and "
        "email, system without a membership; missing where nothing tells",
    ),
    Column("channel", one_of(*CHANNELS), "channel of the author; missing for the system"),
    Column("direction", one_of("in", "out"), "in from customers, out from everybody else; missing with author_kind"),
    Column("body", TEXT, "the text, verbatim"),
    Column("subject", TEXT, "subject of an email"),
    Column("body_len", WHOLE, "characters (code points) in the body"),
    Column("word_count", WHOLE, "words in the body, split at white space"),
    Column("media_count", WHOLE, "attachments"),
    Column("media_bytes", WHOLE, "bytes of all attachments"),
    Column("media_types", TEXT, "their content types, in order, joined by ', '"),
    Column("content_sid", TEXT, "content template (HX...)"),
    Column("attributes", TEXT, "attributes as JSON text"),
    Column("reactions_n", WHOLE, "reactions, counted in `attributes.reactions` ({name: [identity, ...]})"),
    Column("date_created", TIME, "when it was written"),
    Column("date_updated", TIME, "when it last changed"),
    Column("edited", FLAG, "whether somebody edited it"),
    Column("deleted_seen", FLAG, "whether it was seen being removed; only live recordings can tell"),
    Column("delivery_total", WHOLE, "people outside of chat that it was sent to"),
    Column("delivery_sent", one_of(*AMOUNTS), "how many of them it left for"),
    Column("delivery_delivered", one_of(*AMOUNTS), "how many of them it arrived at"),
    Column("delivery_read", one_of(*AMOUNTS), "how many of them have read it"),
    Column("delivery_failed", one_of(*AMOUNTS), "how many of them it failed for"),
    Column("delivery_undelivered", one_of(*AMOUNTS), "how many of them it could not be delivered to"),
    Column("reply_to", TEXT, "message_sid of the last message before it from the other direction"),
    Column("gap_s", NUMBER, "seconds since the message before it in the conversation"),
    Column("source", one_of("live", "backfill", "rest"), "how it was read"),
]


def frame_of(columns: list[Column], values: dict[str, Any], length: int) -> pd.DataFrame:
    """A DataFrame of exactly these columns and dtypes; a column that has no values is missing throughout."""
    return pd.DataFrame(
        {
            column.name: pd.Series(values.get(column.name, [None] * length), dtype=column.dtype, index=range(length))
            for column in columns
        }
    )
