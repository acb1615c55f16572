"""Every widget in a real JupyterLab, light and dark, wide and narrow: ``make screenshots`` (or name some of them)."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.browser import lab

ROOT = Path(__file__).parents[2]
SETUP = """
import convo_widgets as cw
client = await cw.connect()
conversation = await client.get_conversation_by_unique_name("order-48213")
"""
SHOTS = {
    "thread": "cw.Thread(conversation)",
    "explorer": "cw.Explorer(client)",
    "inbox": "cw.Inbox(client, height=560)",
    "participants": "cw.Participants(conversation)",
}
"""What is shown: a cell that ends with the widget, by the widget's class (cw-<name>)."""
WIDTHS = {"wide": 1280, "narrow": 700}


def main(names: list[str]) -> int:
    """Exit status 0 if every cell ran; the pictures are in ``artifacts/``."""
    unknown = [name for name in names if name not in SHOTS]
    if unknown:
        print(f"There is no {unknown[0]}: choose from {', '.join(SHOTS)}.", file=sys.stderr)
        return 2
    artifacts = ROOT / "artifacts"
    artifacts.mkdir(exist_ok=True)
    errors: list[str] = []
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as playwright:
        root = Path(scratch) / "notebooks"
        root.mkdir()
        with lab.serve(root, Path(scratch)) as url:
            browser = playwright.chromium.launch(executable_path=lab.chromium(), args=lab.CHROMIUM_ARGS)
            for name in names or SHOTS:
                lab.write_notebook(root / f"{name}.ipynb", [SETUP, SHOTS[name]])
                page = browser.new_context(viewport={"width": 1280, "height": 1000}).new_page()
                notebook = lab.Notebook(page, url, f"{name}.ipynb")
                notebook.run_all()
                errors += notebook.errors()
                if errors:
                    break
                for theme in ("light", "dark"):
                    notebook.theme(f"JupyterLab {theme.title()}")
                    for width, pixels in WIDTHS.items():
                        page.set_viewport_size({"width": pixels, "height": 1000})
                        widget = page.locator(f".cw-{name}").first
                        notebook.show(widget)
                        widget.screenshot(path=artifacts / f"{name}-{theme}-{width}.png")
                notebook.shut_down()
            browser.close()
    for error in errors:
        print(error, file=sys.stderr)
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
