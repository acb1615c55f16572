"""Text as it is compared when somebody looks for it."""

from __future__ import annotations

import unicodedata


def folded(text: str) -> str:
    """The text as it is compared: without case and accents. The page does the same (js/shared/search.ts)."""
    if text.isascii():
        return text.lower()
    plain = "".join(one for one in unicodedata.normalize("NFKD", text) if not unicodedata.category(one).startswith("M"))
    return plain.lower().replace("\u03c2", "\u03c3")  # the final sigma is the sigma
