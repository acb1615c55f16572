"""Refuse to build a wheel without the widgets' front end."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

WIDGETS = Path("convo_widgets/widgets")
BUNDLES = WIDGETS / "static"


class RequireBundles(BuildHookInterface):
    """A wheel or sdist without the built bundles would install, and then show nothing."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Stop a build whose front end is missing; an editable install may be built before its bundles."""
        widgets = [path.stem for path in (Path(self.root) / WIDGETS).glob("[!_]*.py")]
        missing = [name for name in widgets if not (Path(self.root) / BUNDLES / f"{name}.js").exists()]
        if version != "editable" and missing:
            names = ", ".join(sorted(missing))
            raise SystemExit(f"{BUNDLES} holds no bundle of {names}: run `make js` first (it needs Node 20 or newer).")
