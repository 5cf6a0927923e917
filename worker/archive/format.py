"""The plain text inside a segment and its writer. FORMAT.md is the specification of these bytes."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TypeAlias

from config.catalogue import text
from worker.archive.errors import ArchiveError

JSON: TypeAlias = "bool | int | float | str | Sequence[JSON] | Mapping[str, JSON] | None"
Buffer: TypeAlias = bytes | bytearray | memoryview

VERSION = 1
END_OF_TABLE = b"\\.\n"
ENCODINGS = ("pgcopy", "json", "sealed")
_RESERVED = ("merzim", "version", "segment")
BLOCK = 1 << 17  # bytes handed on at once


@dataclass(frozen=True)
class Column:
    """A column of an archived table; `type` is the database's own name of its type."""

    name: str
    type: str


@dataclass(frozen=True)
class TableHeader:
    """What stands before a table's rows. `key` names the primary key's columns, `columns` are in the rows' order;
    `operation` is what the slice does to the rows: "delete" or "depersonalise" (clause 5.3: жою, иесіздендіру)."""

    table: str
    schema: str | None
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    encoding: str
    operation: str


def dump_line(value: Mapping[str, JSON]) -> bytes:
    """One JSON object as one line of UTF-8."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode() + b"\n"


class FrameWriter:
    """Turns headers and rows into the text of a segment, handed to `sink` in blocks; counts and digests it.

    Raises ArchiveError for rows that are not whole lines, or that could be taken for the end of their table.
    """

    def __init__(self, name: str, header: Mapping[str, JSON], sink: Callable[[bytes], object]) -> None:
        taken = [key for key in _RESERVED if key in header]
        if taken:
            raise ArchiveError(text("segment.reserved", name=name, keys=", ".join(taken)))
        self._name = name
        self._sink = sink
        self._digest = hashlib.sha256()
        self._pending, self._written = bytearray(), bytearray()
        self._in_table = False
        self.sections: list[tuple[str, int]] = []
        self._emit(dump_line({"merzim": "segment", "version": VERSION, "segment": name, **header}))

    def table(self, header: TableHeader) -> None:
        """End the table before, if any, and begin this one."""
        if header.encoding not in ENCODINGS:
            values = {"table": header.table, "encoding": repr(header.encoding), "known": ", ".join(ENCODINGS)}
            raise ArchiveError(text("segment.unknown_encoding", name=self._name, **values))
        self._end_table()
        self._emit(dump_line(asdict(header)))
        self.sections.append((header.table, 0))
        self._in_table = True

    def rows(self, chunk: Buffer) -> None:
        """Append whole lines, each ended by LF."""
        if not self._in_table:
            raise ArchiveError(text("segment.rows_too_early", name=self._name))
        if not chunk:
            return
        if chunk[-1:] != b"\n":
            raise ArchiveError(text("segment.cut_row", name=self._name, table=self._table))
        self._pending += chunk
        if len(self._pending) >= BLOCK:
            self._flush()

    def end(self) -> str:
        """Write the trailer; the SHA-256 of all lines before it."""
        self._end_table()
        digest = self._digest.hexdigest()
        tables: list[JSON] = [{"table": table, "rows": rows} for table, rows in self.sections]
        self._emit(dump_line({"tables": tables, "sha256": digest}))
        self._hand_on()
        return digest

    @property
    def _table(self) -> str:
        return self.sections[-1][0]

    def _end_table(self) -> None:
        if self._in_table:
            self._flush()
            self._emit(END_OF_TABLE)
            self._in_table = False

    def _flush(self) -> None:
        block = bytes(self._pending)
        self._pending.clear()
        if block.startswith(END_OF_TABLE) or b"\n" + END_OF_TABLE in block:
            raise ArchiveError(text("segment.row_like_end", name=self._name, table=self._table))
        table, rows = self.sections[-1]
        self.sections[-1] = (table, rows + block.count(b"\n"))
        self._emit(block)

    def _emit(self, block: bytes) -> None:
        self._digest.update(block)
        self._written += block
        if len(self._written) >= BLOCK:
            self._hand_on()

    def _hand_on(self) -> None:
        """What a slice writes is mostly less than a block: it is compressed when it is sealed, while rows change."""
        self._sink(bytes(self._written))
        self._written.clear()
