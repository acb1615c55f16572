"""What an explorer exports: which messages, the Python that does the same, and files of each kind."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from convo_widgets.dataframes.csv import csv_of

Kind = Literal["csv", "parquet", "html"]
KINDS: tuple[Kind, ...] = ("csv", "parquet", "html")
MOST_SIDS = 200  # that are written into code; of more, it says where they stand


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which messages are exported.

    Attributes:
        sids: of the conversations; None for all of the client's.
        name: of the conversation, where it is one.
        since: ISO 8601 text, empty for no limit.
        until: the same; messages before it.
    """

    sids: Sequence[str] | None
    name: str = ""
    since: str = ""
    until: str = ""

    def python(self, client: str, explorer: str) -> str:
        """Python that reads them into a DataFrame, to run in a notebook cell.

        Args:
            client: what the client is called there.
            explorer: what the explorer is called there.
        """
        dates = "".join(f", {name}={text!r}" for name, text in (("since", self.since), ("until", self.until)) if text)
        if self.sids is None:
            return f"import convo_widgets as cw\n\ndf = await cw.messages_frame({client}{dates})"
        if len(self.sids) == 1:
            return (
                "import convo_widgets as cw\n\n"
                f"conversation = await {client}.get_conversation_by_sid({self.sids[0]!r})\n"
                f"df = await cw.messages_frame(conversation{dates})"
            )
        listed = f"{explorer}.inbox.visible  # those that its search and filters let through now"
        if len(self.sids) <= MOST_SIDS:
            listed = "[\n" + "".join(f"    {sid!r},\n" for sid in self.sids) + "]"
        found = f"[await {client}.get_conversation_by_sid(sid) for sid in sids]"
        return (
            f"import convo_widgets as cw\n\nsids = {listed}\n"
            f"conversations = {found}\ndf = await cw.messages_frame(conversations{dates})"
        )

    def file_name(self, kind: Kind) -> str:
        """A name that says what is in it: "order-48213-messages-2026-11-25.csv"."""
        what = _slug(self.name) if self.name else "conversations"
        return f"{what}-messages-{datetime.now(UTC):%Y-%m-%d}.{kind}"


def encoded(frame: pd.DataFrame, kind: Kind) -> bytes:
    """The rows as a file."""
    if kind == "csv":
        return csv_of(frame)
    buffer = BytesIO()
    frame.to_parquet(buffer, index=False)
    return buffer.getvalue()


def free_path(name: str) -> Path:
    """A path of this name in the working folder; with a number where there is such a file already."""
    path, number = Path.cwd() / name, 1
    while path.exists():
        number += 1
        path = Path.cwd() / f"{Path(name).stem}-{number}{Path(name).suffix}"
    return path


def name_of(value: Any, otherwise: str) -> str:
    """What the notebook's user calls it; for the result of a cell its ``_12``."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    found = [name for name, one in list(getattr(shell, "user_ns", {}).items()) if one is value and name.isidentifier()]
    given = [name for name in found if not name.startswith("_")]
    results = [name for name in found if re.fullmatch(r"_\d+", name)]
    return next(iter(given + results), otherwise)


def _slug(name: str) -> str:
    """A name as part of a file's name: letters, digits and hyphens alone, so that it is no path."""
    words = re.findall(r"\w+", name.casefold())
    return "-".join(words)[:60].strip("-_") or "conversation"
