"""Doing something in a loop, from any thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")
Keep = Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]
"""Begins a task, and holds it until it is over."""
WITHIN = 10.0
"""Seconds for a loop to take a word."""


def is_in(loop: asyncio.AbstractEventLoop) -> bool:
    """Whether this is called in that loop."""
    try:
        return asyncio.get_running_loop() is loop
    except RuntimeError:
        return False


def call_in(loop: asyncio.AbstractEventLoop, act: Callable[[], T], within: float = WITHIN) -> T:
    """Do something in a loop that runs, and wait until it is done; in the loop itself, it is done at once.

    Raises:
        RuntimeError: the loop is closed.
    """
    if is_in(loop):
        return act()
    done: Future[T] = Future()
    loop.call_soon_threadsafe(_do, act, done)
    return done.result(timeout=within)


def _do(act: Callable[[], T], done: Future[T]) -> None:
    try:
        done.set_result(act())
    except Exception as error:
        done.set_exception(error)
