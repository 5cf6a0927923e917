"""One segment, from its first row to the sealed, durable file that has been read back."""

import io
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import zstandard

from config.catalogue import text
from worker.archive.durable import make_folder, part_of, sync_file, sync_upwards
from worker.archive.errors import ArchiveError, storage_error
from worker.archive.format import JSON, Buffer, FrameWriter, TableHeader
from worker.archive.keys import make_identity, parse_recipients
from worker.archive.reading import recount, rows_per_table
from worker.archive.sealing import encrypt
from worker.archive.spool import Spool
from worker.archive.tap import Tap

_ZSTD_LEVEL = 3


@dataclass(frozen=True)
class Sealed:
    """A durable segment, read back: SHA-256 (hex) and size in bytes of the file, rows per table."""

    name: str
    sha256: str
    bytes: int
    rows: dict[str, int]


class SegmentWriter:
    """Writes one segment. Rows are compressed in memory, block by block; their plain text never touches the disk.

    Appended from one thread; `finish` may be called in another. Any method may raise ArchiveError; the segment
    is lost then, and nothing of it stays in the spool.
    """

    def __init__(self, spool: Spool, name: str, header: Mapping[str, JSON], recipients: Sequence[str]) -> None:
        self._spool = spool
        self._name = name
        self._path = spool.path(name)
        self._recipients = parse_recipients(recipients)
        self._compressed = io.BytesIO()
        compressor = zstandard.ZstdCompressor(level=_ZSTD_LEVEL, write_checksum=True)
        self._compressor = compressor.stream_writer(self._compressed, closefd=False)
        self._open = True
        # Not by a method of its own: in a circle of objects the compressor's memory would stay for many slices.
        self._frames = FrameWriter(name, header, self._compressor.write)

    def table(self, header: TableHeader) -> None:
        """Begin a table; the one before it ends."""
        self._check_open()
        try:
            self._frames.table(header)
        except BaseException:
            self.abandon()
            raise

    def rows(self, chunk: Buffer) -> None:
        """Append whole rows of the table, each ended by LF, in the table's encoding."""
        self._check_open()
        try:
            self._frames.rows(chunk)
        except BaseException:
            self.abandon()
            raise

    def finish(self) -> Sealed:
        """Seal the segment in the spool, durably, and read it back from the disk (clauses 3.4, 4.1).

        The file is encrypted to the recipients and to an identity made here; with that identity, which is forgotten
        on return, it is decrypted, decompressed and counted, and its digests are compared. Anything that does not
        match raises ArchiveError, and the file is removed.
        """
        self._check_open()
        self._open = False
        try:
            digest = self._frames.end()
            self._compressor.flush(zstandard.FLUSH_FRAME)
            self._compressed.seek(0)
            return self._seal(digest)
        finally:
            self._compressed.close()

    def abandon(self) -> None:
        """Forget the rows, of which nothing was written. A finished segment stays: see `Spool.remove`."""
        if self._open:
            self._open = False
            self._compressed.close()

    def _seal(self, text_digest: str) -> Sealed:
        own = make_identity()
        made: list[Path] = []  # ours to remove; a file that was there before is not
        try:
            written = self._write(made, own.recipient)
            sealed = Sealed(self._name, written.digest, written.size, rows_per_table(self._frames.sections))
            self._read_back(sealed, text_digest, own.identity)
        except BaseException as error:
            for path in made:
                with suppress(OSError):  # the first error is the one to tell
                    path.unlink(missing_ok=True)
            if isinstance(error, OSError):
                raise storage_error("storage.writing", self._path, error) from error
            raise
        return sealed

    def _write(self, made: list[Path], own_recipient: str) -> Tap:
        part = part_of(self._path)
        make_folder(part.parent)
        if self._path.exists():
            raise ArchiveError(text("segment.already_there", path=self._path))
        with part.open("xb") as file:
            made.append(part)
            written = encrypt(self._compressed, file, [*self._recipients, *parse_recipients([own_recipient])])
            file.flush()
            sync_file(file.fileno())
        made.append(self._path)
        os.replace(part, self._path)
        sync_upwards(self._spool.folder, self._path.parent)
        return written

    def _read_back(self, sealed: Sealed, text_digest: str, identity: str) -> None:
        with self._path.open("rb") as file:
            tap = Tap(file)
            found = recount(tap, sealed.sha256, [identity], str(self._path))
        if (found.digest, found.counted, tap.size) != (text_digest, self._frames.sections, sealed.bytes):
            raise ArchiveError(text("segment.not_read_back", path=self._path))

    def _check_open(self) -> None:
        if not self._open:
            raise ArchiveError(text("segment.finished", name=self._name))
