"""The little real files behind scanned documents and call recordings."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from config.catalogue import text

FILE_ROWS = 2_000  # rows with files; later ones have none: a large demonstration must not fill the disk
ROOTS = ("scans", "recordings")


class Disk:
    """Writes files under the roots until the budget of rows is spent."""

    def __init__(self, roots: Mapping[str, Path]) -> None:
        """Take the folder of each of ROOTS; ValueError names one that is missing."""
        missing = [root for root in ROOTS if root not in roots]
        if missing:
            raise ValueError(text("demo_refuses.folder", root=missing[0], roots=ROOTS))
        self._roots = roots
        self._left = FILE_ROWS

    def scan(self, number: int, year: int, text: str) -> tuple[str | None, str | None, bytes | None]:
        """Write a scan and its thumbnail; their paths under the root and the scan's SHA-256, or three times None."""
        if not self._spend():
            return None, None, None
        page = f"%PDF-1.4\n% an invented scan\n{text}\n".encode()
        path = self._write("scans", f"{year}/{number:06d}.pdf", page)
        picture = b"\x89PNG\r\n\x1a\n" + text.encode()
        thumbnail = self._write("scans", f"{year}/thumbnails/{number:06d}.png", picture)
        return path, thumbnail, hashlib.sha256(page).digest()

    def recording(self, number: int, year: int, text: str) -> str | None:
        """Write a recording; its path relative to the root, or None when the budget is spent."""
        if not self._spend():
            return None
        sound = b"RIFF\x00\x00\x00\x00WAVE" + text.encode()
        return self._write("recordings", f"{year}/{number:06d}.wav", sound)

    def _spend(self) -> bool:
        self._left -= 1
        return self._left >= 0

    def _write(self, root: str, relative: str, content: bytes) -> str:
        path = self._roots[root] / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return relative
