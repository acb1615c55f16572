"""Values on their way into a saved notebook, of which none may end the script element that will hold it.

Exports keep the state of widgets as JSON inside HTML, where `</script>` and `<!--` are read as HTML, and not every
exporter escapes them. So a value with a "<" in it travels as JSON text in which that is written as an escape; views
read it back (`unsealed` in js/shared/values.ts).
"""

from __future__ import annotations

import json
import re
from typing import Any

_UNSAFE = re.compile("[<\ud800-\udfff]")  # the latter are no text, and no encoder takes them
KEY = "json"


def sealed(value: Any) -> Any:
    """The value, or where it holds something unsafe ``{"json": text}``."""
    try:
        text = json.dumps(value, ensure_ascii=False)
    except TypeError:  # bytes travel beside the JSON
        return value
    if _UNSAFE.search(text) is None:
        return value
    return {KEY: _UNSAFE.sub(lambda found: f"\\u{ord(found.group()):04x}", text)}


def unsealed(value: Any) -> Any:
    """What was sealed."""
    if isinstance(value, dict) and value.keys() == {KEY} and isinstance(value[KEY], str):
        return json.loads(value[KEY])
    return value
