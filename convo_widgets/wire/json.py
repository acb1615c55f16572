"""JSON as it really arrives: lone surrogates, deep nesting, control characters.

msgspec does the work; what it refuses but JavaScript writes every day is mended here and nowhere else.
"""

from __future__ import annotations

import json
import math
from typing import Any, TypeVar, overload

import msgspec

T = TypeVar("T")
_encode, _decode = msgspec.json.encode, msgspec.json.decode


class BadJSON(ValueError):
    """The bytes are not JSON, or not of the expected shape; the text says where."""


def encode(value: Any) -> bytes:
    """JSON as UTF-8; a lone surrogate in a string is written as an ASCII escape."""
    try:
        return _encode(value)
    except UnicodeEncodeError:
        plain = _finite(msgspec.to_builtins(value, enc_hook=_plain))
        return json.dumps(plain, separators=(",", ":"), allow_nan=False).encode("ascii")


@overload
def decode(data: bytes | str | msgspec.Raw) -> Any: ...
@overload
def decode(data: bytes | str | msgspec.Raw, type: type[T]) -> T: ...
def decode(data: bytes | str | msgspec.Raw, type: Any = Any) -> Any:
    """Typed value of JSON; lone surrogates become U+FFFD, since no UTF-8 store can hold them.

    Raises:
        BadJSON: whatever is wrong, with the path of the fault where the shape is.
    """
    try:
        return _decode(data, type=type)
    except msgspec.ValidationError as error:
        raise BadJSON(str(error)) from error
    except (msgspec.DecodeError, UnicodeError):
        return _decode_mended(data, type)
    except RecursionError as error:
        raise BadJSON("nested too deeply") from error


def _plain(value: Any) -> Any:
    """What msgspec cannot take apart: JSON that is written already."""
    if isinstance(value, msgspec.Raw):
        return json.loads(bytes(value))
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


def _finite(value: Any) -> Any:
    """NaN and the infinities as null, as msgspec writes them."""
    if isinstance(value, dict):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _decode_mended(data: bytes | str | msgspec.Raw, type: Any) -> Any:
    try:
        loose = json.loads(data if isinstance(data, str) else bytes(data))
        text = json.dumps(loose, ensure_ascii=False)
        whole = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        return msgspec.json.decode(whole, type=type)
    except RecursionError as error:
        raise BadJSON("nested too deeply") from error
    except (ValueError, msgspec.MsgspecError) as error:
        raise BadJSON(str(error)) from error
