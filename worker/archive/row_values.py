"""The values in an archived row, for people and programs that have no database: FORMAT.md's encodings, read.

NULL is None. Whole numbers, finite floats and booleans are themselves; everything else is text as the database writes
it: numerics with all their digits, dates, arrays, JSON. Bytes, and text that is not UTF-8, are "\\x" and hex digits.
"""

import base64
import json
import math
import re
from collections.abc import Callable, Sequence
from typing import TypeAlias

from config.catalogue import text
from worker.archive.errors import ArchiveError
from worker.archive.format import TableHeader

Value: TypeAlias = bool | int | float | str | None

_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)
_LETTERS = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}
_WHOLE, _FLOATS = ("smallint", "integer", "bigint"), ("real", "double precision")


def reader_of(header: TableHeader) -> Callable[[bytes], Sequence[Value]]:
    """What reads a row's line, with its LF, of this table. Raises ArchiveError for an encoding that it cannot read."""
    if header.encoding == "pgcopy":
        kinds = [column.type for column in header.columns]
        return lambda line: [_typed(*pair) for pair in zip(kinds, line[:-1].split(b"\t"), strict=True)]
    if header.encoding == "json":
        return lambda line: [_plain(value) for value in json.loads(line)]
    raise ArchiveError(text("segment_reading.other_encoding", table=header.table, encoding=header.encoding))


def _typed(kind: str, field: bytes) -> Value:
    if field == b"\\N":
        return None
    written = _ESCAPED.sub(lambda found: _LETTERS.get(found[1], found[1]), field).decode()
    if kind in _WHOLE:
        return int(written)
    if kind == "boolean":
        return written == "t"
    return _finite(float(written), written) if kind in _FLOATS else written


def _plain(value: object) -> Value:
    if isinstance(value, dict):
        if "f" in value:
            return "-Infinity" if float(value["f"]) < 0 else "Infinity"
        return "\\x" + base64.b64decode(value["b"] if "b" in value else value["t"]).hex()
    assert value is None or isinstance(value, bool | int | float | str)
    return value


def _finite(number: float, written: str) -> Value:
    return number if math.isfinite(number) else written
