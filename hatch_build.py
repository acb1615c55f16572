"""Refuse to build a wheel without the widgets' front end."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

BUNDLES = Path("convo_widgets/widgets/static")


class RequireBundles(BuildHookInterface):
    """A wheel or sdist without the built bundles would install, and then show nothing."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Stop a build whose front end is missing; an editable install may be built before its bundles."""
        if version != "editable" and not list((Path(self.root) / BUNDLES).glob("*.js")):
            raise SystemExit(f"{BUNDLES} holds no bundle: run `make js` first (it needs Node 20 or newer).")
