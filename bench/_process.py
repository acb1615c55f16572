"""What a process takes of the machine."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path


def resident(pid: int) -> int:
    """Bytes of a process in memory."""
    statm = Path(f"/proc/{pid}/statm")
    if statm.exists():
        return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    command = ["ps", "-o", "rss=", "-p", str(pid)]
    return int(subprocess.run(command, capture_output=True, check=True).stdout) * 1024


def used(pid: int) -> float:
    """Seconds of the processor that a process took, to a hundredth."""
    stat = Path(f"/proc/{pid}/stat")
    if stat.exists():
        fields = stat.read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    command = ["ps", "-o", "time=", "-p", str(pid)]
    text = subprocess.run(command, capture_output=True, check=True, text=True).stdout.strip()
    return sum(float(part) * 60**place for place, part in enumerate(reversed(text.split(":"))))
