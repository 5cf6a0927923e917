"""Steps: whatever merzim tells the database, and whatever it does to the disk, counted one by one.

Counted at the driver and at the operating system, not at functions of merzim, so that no step can be forgotten and
none has a name that could change. Database and disk count apart: segments are sealed in a thread of its own.
"""

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import psycopg
import pymysql
import pytest

Kind = Literal["statement", "commit", "disk"]
UNHEARD = ("_rollback_gen", "_set_autocommit_gen", "_set_isolation_level_gen", "_set_read_only_gen")
"""What psycopg usually does without a word to the server."""
DISK = ("fsync", "replace", "rename", "unlink", "mkdir")


@dataclass(frozen=True)
class Step:
    """The `number`-th message to the database, or touch of the disk; `connection` is the driver's own."""

    number: int
    kind: Kind
    said: str
    connection: Any = None
    path: str = ""

    def is_like(self, other: "Step") -> bool:
        """Whether it is the same step of another night."""
        return (self.number, self.kind == "disk") == (other.number, other.kind == "disk")

    def __str__(self) -> str:
        return f"{'disk' if self.kind == 'disk' else 'database'} {self.number} ({self.said})"


@dataclass
class Wire:
    """Counts steps while it is on. `before` and `after` are called at each step and may raise in its place."""

    folder: Path
    before: Callable[[Step], None] = lambda _: None
    after: Callable[[Step], None] = lambda _: None
    steps: list[Step] = field(default_factory=list)
    over: bool = False  # connections that were made meanwhile live on
    _inside: threading.local = field(default_factory=threading.local)
    _counts: dict[bool, int] = field(default_factory=lambda: {True: 0, False: 0})

    @contextmanager
    def step(self, kind: Kind, said: str, connection: Any = None, path: str = "") -> Iterator[None]:
        """Around one step. What happens inside `before` and `after` is not counted."""
        if self.over or getattr(self._inside, "yes", False):
            yield
            return
        self._counts[kind == "disk"] += 1
        step = Step(self._counts[kind == "disk"], kind, said, connection, path)
        self.steps.append(step)
        self._inside.yes = True
        try:
            self.before(step)
            yield
            self.after(step)
        finally:
            self._inside.yes = False


@contextmanager
def counting(wire: Wire) -> Iterator[Wire]:
    """Every step of this process goes over the wire. Connections made before count too, but for SQLite's."""
    with pytest.MonkeyPatch.context() as patch:
        _count_postgresql(patch, wire)
        _count_mariadb(patch, wire)
        _count_sqlite(patch, wire)
        _count_disk(patch, wire)
        try:
            yield wire
        finally:
            wire.over = True


def _count_postgresql(patch: pytest.MonkeyPatch, wire: Wire) -> None:
    """`wait` is where psycopg sends whatever a generator says and hears the answer."""
    real = psycopg.Connection.wait

    def wait(self: Any, generator: Any, *rest: Any, **named: Any) -> Any:
        if generator.__name__ in UNHEARD:
            return real(self, generator, *rest, **named)
        commits = generator.__name__ == "_commit_gen"
        query = generator.gi_frame.f_locals.get("query", generator.__name__)
        with wire.step("commit" if commits else "statement", _short(query), self):
            return real(self, generator, *rest, **named)

    patch.setattr(psycopg.Connection, "wait", wait)


def _count_mariadb(patch: pytest.MonkeyPatch, wire: Wire) -> None:
    real, real_commit = pymysql.connections.Connection.query, pymysql.connections.Connection.commit

    def query(self: Any, sql: Any, unbuffered: bool = False) -> Any:
        with wire.step("statement", _short(sql), self):
            return real(self, sql, unbuffered)

    def commit(self: Any) -> None:
        with wire.step("commit", "COMMIT", self):
            real_commit(self)

    patch.setattr(pymysql.connections.Connection, "query", query)
    patch.setattr(pymysql.connections.Connection, "commit", commit)


def _count_sqlite(patch: pytest.MonkeyPatch, wire: Wire) -> None:
    class Cursor(sqlite3.Cursor):
        def execute(self, sql: str, *rest: Any) -> Any:
            with wire.step("statement", _short(sql), self.connection):
                return super().execute(sql, *rest)

        def executemany(self, sql: str, *rest: Any) -> Any:
            with wire.step("statement", _short(sql), self.connection):
                return super().executemany(sql, *rest)

    class Connection(sqlite3.Connection):
        def cursor(self, factory: Any = Cursor) -> Any:
            return super().cursor(factory)

        def execute(self, sql: str, *rest: Any) -> Any:
            return self.cursor().execute(sql, *rest)

        def commit(self) -> None:
            with wire.step("commit", "COMMIT", self):
                super().commit()

    real = sqlite3.connect
    patch.setattr(sqlite3.dbapi2, "connect", lambda *given, **named: real(*given, factory=Connection, **named))


def _count_disk(patch: pytest.MonkeyPatch, wire: Wire) -> None:
    """Below the operator's folder, and whatever is made durable."""

    def counted(name: str) -> Callable[..., Any]:
        real = getattr(os, name)

        def touch(what: Any, *rest: Any, **named: Any) -> Any:
            path = os.readlink(f"/proc/self/fd/{what}") if isinstance(what, int) else os.fspath(what)
            if not str(path).startswith(str(wire.folder)) or "operator.sqlite" in str(path):
                return real(what, *rest, **named)
            with wire.step("disk", f"{name} {Path(path).name}", path=str(path)):
                return real(what, *rest, **named)

        return touch

    for name in DISK:
        patch.setattr(os, name, counted(name))


def _short(query: Any) -> str:
    said = query.decode("utf-8", "replace") if isinstance(query, bytes | bytearray) else str(query)
    return " ".join(said.split())[:60]
