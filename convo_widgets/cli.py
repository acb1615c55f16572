"""The ``convo-widgets`` command."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from importlib.resources import files
from math import isfinite
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from convo_widgets._version import __version__
from convo_widgets.client.tokens import explain_token
from convo_widgets.errors import ConvoError, UsageError
from convo_widgets.service.app import CONNECTIONS
from convo_widgets.service.local import LocalService
from convo_widgets.service.tokens import Tokens

KEYS = "The variables CONVO_WIDGETS_API_KEY and CONVO_WIDGETS_API_SECRET set the key; without them it is random."
TOKENS = (
    "The key is in CONVO_WIDGETS_API_KEY and CONVO_WIDGETS_API_SECRET, as the service was started with; for the cloud "
    "in TWILIO_ACCOUNT_SID, TWILIO_API_KEY and TWILIO_API_SECRET, and the service in "
    "TWILIO_CONVERSATIONS_SERVICE_SID."
)
FAULTS = (
    "The key is in CONVO_WIDGETS_API_KEY and CONVO_WIDGETS_API_SECRET, as the service was started with, or in the FILE "
    "of --keys."
)
LOOK = 0.5  # seconds between two looks whether the served one is lost
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
    serve.add_argument(
        "--durability",
        choices=("full", "relaxed"),
        default="full",
        help="relaxed: a power cut may lose the last moment",
    )
    serve.add_argument(
        "--connections", type=int, default=CONNECTIONS, metavar="N", help="sockets at once (default: %(default)s)"
    )
    serve.add_argument(
        "--write-limit", type=int, metavar="N", help="writes a second of a conversation; the cloud has 30"
    )
    serve.add_argument("--simulate", metavar="NAME|FILE", help="let scripted people talk: support-desk, or a JSON file")
    serve.add_argument("--rate", type=float, default=5, metavar="N", help="messages a minute of theirs (default: 5)")
    serve.add_argument("--speed", type=float, default=1, metavar="N", help="how fast their time passes (default: 1)")
    serve.add_argument("--seed-number", type=int, default=0, metavar="N", help="another one, other people (default: 0)")
    serve.add_argument("--carrier", action="store_true", help="simulate receipts on SMS and WhatsApp, as the demo does")
    serve.add_argument(
        "--origin", action="append", default=[], metavar="URL", help="a web page's origin that may connect"
    )
    serve.set_defaults(run=_serve)

    token = commands.add_parser(
        "token", help="make an access token: for a running service, or for the cloud", epilog=TOKENS, allow_abbrev=False
    )
    token.add_argument("--identity", required=True, metavar="NAME", help="who it lets in")
    token.add_argument("--ttl", type=float, default=3600, metavar="S", help="seconds that it holds (default: 3600)")
    token.add_argument("--url", metavar="URL", help="address of a running service; without it, for the cloud")
    token.add_argument("--service-sid", metavar="SID", help="the conversations service (IS...)")
    token.set_defaults(run=_token)

    faults = commands.add_parser("faults", help="make trouble in a running service", epilog=FAULTS, allow_abbrev=False)
    faults.add_argument("--url", metavar="URL", help="address of the service")
    faults.add_argument("--keys", metavar="FILE", help="what serve --json printed: the address and the key")
    troubles = faults.add_subparsers(required=True, metavar="FAULT", dest="fault")
    troubles.add_parser("drop", help="cut every connection without a word", allow_abbrev=False)
    troubles.add_parser("expire-tokens", help="end the tokens that are in use", allow_abbrev=False)
    troubles.add_parser("restart", help="stop it and start it again: same port, data and keys", allow_abbrev=False)
    troubles.add_parser("clear", help="let everything go well again", allow_abbrev=False)
    latency = troubles.add_parser("latency", help="hold every frame to a client back", allow_abbrev=False)
    latency.add_argument("ms", type=float, metavar="MS", help="milliseconds; 0 ends it")
    throttle = troubles.add_parser("throttle", help="answer 429 to more requests than that", allow_abbrev=False)
    throttle.add_argument("after", type=int, metavar="N", help="requests of all clients in a second")
    fail = troubles.add_parser("fail", help="answer the next requests with an error", allow_abbrev=False)
    fail.add_argument("path", metavar="REGEX", help="found in the path, as '/Messages$'")
    fail.add_argument("status", type=int, metavar="STATUS", help="400 to 599")
    fail.add_argument("--times", type=int, default=1, metavar="N", help="how many requests (default: 1)")
    fail.add_argument("--method", metavar="NAME", help="only of this one, as POST")
    for one in (throttle, fail):
        one.add_argument("--retry-after", type=float, metavar="S", help="seconds that clients are told to wait")
    faults.set_defaults(run=_faults)

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
        origins=tuple(arguments.origin),
        durability=arguments.durability,
        connections=arguments.connections,
        write_limit=arguments.write_limit,
    )
    with service:
        if arguments.simulate is not None:
            more = {"seed": arguments.seed_number, "speed": arguments.speed}
            service.simulate(arguments.simulate, arguments.rate, **more)
        if arguments.json:
            print(json.dumps({name: getattr(service, name) for name in ATTRIBUTES}), flush=True)
        else:
            print(f"Serving at {service.url} (stop with Ctrl+C; --json prints the keys)", flush=True)
        while not stop.wait(LOOK):
            if service.lost is not None:
                raise UsageError(f"The service could not start again: {service.lost}")
    return 0


def _token(arguments: argparse.Namespace) -> int:
    if not 0 < arguments.ttl < LONGEST_TTL:
        raise UsageError(f"--ttl {arguments.ttl:g}: seconds, above 0")
    if arguments.url is not None:
        key, secret = _variables("CONVO_WIDGETS_API_KEY", "CONVO_WIDGETS_API_SECRET")
        account_sid, default = _sids_of(arguments.url, key, secret)
        service_sid = arguments.service_sid or default
    else:
        account_sid, key, secret = _variables("TWILIO_ACCOUNT_SID", "TWILIO_API_KEY", "TWILIO_API_SECRET")
        service_sid = arguments.service_sid or _variables("TWILIO_CONVERSATIONS_SERVICE_SID")[0]
    print(Tokens(account_sid, service_sid, key, secret).mint(arguments.identity, arguments.ttl))
    return 0


LONGEST_TTL = 10 * 366 * 86_400


def _variables(*names: str) -> list[str]:
    missing = [name for name in names if not os.environ.get(name)]
    if missing:
        raise UsageError(f"{' and '.join(missing)} must be set in the environment (see --help)")
    return [os.environ[name] for name in names]


def _faults(arguments: argparse.Namespace) -> int:
    if arguments.keys is not None:
        url, key, secret = _keys_in(arguments.keys)
        url = arguments.url or url
    elif arguments.url is not None:
        url, (key, secret) = arguments.url, _variables("CONVO_WIDGETS_API_KEY", "CONVO_WIDGETS_API_SECRET")
    else:
        raise UsageError("Say which service: --url, or --keys with what serve --json printed")
    for name in ("ms", "retry_after"):
        if not isfinite(getattr(arguments, name, None) or 0):
            raise UsageError(f"{getattr(arguments, name)} is no number that can be waited for")
    given = {name: value for name, value in vars(arguments).items() if name in FIELDS and value is not None}
    place = "/_local/faults" if arguments.fault == "fail" else f"/_local/faults/{arguments.fault}"
    _call("POST", url, place, key, secret, given)
    return 0


FIELDS = ("ms", "after", "retry_after", "path", "status", "times", "method")


def _keys_in(file: str) -> list[str]:
    """Address, key and secret of the service that printed its line of JSON into a file."""
    try:
        told = json.loads(Path(file).read_text(encoding="utf-8"))
        return [str(told[name]) for name in ("url", "api_key", "api_secret")]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"--keys {file}: it does not hold the line that convo-widgets serve --json prints") from error


def _sids_of(url: str, key: str, secret: str) -> tuple[str, str]:
    """Account and service of a running service, which it tells to who has its key."""
    told = _call("GET", url, "/Configuration", key, secret)
    sids = [told.get(name) for name in ("account_sid", "default_chat_service_sid")]
    if not all(isinstance(sid, str) for sid in sids):
        raise UsageError(f"What answers at {url} is no service of convo-widgets")
    return str(sids[0]), str(sids[1])


def _call(method: str, url: str, path: str, key: str, secret: str, body: object = None) -> dict[str, object]:
    """What a running service answers to who has its key."""
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(f"--url {url!r} is no address such as http://127.0.0.1:8765")
    if parts.scheme != "https" and not _is_here(parts.hostname):
        raise UsageError(f"{url} is another machine, and plain HTTP would show it the key: do it on that machine")
    try:
        options = {"auth": (key, secret), "timeout": 10, "trust_env": False}
        answer = httpx.request(method, f"{url.rstrip('/')}/v1{path}", json=body, **options)  # type: ignore[arg-type]
        told = answer.json()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise UsageError(f"No service answers at {url}: start one with convo-widgets serve") from error
    if answer.status_code == 401:
        raise UsageError(f"The service at {url} has another key than the one that was given")
    if not isinstance(told, dict) or (answer.is_error and not isinstance(told.get("message"), str)):
        raise UsageError(f"What answers at {url} is no service of convo-widgets")
    if answer.is_error:
        raise UsageError(f"The service at {url} refused it ({answer.status_code}): {told['message']}")
    return told


def _is_here(host: str) -> bool:
    """Whether an address is this machine's: only such a one can be listened on."""
    try:
        info = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM)[0]
        with socket.socket(info[0], socket.SOCK_STREAM) as here:
            here.bind(info[4])
    except (OSError, UnicodeError):
        return False
    return True


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
