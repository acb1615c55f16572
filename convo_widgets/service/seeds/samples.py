"""Small files for the media of a seed, drawn in code: pictures, a PDF, a table, a text.

The same name always gives the same bytes, so a picture is recognised when it is seen again.
"""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Iterator

WIDTH, HEIGHT = 320, 240
"""Pixels of a picture; both are multiples of 8."""
Colour = tuple[int, int, int]


def make(filename: str, content_type: str) -> bytes:
    """A file of a type; empty where there is no sample of it."""
    match content_type:
        case "image/jpeg":
            return _jpeg(filename)
        case "image/png":
            return _png(filename)
        case "application/pdf":
            return _pdf(filename)
        case "text/csv":
            return _csv(filename)
        case "text/plain":
            return f"{filename}\n\nA sample of the demo.\n".encode()
    return b""


# --- Pictures ------------------------------------------------------------------------------------------------------


def _tiles(filename: str) -> list[list[Colour]]:
    """A landscape of 8 x 8 tiles: sky, sun, hills and sea, in colours of the name."""
    dice = random.Random(filename)  # noqa: S311 - a drawing
    sky, land, sea = (
        [dice.randrange(low, low + 90) for low in lows] for lows in ((110, 130, 160), (60, 90, 40), (20, 70, 110))
    )
    columns, rows = WIDTH // 8, HEIGHT // 8
    sun = dice.randrange(4, columns - 4), dice.randrange(4, rows // 3), dice.randrange(2, 4)
    ridge, line = dice.randrange(rows // 3, rows // 2), rows * 2 // 3
    heights = []
    for _ in range(columns):
        ridge = max(rows // 4, min(line - 1, ridge + dice.choice((-1, 0, 0, 1))))
        heights.append(ridge)

    def tile(x: int, y: int) -> Colour:
        light = dice.randrange(-6, 7)
        if (x - sun[0]) ** 2 + (y - sun[1]) ** 2 <= sun[2] ** 2:
            return 250, 214, 130
        base = sky if y < heights[x] else land if y < line else sea
        red, green, blue = (max(0, min(255, value + light + y)) for value in base)
        return red, green, blue

    return [[tile(x, y) for x in range(columns)] for y in range(rows)]


def _png(filename: str) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = bytearray()
    for tiles in _tiles(filename):
        row = b"\0" + b"".join(bytes(tile) * 8 for tile in tiles)
        rows += row * 8
    head = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(rows), 9)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def _jpeg(filename: str) -> bytes:
    """A baseline JPEG of flat tiles: each block is its mean alone, so its code needs no more than two tiny tables."""
    quant = b"\xff\xdb\x00\x43\x00" + b"\x08" * 64  # a step of the mean is one level of brightness
    frame = struct.pack(">BBHBHHB", 0xFF, 0xC0, 17, 8, HEIGHT, WIDTH, 3) + bytes.fromhex("011100 021100 031100")
    means = b"\xff\xc4" + struct.pack(">HB", 19 + 12, 0x00) + bytes([0, 0, 0, 12] + [0] * 12) + bytes(range(12))
    others = b"\xff\xc4" + struct.pack(">HB", 19 + 1, 0x10) + bytes([1] + [0] * 15) + b"\x00"
    scan = bytes.fromhex("ffda 000c 03 0100 0200 0300 00 3f 00")
    jfif = bytes.fromhex("ffe0 0010 4a46494600 0101 00 0001 0001 00 00")
    return b"\xff\xd8" + jfif + quant + frame + means + others + scan + _scan(_tiles(filename)) + b"\xff\xd9"


def _scan(tiles: list[list[Colour]]) -> bytes:
    """The tiles' means, each as its difference to the one before: its length in four bits, its bits, and "no more"."""
    bits = "".join(_codes(tiles))
    bits += "1" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\x00")


def _codes(tiles: list[list[Colour]]) -> Iterator[str]:
    before = [0, 0, 0]
    for row in tiles:
        for red, green, blue in row:
            luma = 0.299 * red + 0.587 * green + 0.114 * blue
            values = (luma - 128, (blue - luma) * 0.564, (red - luma) * 0.713)
            for place, value in enumerate(values):
                mean = round(value)
                step, before[place] = mean - before[place], mean
                length = abs(step).bit_length()
                plain = step if step >= 0 else step + (1 << length) - 1
                yield f"{length:04b}" + (f"{plain:0{length}b}" if length else "") + "0"


# --- Papers --------------------------------------------------------------------------------------------------------


def _pdf(filename: str) -> bytes:
    """One page with the file's name on it."""
    name = "".join(char for char in filename if (char.isascii() and char.isalnum()) or char in " .-_")
    text = f"BT /F1 24 Tf 72 720 Td ({name}) Tj 0 -36 Td /F1 12 Tf (A sample of the demo) Tj ET".encode()
    parts = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R "
        b"/Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%b\nendstream" % (len(text), text),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    out, places = bytearray(b"%PDF-1.4\n"), []
    for number, part in enumerate(parts, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%b\nendobj\n" % (number, part)
    table = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(parts) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(parts) + 1, table)
    return bytes(out)


def _csv(filename: str) -> bytes:
    dice = random.Random(filename)  # noqa: S311 - a sample
    rows = [f"{name},{dice.randrange(1, 40)}" for name in ("Cups", "Bowls", "Plates", "Jugs", "Teapots")]
    return ("item,count\r\n" + "\r\n".join(rows) + "\r\n").encode()
