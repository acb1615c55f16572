"""Notices when a page runs what a stranger wrote, shows an element that a stranger described, or asks another host."""

from __future__ import annotations

from urllib.parse import urlparse

from playwright.sync_api import Page

_HOOKS = """
(() => {
    const tripped = (what) => { (window.wires ??= []).push(what); };
    for (const name of ["alert", "confirm", "prompt", "print", "open"])
        Object.defineProperty(window, name, { configurable: false, get: () => () => tripped(name), set() {} });
    Object.defineProperty(window, "tripped", { set: () => tripped("setter") });
    document.write = document.writeln = () => tripped("document.write");
    document.addEventListener("tripped", () => tripped("event"));
    document.addEventListener("securitypolicyviolation", (event) => tripped(`policy: ${event.blockedURI}`));
})();
"""

# Of what only payloads have; ours are text, buttons, fields, tables, lists, figures and links.
_FOREIGN = """(root) => {
    const tags = ("script img:not([src^='blob:']) iframe:not([sandbox]) object embed video audio source link meta " +
        "base math marquee frame frameset applet style template noscript title body html svg:not(.cw-icon) " +
        "a[href]:not([href^='http:'],[href^='https:'],[href^='mailto:'],[href^='tel:'])").split(" ");
    const isOurs = (element, name) => name === "srcdoc" && element.hasAttribute("sandbox");
    const found = [...root.querySelectorAll(tags.join(","))];
    for (const element of [root, ...root.querySelectorAll("*")])
        for (const { name } of element.attributes)
            if (/^(on|data-commandlinker|srcdoc|autofocus)/.test(name) && !isOurs(element, name)) found.push(element);
    return [...new Set(found)].map((element) => element.outerHTML.slice(0, 200));
}"""


class Tripwire:
    """Watches a page from before its first script on.

    Attributes:
        requests: addresses beyond our own hosts that were asked for.
    """

    def __init__(self, page: Page, *own: str) -> None:
        self._page = page
        self._own = {"", "127.0.0.1", *own}
        self.requests: list[str] = []
        page.add_init_script(_HOOKS)
        page.on("request", self._asked)
        page.on("dialog", lambda dialog: dialog.dismiss())

    def _asked(self, request: object) -> None:
        url = urlparse(str(request.url))  # type: ignore[attr-defined]
        if (url.hostname or "") not in self._own:
            self.requests.append(url.geturl())

    @property
    def wires(self) -> list[str]:
        """What ran, by what it did."""
        found: list[str] = self._page.evaluate("() => window.wires ?? []")
        return found

    def foreign(self, selector: str) -> list[str]:
        """Elements inside those of the selector that our code does not make."""
        roots = self._page.locator(selector).all()
        assert roots, f"there is no {selector}"
        return [found for root in roots for found in root.evaluate(_FOREIGN)]
