"""Starts `convo-widgets` commands quickly: Python and all imports are there already, and each command is forked off.

A line of JSON on standard input is one command: `{"argv": [...], "file_size": bytes or null, "nobody": true or false,
"errors": path}`. The command has this process's standard output; what it writes to standard error goes into the file.
The command's number is written first, a line `{"pid": n}`.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import traceback
from importlib import import_module
from typing import Any

from convo_widgets.cli import main

NOBODY = 65534


def say(what: dict[str, int]) -> None:
    """Write a line of JSON."""
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def run(order: dict[str, Any]) -> int:
    """Be the command."""
    errors = os.open(order["errors"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    os.dup2(errors, 2)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    if order.get("file_size"):
        hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        resource.setrlimit(resource.RLIMIT_FSIZE, (order["file_size"], hard))
    if order.get("nobody") and os.geteuid() == 0:
        os.setuid(NOBODY)
    say({"pid": os.getpid()})
    try:
        return main(order["argv"])
    except BaseException:
        traceback.print_exc()
        return 70


def serve() -> None:
    """Fork a command for each line."""
    "x".encode("idna")  # imported when it is first used, which somebody else may not be allowed to
    import_module("convo_widgets.service.threaded")  # likewise
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody asks how they ended
    for line in sys.stdin:
        if os.fork() == 0:
            code = run(json.loads(line))
            say({"code": code})
            os._exit(code)


if __name__ == "__main__":
    serve()
