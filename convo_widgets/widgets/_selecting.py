"""What widgets share in which things can be selected."""

from __future__ import annotations

from typing import Any

import traitlets

from convo_widgets.widgets._base import Widget


class Selecting(Widget):
    """Base of widgets whose rows can be selected.

    Attributes:
        selected: keys (sids) of the selected rows, whether they are shown or not; set it to select others.
    """

    selected: traitlets.List[str] = traitlets.List(traitlets.Unicode()).tag(sync=True)

    def on_select(self, callback: Any, remove: bool = False) -> None:
        """Call it with the keys (sids) of the selected rows whenever others are selected.

        Args:
            callback: sync or async, takes the list of keys.
            remove: do not call it any more.
        """
        self._register("select", callback, remove)

    @traitlets.observe("selected")
    def _selection_changed(self, change: Any) -> None:
        if not self._closed:
            self._call("select", list(change["new"]))

    def _unselect(self, key: str) -> None:
        """It is no more."""
        if key in self.selected:
            self.selected = [one for one in self.selected if one != key]
