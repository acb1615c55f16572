"""CSV is data in every spreadsheet, and reads back as what it was."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pandas as pd
import pytest

import convo_widgets as cw
from convo_widgets.dataframes.csv import csv_of, guarded, write_whole


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "=cmd|' /C calc'!A0",
        "+cmd|' /C calc'!A0",
        "-2+3+cmd|' /C calc'!A0",
        "@SUM(A1:A9)",
        "\t=1+1",
        "\r=1+1",
        "\n=1+1",
        "\x00=1+1",
        "  =HYPERLINK(1)",
        "\uff1d1+1",
        "\uff0b1",
        "\uff0d1+cmd",
        "\uff20SUM(1)",
        "+1-2=3",
    ],
)
def test_a_formula_is_text(text: str) -> None:
    """Whatever a spreadsheet would run has an apostrophe before it."""
    assert guarded(text) == f"'{text}"


@pytest.mark.parametrize(
    "value", ["-5", "+49 170 1234567", "+1 (555) 010-1234", "1,5", "a=b", "", "'=x", -5, 2.5, None]
)
def test_data_stays(value: object) -> None:
    """Amounts, phone numbers and harmless text are as they were."""
    assert guarded(value) == value


def test_round_trip(tmp_path: Path) -> None:
    """Quotes, commas and line ends stay in their cell; numbers are not quoted, times are ISO 8601, missing is empty."""
    frame = pd.DataFrame(
        {
            "body": pd.Series(['say "hi", Bob\r\nbye', "=1+1", None, "+49 170"], dtype="string"),
            "index": pd.Series([0, None, 2, -3], dtype="Int64"),
            "gap": [0.5, None, -1.0, 2.0],
            "kind": pd.Categorical(["sms", None, "chat", "chat"]),
            "deleted": pd.Series([True, False, None, True], dtype="boolean"),
            "date": pd.to_datetime(
                ["2026-11-20T08:00:00.5Z", None, "2026-11-20", "2026-11-21"], utc=True, format="ISO8601"
            ),
        }
    )
    path = cw.write_csv(frame, tmp_path / "messages.csv")
    text = path.read_bytes().decode()
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert rows[0] == list(frame.columns)
    assert rows[1] == ['say "hi", Bob\r\nbye', "0", "0.5", "sms", "True", "2026-11-20T08:00:00.500000+00:00"]
    assert rows[2] == ["'=1+1", "", "", "", "False", ""]
    assert [row[1] for row in rows[3:]] == ["2", "-3"]
    assert ',-3,2.0,"chat",' in text
    assert [one.name for one in tmp_path.iterdir()] == ["messages.csv"]


def test_strange_texts_are_written() -> None:
    """Lone surrogates and null characters make no broken file."""
    text = csv_of(pd.DataFrame({"body": pd.Series(["a\ud800b\x00c"], dtype=object)})).decode()
    assert text.splitlines()[1] == '"a?bc"'


def test_a_failed_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither half a file nor a temporary one, and the old one stays."""
    path = write_whole(tmp_path / "a.csv", b"old")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_whole(path, b"new")
    assert [(one.name, one.read_bytes()) for one in tmp_path.iterdir()] == [("a.csv", b"old")]
