"""Where exported rows are written: a file for each table in a new folder, or one stream.

Nobody but the user may read the files, none is ever overwritten, and their names are the tables': no personal data.
"""

import json
import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Literal

from config.catalogue import text
from worker.archive.format import TableHeader
from worker.archive.row_values import Value, reader_of
from worker.pipeline.restore.fitting import name_of
from worker.pipeline.tools import Refused

Format = Literal["csv", "jsonl"]
SEGMENT = "merzim_segment"


def csv_line(values: Iterable[Value]) -> str:
    """Values as PostgreSQL's COPY … CSV reads them: NULL is nothing, an empty text is two quotes."""
    return ",".join(_in_csv(v) for v in values) + "\n"


def _in_csv(value: Value) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return '"' + value.replace('"', '""') + '"'
    return str(value).lower() if isinstance(value, bool) else repr(value)


@dataclass
class Export:
    """Takes rows, table by table. `rows` counts them by table; `paths` are the files made."""

    format: Format
    open_file: Callable[[str], IO[str]]
    rows: dict[str, int] = field(default_factory=dict)
    _files: dict[tuple[str, ...], IO[str]] = field(default_factory=dict)

    def take(self, segment: str, header: TableHeader, lines: Iterable[bytes]) -> None:
        """Write a table's rows. Raises ArchiveError, OSError, Refused."""
        name = name_of(header)
        columns = [c.name for c in header.columns]
        read = reader_of(header)
        for line in lines:
            self._file(name, columns).write(self._line(segment, header, columns, read(line)))
            self.rows[name] = self.rows.get(name, 0) + 1

    def close(self) -> None:
        """Everything was taken."""
        for file in self._files.values():
            file.close()

    def _line(self, segment: str, header: TableHeader, columns: Sequence[str], values: Sequence[Value]) -> str:
        if self.format == "csv":
            return csv_line([segment, *values])
        row = dict(zip(columns, values, strict=True))
        whole = {"segment": segment, "table": name_of(header), "operation": header.operation, "row": row}
        return json.dumps(whole, ensure_ascii=False) + "\n"

    def _file(self, name: str, columns: Sequence[str]) -> IO[str]:
        # A CSV file has one header: a table whose columns changed between two copies needs two files.
        key = (name, *columns) if self.format == "csv" else (name,)
        if key not in self._files:
            self._files[key] = self.open_file(name)
            if self.format == "csv":
                self._files[key].write(csv_line([SEGMENT, *columns]))
        return self._files[key]


@dataclass
class Folder:
    """A new or empty folder for the files."""

    path: Path
    format: Format
    made: list[Path] = field(default_factory=list)
    made_folder: bool = False

    def prepare(self) -> None:
        """Make it. Raises Refused if something is there, OSError."""
        if self.path.exists() and (not self.path.is_dir() or any(self.path.iterdir())):
            raise Refused(text("exporting.not_empty", path=self.path))
        self.made_folder = not self.path.exists()
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)

    def open_file(self, table: str) -> IO[str]:
        """A file for a table's rows that nobody else may read."""
        plain = re.sub(r"[^\w.-]+", "_", table).strip(".")[:80] or "table"
        taken = {p.name.lower() for p in self.made}
        names = [f"{plain}.{self.format}", *(f"{plain}.{n}.{self.format}" for n in range(2, len(taken) + 3))]
        path = self.path / next(n for n in names if n.lower() not in taken)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        self.made.append(path)
        return os.fdopen(handle, "w", encoding="utf-8", newline="")

    def clear(self) -> None:
        """Leave no half of an export lying about."""
        for path in self.made:
            path.unlink(missing_ok=True)
        if self.made_folder:
            self.path.rmdir()


def only_one(stream: IO[str], export_format: Format) -> Callable[[str], IO[str]]:
    """All tables into one stream. A stream of CSV can have one table only: the next one is Refused."""
    taken: list[str] = []

    def open_file(table: str) -> IO[str]:
        taken.append(table)
        if export_format == "csv" and len(taken) > 1:
            raise Refused(text("exporting.one_table", tables=", ".join(dict.fromkeys(taken))))
        return stream

    return open_file
