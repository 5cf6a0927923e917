"""Small segments for the archive's tests."""

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import pyrage
import zstandard

from worker.archive.format import Column, FrameWriter, TableHeader
from worker.archive.keys import AgeKey, make_identity
from worker.archive.reading import read_segment
from worker.archive.segment import Sealed, SegmentWriter
from worker.archive.spool import Spool

NAME = "0f3a/2026/11/00112233445566778899aabbccddeeff.zst.age"
OFFLINE = make_identity()
Sections = Sequence[tuple[TableHeader, Sequence[bytes]]]


def header(table: str = "users", encoding: str = "pgcopy") -> TableHeader:
    columns = (Column("id", "bigint"), Column("аты", "text"))
    return TableHeader(table, "public", ("id",), columns, encoding, "delete")


def writer(spool: Spool, name: str = NAME, key: AgeKey = OFFLINE) -> SegmentWriter:
    return SegmentWriter(spool, name, {"run": "r1", "batch": 1, "slice": 2}, [key.recipient])


def write(spool: Spool, sections: Sections, name: str = NAME) -> Sealed:
    segment = writer(spool, name)
    for table, rows in sections:
        segment.table(table)
        for row in rows:
            segment.rows(row)
    return segment.finish()


def read(path: Path, key: AgeKey = OFFLINE) -> list[tuple[TableHeader, list[bytes]]]:
    with path.open("rb") as file, read_segment(file, [key.identity]) as segment:
        return [(table, list(rows)) for table, rows in segment.sections()]


def text_of(sections: Sections) -> bytes:
    """The plain text of a segment."""
    text = BytesIO()
    frames = FrameWriter(NAME, {}, text.write)
    for table, rows in sections:
        frames.table(table)
        for row in rows:
            frames.rows(row)
    frames.end()
    return text.getvalue()


def sealed_text(text: bytes) -> bytes:
    """Any text, sealed as a segment would be: what a faulty or hostile writer could make."""
    return bytes(pyrage.encrypt(zstandard.compress(text), [pyrage.x25519.Recipient.from_str(OFFLINE.recipient)]))


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
