"""DataFrames as CSV that a spreadsheet reads as data: text from strangers is never a formula."""

from __future__ import annotations

import csv
import os
import re
from io import StringIO
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import pandas as pd

_FORMULA = re.compile(r"^[\s\x00-\x1f]*[=+\-@\uff1d\uff0b\uff0d\uff20]|^[\t\r\n\x00]")
_NUMBER = re.compile(r"[+-]?[0-9][0-9 ().,-]{0,40}")  # of a phone, or an amount: it can start nothing


def guarded(value: Any) -> Any:
    """A text that a spreadsheet could take for a formula gets an apostrophe before it; all else stays."""
    if not isinstance(value, str) or not _FORMULA.match(value) or _NUMBER.fullmatch(value):
        return value
    return f"'{value}"


def csv_of(frame: pd.DataFrame) -> bytes:
    """The rows as CSV in UTF-8, with heads and without the index.

    Texts are quoted and `guarded`, numbers are numbers, times are ISO 8601, and what is missing is empty.
    """
    safe = pd.DataFrame({name: _column(frame[name]) for name in frame.columns})
    text = StringIO(newline="")
    safe.to_csv(text, index=False, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\r\n")
    return text.getvalue().replace("\x00", "").encode("utf-8", "replace")


def _column(values: pd.Series[Any]) -> pd.Series[Any]:
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        return values.map(lambda moment: moment.isoformat(), na_action="ignore").astype(object)
    if pd.api.types.is_bool_dtype(values.dtype) or pd.api.types.is_numeric_dtype(values.dtype):
        return values
    return pd.Series([guarded(value) for value in values], index=values.index, dtype=object)


def write_csv(frame: pd.DataFrame, path: str | os.PathLike[str]) -> Path:
    """Write a DataFrame as CSV that is safe to open in a spreadsheet.

    A text that would be a formula there (it begins with ``=``, ``+``, ``-``, ``@`` or a control character) gets an
    apostrophe before it; phone numbers and numbers stay as they are. The file is there whole or not at all.

    Returns:
        The path.
    """
    return write_whole(path, csv_of(frame))


def write_whole(path: str | os.PathLike[str], data: bytes) -> Path:
    """Write a file at once: whoever looks sees the old one or the new one, and a failure leaves none of it."""
    target = Path(path).expanduser()
    with NamedTemporaryFile(dir=target.parent, prefix=".", suffix=".part", delete=False) as file:
        try:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            Path(file.name).replace(target)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise
    return target
