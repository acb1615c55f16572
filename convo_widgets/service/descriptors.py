"""Open files of the process: every connection is one, and a system that gives few of them gives more when asked."""

from __future__ import annotations

import logging
import sys
from contextlib import suppress

if sys.platform != "win32":
    import resource

SPARE = 400
"""Open files beside the sockets: HTTP requests, the data, the log, whatever else the process has open."""
logger = logging.getLogger("convo_widgets.service")


def allow(connections: int) -> int:
    """Let the process have that many connections; how many it may have, where the system gives fewer."""
    if sys.platform == "win32":
        return connections
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = connections + SPARE
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return connections
    with suppress(ValueError, OSError):
        resource.setrlimit(
            resource.RLIMIT_NOFILE, (needed if hard == resource.RLIM_INFINITY else min(needed, hard), hard)
        )
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= needed:
        return connections
    fitting = max(1, soft - SPARE)
    logger.warning("%d connections at most: the process may have %d files open (ulimit -n)", fitting, soft)
    return fitting
