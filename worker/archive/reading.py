"""Reading a sealed segment, and checking one."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from config.catalogue import text
from worker.archive.errors import ArchiveError, storage_error
from worker.archive.format import TableHeader
from worker.archive.frame_reader import FrameReader
from worker.archive.sealing import plain_text
from worker.archive.tap import Tap


class Segment:
    """An open segment. `header` is its first line."""

    def __init__(self, frames: FrameReader) -> None:
        self._frames = frames
        self.header = frames.header

    def sections(self) -> Iterator[tuple[TableHeader, Iterator[bytes]]]:
        """Each table's header and its rows, one by one, each with its LF.

        The trailer is checked after the last: what was read is whole only when this iterator has ended by itself.
        Raises ArchiveError.
        """
        for header, blocks in self._frames.sections():
            yield header, (line + b"\n" for block in blocks for line in block[:-1].split(b"\n"))


@contextmanager
def read_segment(stream: BinaryIO, identities: Sequence[str]) -> Iterator[Segment]:
    """Open a sealed segment for reading as a stream, in bounded memory.

    Raises ArchiveError, on opening or while its sections are read: no key fits, cut short, altered, another
    version. So act on the rows only in a transaction that commits after `sections()` has ended.
    """
    where = _place(stream)
    with plain_text(Tap(stream), identities, where) as read:
        yield Segment(FrameReader(read, where))


def verify_segment(
    source: Path | BinaryIO, sha256: str, identities: Sequence[str] | None = None
) -> dict[str, int] | None:
    """Check the file's SHA-256 (hex, from the ledger); with identities also open, recount and check the trailer.

    Returns rows per table, None without identities. Raises ArchiveError.
    """
    try:
        if isinstance(source, Path):
            with source.open("rb") as file:
                return _verify(Tap(file), sha256, identities, str(source))
        return _verify(Tap(source), sha256, identities, _place(source))
    except OSError as error:
        place = source if isinstance(source, Path) else _place(source)
        raise storage_error("storage.reading", place, error) from error


def recount(sealed: Tap, sha256: str, identities: Sequence[str], where: str) -> FrameReader:
    """Read all of a segment; the reader knows rows and digest. Raises ArchiveError, OSError.

    A wrong SHA-256 is told before anything that may follow from it.
    """
    refusal: ArchiveError | None = None
    try:
        with plain_text(sealed, identities, where) as read:
            frames = FrameReader(read, where)
            for _ in frames.sections():
                pass
    except ArchiveError as error:
        refusal = error
    sealed.drain()
    _check_digest(sealed, sha256, where)
    if refusal is not None:
        raise refusal
    return frames


def rows_per_table(sections: Sequence[tuple[str, int]]) -> dict[str, int]:
    """Rows of each table; a table may have several sections."""
    rows: dict[str, int] = {}
    for table, count in sections:
        rows[table] = rows.get(table, 0) + count
    return rows


def _verify(sealed: Tap, sha256: str, identities: Sequence[str] | None, where: str) -> dict[str, int] | None:
    if identities is not None:
        return rows_per_table(recount(sealed, sha256, identities, where).counted)
    sealed.drain()
    _check_digest(sealed, sha256, where)
    return None


def _check_digest(sealed: Tap, sha256: str, where: str) -> None:
    if sealed.digest != sha256:
        raise ArchiveError(text("segment_reading.other_file", where=where))


def _place(stream: BinaryIO) -> str:
    return str(getattr(stream, "name", text("segment.unnamed")))
