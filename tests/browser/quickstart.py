"""Run the quickstart in a real JupyterLab in Chromium, and save screenshots: ``make demo HEADLESS=1``."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.browser import lab

ROOT = Path(__file__).parents[2]
QUICKSTART = "01-quickstart.ipynb"


def main() -> int:
    """Exit status 0 if every cell ran; the screenshots are in ``artifacts/``."""
    artifacts = ROOT / "artifacts"
    artifacts.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        root = scratch / "notebooks"
        root.mkdir()
        shutil.copy(ROOT / "notebooks" / QUICKSTART, root)
        with lab.serve(root, scratch) as url, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=lab.chromium(), args=lab.CHROMIUM_ARGS)
            page = browser.new_context(viewport={"width": 1280, "height": 1000}).new_page()
            notebook = lab.Notebook(page, url, QUICKSTART)
            notebook.run_all()
            errors = notebook.errors()
            for theme in ("light", "dark"):
                notebook.theme(f"JupyterLab {theme.title()}")
                notebook.show(page.locator(".cw-thread").first)
                page.screenshot(path=artifacts / f"quickstart-{theme}.png")
            notebook.shut_down()
            browser.close()
    for error in errors:
        print(error, file=sys.stderr)
    if not errors:
        print(f"Every cell ran. Screenshots: {artifacts}/quickstart-light.png and quickstart-dark.png")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
