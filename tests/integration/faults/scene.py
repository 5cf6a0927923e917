"""The operator of the matrix: everything that a slice can meet, for as few people as possible; and its way back."""

import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tests.integration.small_operator import (
    HEAD,
    LATELY,
    LONG_AGO,
    PAYMENTS,
    PROFILE,
    SCANS,
    SHOP,
    Operator,
    ignoring,
    operator_on,
    people,
    person,
)
from worker.databases.facts import Schema
from worker.pipeline import beginning, gathering, planning
from worker.plan.stages import StagePlan

DUE, ACTIVE, HELD = range(1, 5), 8, 9
HEAVY = 3  # has more rows than fit into one slice
UNITS_OF_A_BATCH, ROWS_OF_A_SLICE = 2, 12
POLICY = (
    HEAD
    + """\
holds:
  open debt: {exists: orders, where: "what = 'owed'", basis: law 94-V}
links:
  - {from: payments.payer_iin, to: people.iin}
"""
    + PROFILE
    + SCANS
    + PAYMENTS
    + ignoring("letters")
)
INSERT_ONLY = ("entry", "seal", "decision")


@dataclass
class Scene:
    """An operator, and every row of the database as it was before anything happened."""

    operator: Operator
    schema: "SchemaReader"
    sqlite: bytes = b""
    rows: dict[str, list[tuple[Any, ...]]] = field(default_factory=dict)

    def remember(self) -> None:
        """What `reset` goes back to."""
        self.operator.tools.database.engine.dispose()
        if self.operator.dialect == "sqlite":
            self.sqlite = self._file.read_bytes()
            return
        with self._driver() as cursor:
            for name in self._tables():
                cursor.execute(f"SELECT * FROM {name}")
                self.rows[name] = list(cursor.fetchall())

    def reset(self) -> None:
        """As it was before anything happened."""
        operator = self.operator
        for folder in ("spool", "archive", "scans"):
            shutil.rmtree(operator.folder / folder, ignore_errors=True)
        operator.scans.mkdir()
        for number in (*DUE, ACTIVE, HELD):
            (operator.scans / f"{number}.png").write_text("a scan")
        (operator.scans / "shared.png").write_text("a scan of two people")
        self.reset_database()

    def reset_database(self) -> None:
        """The database alone, as from a backup: the disks know more then."""
        self.operator.tools.database.engine.dispose()
        if self.operator.dialect != "sqlite":
            self._put_back()
            return
        for ending in ("-journal", "-wal", "-shm"):
            self._file.with_name(self._file.name + ending).unlink(missing_ok=True)
        self._file.write_bytes(self.sqlite)

    def _put_back(self) -> None:
        postgresql = self.operator.dialect == "postgresql"
        with self._driver() as cursor:
            if postgresql:
                cursor.execute("SET LOCAL session_replication_role = replica")  # no foreign keys, no triggers
                cursor.execute("; ".join(f"DELETE FROM {name}" for name in self._tables()))
            else:
                cursor.execute("SET foreign_key_checks = 0")
            for name, rows in self.rows.items():
                if not postgresql:
                    self._empty(cursor, name)
                if rows:
                    marks = ", ".join(f"${i}" if postgresql else "%s" for i in range(1, len(rows[0]) + 1))
                    cursor.executemany(f"INSERT INTO {name} VALUES ({marks})", rows)
            if not postgresql:
                cursor.execute("SET foreign_key_checks = 1")

    def _empty(self, cursor: Any, name: str) -> None:
        cursor.execute(f"SELECT 1 FROM {name} LIMIT 1")
        if cursor.fetchall():
            grown = name.split(".")[-1].strip("`") in INSERT_ONLY
            cursor.execute(f"{'TRUNCATE' if grown else 'DELETE FROM'} {name}")

    @property
    def _file(self) -> Path:
        return self.operator.folder / "operator.sqlite"

    def _tables(self) -> list[str]:
        """Names of all tables, the ledger's too, quoted."""
        engine = self.operator.tools.database.engine
        inspector = sa.inspect(engine)
        quote = engine.dialect.identifier_preparer.quote_identifier
        found = []
        for schema in (None, self.operator.tools.ledger.schema):
            names = sorted(set(inspector.get_table_names(schema)) - {"alembic_version", "lock_row"})
            found += [".".join(quote(part) for part in (schema, name) if part) for name in names]
        return found

    @contextmanager
    def _driver(self) -> Iterator[Any]:
        connection = self.operator.tools.database.engine.raw_connection()
        try:
            yield connection.cursor()
            connection.commit()
        finally:
            connection.close()


def scene_on(
    dialect: str, folder: Path, policy: str = POLICY, prepare: Callable[[Operator], object] = lambda _: None
) -> Iterator[Scene]:
    """Four people whose term has ended, one of them with many rows; one who is active and one who owes."""
    for operator in operator_on(dialect, folder, SHOP, policy):
        operator.sql(*_everybody())
        operator.accustom()
        prepare(operator)
        scene = Scene(operator, SchemaReader(operator.tools.database.schema))
        scene.remember()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(operator.tools.database, "schema", scene.schema)
            patch.setattr(planning, "StagePlan", _made_once())
            patch.setattr(beginning, "LEAST_UNITS", UNITS_OF_A_BATCH)
            patch.setattr(gathering, "ROWS_LIMIT", ROWS_OF_A_SLICE)
            yield scene


@dataclass
class SchemaReader:
    """Answers with the schema that was read first: nothing here changes it, and queries on the same objects are made
    and compiled once, which would be two thirds of a night's time. Still reads each time, if `anew`, for the steps."""

    read: Callable[..., Schema]
    anew: bool = True
    known: dict[frozenset[str], Schema] = field(default_factory=dict)

    def __call__(self, connection: sa.Connection, tables: Iterable[str]) -> Schema:
        names = frozenset(tables)
        if self.anew or names not in self.known:
            self.known.setdefault(names, self.read(connection, sorted(names)))
        return self.known[names]


def _made_once() -> Callable[..., StagePlan]:
    """Stages are pure: those of one policy on one schema at one moment are the same."""
    known: dict[tuple[Any, ...], StagePlan] = {}

    def made(scene: Any, people: Any, stage: Any) -> StagePlan:
        asked = (scene.policy.hash, id(scene.schema), scene.calendar.now, scene.request, scene.erases, stage.name)
        return known[asked] if asked in known else known.setdefault(asked, StagePlan(scene, people, stage))

    return made


def _everybody() -> Sequence[str]:
    statements = [*people(*DUE), person(ACTIVE, LATELY), person(HELD)]
    for n in (*DUE, ACTIVE, HELD):
        statements += [
            f"INSERT INTO orders VALUES ({n}, {n}, '{'owed' if n == HELD else 'a chair'}')",
            f"INSERT INTO lines VALUES ({n}, {n}, 'legs')",
            f"INSERT INTO scans VALUES ({n}, {n}, '{n}.png', {repr('shared.png') if n in (1, ACTIVE) else 'NULL'})",
            f"INSERT INTO payments VALUES ({n}, {n}, '9001{n:08d}', 'for a chair', '{LATELY}')",
        ]
    statements += [
        f"INSERT INTO payments VALUES ({100 + n}, NULL, NULL, 'for a chair', '{LONG_AGO}')"
        for n in range(UNITS_OF_A_BATCH)
    ]
    statements += [f"INSERT INTO lines VALUES ({100 + n}, {HEAVY}, 'line {n}')" for n in range(ROWS_OF_A_SLICE + 4)]
    return statements
