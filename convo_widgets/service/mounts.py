"""On which kind of file system a file is, where the system says so (Linux)."""

from __future__ import annotations

import re
from pathlib import Path

NETWORK = frozenset(
    ("nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ceph", "lustre", "gfs2", "beegfs", "fuse.sshfs", "fuse.glusterfs")
)
"""Types whose locks and syncs depend on another machine."""
TABLE = Path("/proc/self/mountinfo")


def network(path: Path, table: Path = TABLE) -> str | None:
    """The type of the network file system that a file is on; None where it is on none, or nothing is known."""
    try:
        lines = table.read_text(encoding="utf-8", errors="replace").splitlines()
        places = [Path("/"), *path.resolve().parents]
    except OSError:
        return None
    found: dict[Path, str] = {}
    for line in lines:
        before, _, after = line.partition(" - ")
        fields = before.split(" ")
        if len(fields) > 4 and after:
            found[Path(re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), fields[4]))] = after.split(" ")[0]
    known = [place for place in places if place in found]
    type = found[max(known, key=lambda place: len(place.parts))] if known else ""
    return type if type in NETWORK else None
