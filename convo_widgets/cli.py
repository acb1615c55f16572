"""The ``convo-widgets`` command."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from convo_widgets._version import __version__
from convo_widgets.client.tokens import explain_token
from convo_widgets.errors import ConvoError, UsageError
from convo_widgets.service.local import LocalService

KEYS = "The variables CONVO_WIDGETS_API_KEY and CONVO_WIDGETS_API_SECRET set the key; without them it is random."
ATTRIBUTES = ("url", "ws_url", "account_sid", "service_sid", "api_key", "api_secret")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status: 0 good, 1 it failed, 2 it was called wrongly."""
    arguments = _parser().parse_args(argv)
    try:
        return int(arguments.run(arguments))
    except ConvoError as error:
        print(f"convo-widgets: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="convo-widgets", description="Live conversations in notebooks.", allow_abbrev=False
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    demo = commands.add_parser("demo", help="open the quickstart notebook in JupyterLab", allow_abbrev=False)
    demo.add_argument("--no-browser", action="store_true", help="only print the address")
    demo.set_defaults(run=_demo)

    serve = commands.add_parser(
        "serve", help="run the embedded service until it is stopped", epilog=KEYS, allow_abbrev=False
    )
    serve.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    serve.add_argument("--port", type=int, default=0, help="port; 0 takes a free one (default)")
    serve.add_argument("--data", metavar="FILE", help="keep everything in this file; without it, in memory")
    serve.add_argument("--seed", default="demo", metavar="NAME|FILE", help="demo, chitchat, none, or a JSON file")
    serve.add_argument("--json", action="store_true", help="print one line of JSON once ready, keys included")
    serve.add_argument("--latency-ms", type=int, default=0, metavar="N", help="answer that much later")
    serve.add_argument("--token-ttl", type=int, default=3600, metavar="S", help="seconds that minted tokens hold")
    serve.add_argument("--simulate", metavar="NAME|FILE", help="let scripted people talk: support-desk, or a JSON file")
    serve.add_argument("--rate", type=float, default=5, metavar="N", help="messages a minute of theirs (default: 5)")
    serve.add_argument("--speed", type=float, default=1, metavar="N", help="how fast their time passes (default: 1)")
    serve.add_argument("--seed-number", type=int, default=0, metavar="N", help="another one, other people (default: 0)")
    serve.add_argument("--carrier", action="store_true", help="simulate receipts on SMS and WhatsApp, as the demo does")
    serve.set_defaults(run=_serve)

    explain = commands.add_parser(
        "explain-token", help="say who a token lets in, until when, and what is wrong", allow_abbrev=False
    )
    explain.add_argument("token", metavar="TOKEN|-", help="the token, or - to read it from standard input")
    explain.set_defaults(run=_explain_token)
    return parser


def _serve(arguments: argparse.Namespace) -> int:
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    service = LocalService(
        arguments.data,
        arguments.port,
        None if arguments.seed == "none" else arguments.seed,
        host=arguments.host,
        latency_ms=arguments.latency_ms,
        token_ttl=arguments.token_ttl,
        api_key=os.environ.get("CONVO_WIDGETS_API_KEY"),
        api_secret=os.environ.get("CONVO_WIDGETS_API_SECRET"),
        carrier=arguments.carrier or None,
    )
    with service:
        if arguments.simulate is not None:
            more = {"seed": arguments.seed_number, "speed": arguments.speed}
            service.simulate(arguments.simulate, arguments.rate, **more)
        if arguments.json:
            print(json.dumps({name: getattr(service, name) for name in ATTRIBUTES}), flush=True)
        else:
            print(f"Serving at {service.url} (stop with Ctrl+C; --json prints the keys)", flush=True)
        stop.wait()
    return 0


def _explain_token(arguments: argparse.Namespace) -> int:
    token = sys.stdin.read().strip() if arguments.token == "-" else arguments.token  # noqa: S105 -- a dash
    report = explain_token(token)
    print(report)
    return 1 if report.problems else 0


def _demo(arguments: argparse.Namespace) -> int:
    if shutil.which("jupyter-lab", path=_path()) is None:
        raise UsageError('JupyterLab is missing: pip install "convo-widgets[demo]"')
    folder = Path.cwd() / "notebooks"
    if not (folder / QUICKSTART).exists():
        folder = Path.cwd()
        _copy_quickstart(folder)
    command = ["jupyter-lab", f"--notebook-dir={folder}", f"--LabApp.default_url=/lab/tree/{QUICKSTART}"]
    if arguments.no_browser:
        command.append("--no-browser")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")
    return subprocess.run(command, env=os.environ | {"PATH": _path()}, check=False).returncode  # noqa: S603


QUICKSTART = "01-quickstart.ipynb"


def _copy_quickstart(folder: Path) -> None:
    """Put the packaged notebook where the user is, unless something of that name is there."""
    packaged = files("convo_widgets") / "notebooks" / QUICKSTART
    target = folder / QUICKSTART
    if not target.exists():
        target.write_bytes(packaged.read_bytes())


def _path() -> str:
    """Where to look for programs: first beside this Python, as in a virtual environment that is not active."""
    return f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"


if __name__ == "__main__":
    sys.exit(main())
