"""Reads the plain text of a segment back, block by block, and trusts nothing that its trailer does not confirm."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from config.catalogue import text
from worker.archive.errors import ArchiveError
from worker.archive.format import BLOCK, END_OF_TABLE, VERSION, Column, TableHeader


class FrameReader:
    """Reads the text of a segment from `read(size)`, in bounded memory (one block, or one row where that is longer).

    `header` is there at once; the trailer is checked when the last section has been read. Raises ArchiveError.
    """

    def __init__(self, read: Callable[[int], bytes], where: str) -> None:
        self._read = read
        self._where = where
        self._buffer = b""
        self._digest = hashlib.sha256()
        self.counted: list[tuple[str, int]] = []
        self.header: Mapping[str, Any] = self._header()

    @property
    def digest(self) -> str:
        """SHA-256 of the lines read so far; once the trailer was checked, of all lines before it."""
        return self._digest.hexdigest()

    def sections(self) -> Iterator[tuple[TableHeader, Iterator[bytes]]]:
        """Each table's header and its rows as blocks of whole lines; rows not asked for are skipped but checked."""
        while True:
            line = self._line()
            found = self._parse(line)
            if "table" not in found:
                break
            self._digest.update(line)
            header = self._table_header(found)
            self.counted.append((header.table, 0))
            blocks = self._blocks()
            yield header, blocks
            for _ in blocks:
                pass
        self._check_trailer(found)

    def _header(self) -> Mapping[str, Any]:
        line = self._line()
        header = self._parse(line)
        if header.get("merzim") != "segment":
            raise self._wrong("no_segment")
        if header.get("version") != VERSION:
            raise self._wrong("other_version", version=repr(header.get("version")), known=str(VERSION))
        self._digest.update(line)
        return header

    def _table_header(self, found: Mapping[str, Any]) -> TableHeader:
        try:
            columns = tuple(Column(str(column["name"]), str(column["type"])) for column in found["columns"])
            key = tuple(str(name) for name in found["key"])
            plain = [str(found[name]) for name in ("table", "encoding", "operation")]
            schema = None if found["schema"] is None else str(found["schema"])
        except (KeyError, TypeError):
            raise self._wrong("no_header") from None
        return TableHeader(plain[0], schema, key, columns, plain[1], plain[2])

    def _check_trailer(self, trailer: Mapping[str, Any]) -> None:
        tables = trailer.get("tables")
        if not isinstance(tables, list) or not all(isinstance(entry, dict) for entry in tables):
            raise self._wrong("no_trailer")
        if [(entry.get("table"), entry.get("rows")) for entry in tables] != self.counted:
            raise self._wrong("other_rows")
        if trailer.get("sha256") != self.digest:
            raise self._wrong("other_text")
        if self._buffer or self._more():
            raise self._wrong("something_after")

    def _blocks(self) -> Iterator[bytes]:
        while True:
            if self._buffer.startswith(END_OF_TABLE):
                self._digest.update(END_OF_TABLE)
                self._buffer = self._buffer[len(END_OF_TABLE) :]
                return
            before_end = self._buffer.find(b"\n" + END_OF_TABLE) + 1
            whole = before_end or self._buffer.rfind(b"\n") + 1
            if whole:
                block, self._buffer = self._buffer[:whole], self._buffer[whole:]
                self._count(block)
                yield block
                continue
            if not self._more():
                raise self._wrong("cut_short")

    def _count(self, block: bytes) -> None:
        self._digest.update(block)
        table, rows = self.counted[-1]
        self.counted[-1] = (table, rows + block.count(b"\n"))

    def _line(self) -> bytes:
        while (end := self._buffer.find(b"\n") + 1) == 0:
            if not self._more():
                raise self._wrong("cut_short")
        line, self._buffer = self._buffer[:end], self._buffer[end:]
        return line

    def _more(self) -> bool:
        # A row longer than a block doubles what is asked for, so that joining stays linear.
        block = self._read(max(BLOCK, len(self._buffer)))
        self._buffer += block
        return bool(block)

    def _parse(self, line: bytes) -> Mapping[str, Any]:
        try:
            found = json.loads(line)
        except ValueError:
            found = None  # raised below: a decoding error would carry the line, which may be a row
        if not isinstance(found, dict):
            raise self._wrong("no_object")
        return found

    def _wrong(self, name: str, **values: str) -> ArchiveError:
        return ArchiveError(text(f"segment_reading.{name}", where=self._where, **values))
