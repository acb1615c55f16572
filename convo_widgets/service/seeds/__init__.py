"""What a service may begin with: the demo, the chitchat corpus, a file like the demo's, or nothing.

Seeding writes nouns only, in one transaction and without events: nobody is connected yet.
"""

from __future__ import annotations

from importlib.resources import files
from os import PathLike
from pathlib import Path

from convo_widgets.errors import UsageError
from convo_widgets.service.seeds import chitchat, transcript
from convo_widgets.service.store import Store


def load(store: Store, seed: str | PathLike[str] | None) -> None:
    """Fill an empty store; one that holds something already is left as it is.

    Raises:
        UsageError: there is no such seed, its package is missing, or its file does not fit.
    """
    if seed is None or not store.empty():
        return
    if seed == "chitchat":
        chitchat.load(store)
    elif seed == "demo":
        transcript.load(store, files(__name__).joinpath("demo.json").read_bytes(), "the demo")
    else:
        transcript.load(store, _read(seed), str(seed))


def _read(seed: str | PathLike[str]) -> bytes:
    try:
        return Path(seed).expanduser().read_bytes()
    except FileNotFoundError as error:
        raise UsageError(
            f"There is no seed {str(seed)!r}: it is 'demo', 'chitchat', the path of a seed file, or None for an empty "
            "service"
        ) from error
    except OSError as error:
        raise UsageError(f"The seed file {seed} cannot be read: {error.strerror or error}") from error
