"""Fixtures: a service in the loop of the test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

import convo_widgets as cw


@pytest.fixture
async def service() -> AsyncIterator[cw.LocalService]:
    """An empty one."""
    async with cw.LocalService(seed=None, in_process=True) as running:
        yield running


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Come back soon after a cut."""
    monkeypatch.setattr("convo_widgets.transport.backoff.FIRST", 0.01)
