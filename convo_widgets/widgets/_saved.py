"""What stays of a widget where no front end runs: in a saved notebook, on a page without a kernel, in an export.

The bundle of a display is made before anything could be read from a service, and a trusted notebook shows its view or
nothing. So beside the view there is a second output: a copy in HTML, empty at first, filled as soon as the widget has
read what it shows, and hidden while there is a view in the same cell.
"""

from __future__ import annotations

import time
from typing import Any

import anywidget

from convo_widgets.widgets._transcript import plain

FOLLOWS = 10.0  # seconds in which the copy is renewed; afterwards the notebook is left in peace
_HIDDEN = (
    "<style>.jp-OutputArea:has(.cw) > .jp-OutputArea-child:has(.cwt-copy),"
    ".cell_container:has(.cw) .cwt-copy, body > .output:has(.cw) .cwt-copy {display: none}</style>"
)


class Snapshot:
    """A widget as it was, for a notebook to show: text alone, which needs no kernel.

    Attributes:
        html: what is shown.
    """

    def __init__(self, of: str, html: str) -> None:
        self._of = of
        self.html = html

    def __repr__(self) -> str:
        return f"<Snapshot of {self._of}>"

    def _repr_html_(self) -> str:
        return self.html


class Saved(anywidget.AnyWidget):
    """Base of all widgets: what is kept of them."""

    _is_kept = False

    def __init__(self, **traits: Any) -> None:
        self._copies: list[tuple[Any, float]] = []  # handles of displays, and until when they follow
        super().__init__(**traits)

    def snapshot(self) -> Snapshot:
        """What is shown now, as text that stays in the notebook: ``thread.snapshot()`` as the last line of a cell."""
        return Snapshot(repr(self), self._static_html())

    def _static_html(self) -> str:
        """What it shows, as HTML without scripts and addresses, of a bounded size."""
        raise NotImplementedError

    def _repr_mimebundle_(self, **options: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
        made = super()._repr_mimebundle_(**options)
        if made is None:
            return None
        data, metadata = made if isinstance(made, tuple) else (made, {})
        return {**data, "text/html": self._static_html(), "text/plain": repr(self)}, metadata

    def _ipython_display_(self, **_options: Any) -> None:
        from IPython import display as shown

        display: Any = shown.display

        made = self._repr_mimebundle_()
        if made is None:
            return
        data, metadata = made
        line = f"<p>{plain(repr(self))}: live while its notebook runs.</p>"
        display({**data, "text/html": line}, metadata=metadata, raw=True)
        copy = display({"text/html": self._copy()}, raw=True, display_id=True)
        if copy is not None:
            self._copies.append((copy, time.monotonic() + FOLLOWS))

    def _copy(self) -> str:
        return f'{_HIDDEN}<div class="cwt-copy">{self._static_html() if self._is_kept else ""}</div>'

    def _keep(self) -> None:
        """What it shows is another now: let the copies of the last seconds show it too."""
        self._is_kept = True
        now = time.monotonic()
        self._copies = [(copy, until) for copy, until in self._copies if until > now]
        for copy, _ in self._copies:
            copy.update({"text/html": self._copy()}, raw=True)
