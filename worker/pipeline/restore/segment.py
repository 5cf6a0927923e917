"""One segment goes back, in a transaction that is the caller's: a hold on everybody and everything restored (else the
next night would undo it), its rows parents before children, tombstones taken away, an entry written."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from config.catalogue import text
from config.policy import Stage
from worker.databases.constraints import insist, put_off
from worker.databases.facts import Schema
from worker.ledger.errors import LedgerError
from worker.ledger.keys import KeyCodec
from worker.pipeline.restore.choosing import Choice, Entry
from worker.pipeline.restore.dangling import dangling
from worker.pipeline.restore.loading import Loaded, LoadedSegment, Scratches, load
from worker.pipeline.restore.persons import Persons, key_of
from worker.pipeline.restore.policies import Policies, Under
from worker.pipeline.restore.putting import PutBack, TableRestored
from worker.pipeline.restore.recording import Covered, hold_restored, rows_of, wake, write_down
from worker.pipeline.restore.triggers import Watch, unnamed
from worker.pipeline.tools import Refused, Tools
from worker.plan.key_lists import bare, key_in
from worker.plan.keys import Key
from worker.plan.scene import by_person


@dataclass(frozen=True)
class Restored:
    """What a restore of one segment did, or with `done` false would do. `written` are rows that triggers wrote beside,
    by table."""

    segment: str
    done: bool
    tables: tuple[TableRestored, ...]
    holds: int
    written: dict[str, int]

    @property
    def changes(self) -> bool:
        """Whether anything was not as it should be already."""
        return bool(self.holds) or any(t.inserted or t.put_back for t in self.tables)


class Misfit(Refused):
    """The copies do not fit the tables as they are now; `problems` are all the reasons."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(dict.fromkeys(problems))
        super().__init__(text("restoring.misfit", problems="\n".join(self.problems)))


@dataclass(frozen=True)
class Meant:
    """What of a loaded segment goes back: tables, in the slice's order, with only the rows that are meant. `people` are
    the keys of the one person asked for, None where everybody is meant. `codec` is None where the units cannot be read:
    `trouble` says why."""

    stage: Stage
    unit: str
    tables: tuple[Loaded, ...]
    units: tuple[Key, ...]
    codec: KeyCodec | None
    trouble: str | None
    people: tuple[Key, ...] | None = None

    @property
    def problems(self) -> list[str]:
        """Why it cannot go back."""
        return [*(p for one in self.tables for p in one.problems), *([self.trouble] if self.trouble else [])]


@dataclass
class Segments:
    """Loads segments and puts them back. Policies and schema are read once, however many segments there are."""

    tools: Tools
    choice: Choice
    identities: Sequence[str]
    author: str

    def __post_init__(self) -> None:
        self._policies = Policies(self.tools)

    def restore(self, connection: sa.Connection, scratches: Scratches, entry: Entry) -> Restored | None:
        """Put one segment back; None if nothing of it is meant. Raises Misfit, Refused, Broken, ArchiveError and
        SQLAlchemy's errors; the caller then rolls back."""
        meant = self.meant(connection, scratches, entry)
        return self.put(connection, entry, meant) if meant is not None else None

    def put(self, connection: sa.Connection, entry: Entry, meant: Meant) -> Restored:
        """The same for a segment that is loaded."""
        policy = self._policies.of(connection, entry).policy
        tables, written = self.write(connection, entry, meant)
        holds = hold_restored(connection, self.tools, self._covered(connection, meant), self.author)
        self._wake(connection, meant, f"{policy.name}/{meant.stage.name}")
        write_down(connection, self.tools, policy, entry, tables)
        return Restored(entry["segment"], False, tuple(tables), holds, written)

    def write(
        self, connection: sa.Connection, entry: Entry, meant: Meant
    ) -> tuple[list[TableRestored], dict[str, int]]:
        """Only the rows; what became of them, and what triggers wrote beside."""
        under = self._policies.of(connection, entry)
        problems = meant.problems + unnamed(meant.tables, under.triggers)
        if problems:
            raise Misfit(problems)
        put_off(connection)
        watch = Watch.begin(connection, self.tools)
        # Parents before children: the other way round than the slice went.
        ways = [PutBack(connection, self.tools, under.policy, entry["stage"], one) for one in reversed(meant.tables)]
        tables = [way.write() for way in ways]
        insist(connection)
        for way, done in zip(ways, tables, strict=True):
            way.check(done)
        lost = dangling(connection, under.schema, meant.tables)
        if lost:
            raise Refused(text("restoring.refused", error=", ".join(lost)))
        return tables, watch.beside(_ours(tables), meant.tables, under.triggers)

    def meant(self, connection: sa.Connection, scratches: Scratches, entry: Entry) -> Meant | None:
        """Load a segment and take away what is not meant; None if nothing is left of it."""
        under = self._policies.of(connection, entry)
        policy, schema = under.policy, under.schema
        stage = policy.stages[entry["stage"]]
        unit = policy.subject.table if by_person(stage.origin) else stage.origin.events[0].column.table
        loaded = load(connection, self.tools, scratches, schema, entry, self.identities)
        meant = Meant(stage, unit, *_units(schema, unit, loaded))
        if self.choice.person is not None:
            meant = self._of_person(connection, under, loaded, meant)
        if self.choice.table is not None:
            meant = replace(meant, tables=tuple(t for t in meant.tables if t.name == self.choice.table))
        return meant if self.choice.whole or meant.tables else None

    def _of_person(self, connection: sa.Connection, under: Under, loaded: LoadedSegment, meant: Meant) -> Meant:
        assert self.choice.person is not None
        subject = under.policy.subject.table
        if subject not in under.schema.tables:
            raise Misfit([text("restoring.table_gone", table=subject)])
        key = key_of(under.schema, under.policy, self.choice.person)
        persons = Persons(connection, under.schema, under.policy, under.links, loaded.tables, key)
        people = persons.people()
        rows = [(one, persons.rows(one, people)) for one in loaded.tables]
        for one, keys in rows:  # only now: what one table keeps may lead to the rows of another
            if one.scratch is not None and one.facts is not None and set(one.facts.key) <= one.readable:
                columns = [one.scratch.c[c] for c in one.facts.key]
                connection.execute(sa.delete(one.scratch).where(sa.not_(key_in(columns, bare(keys)))))
        found = [one for one, keys in rows if keys]
        concerned = bool(found) or (by_person(meant.stage.origin) and not {*people}.isdisjoint(meant.units))
        unread = [one for one, _ in rows if concerned and one.scratch is None]
        tables = tuple(one for one in loaded.tables if one in found or one in unread)
        return replace(meant, tables=tables, people=tuple(people))

    def _covered(self, connection: sa.Connection, meant: Meant) -> list[Covered]:
        """Whom and what to hold: the people whose slice it was; in a stage by rows, or of one table, the rows."""
        assert meant.codec is not None
        if not by_person(meant.stage.origin) or self.choice.table is not None:
            rows = [rows_of(connection, one) for one in meant.tables]
            return [("row", meant.unit, meant.codec, meant.units), *rows] if self.choice.whole else rows
        return [("person", meant.unit, meant.codec, meant.units if meant.people is None else meant.people)]

    def _wake(self, connection: sa.Connection, meant: Meant, stage: str) -> None:
        assert meant.codec is not None
        whole = set(meant.units)
        if self.choice.table is not None:
            whole = set()
        elif meant.people is not None and by_person(meant.stage.origin):
            whole &= set(meant.people)
        elif meant.people is not None:
            of_unit = [one for one in meant.tables if one.name == meant.unit]
            whole &= {key for one in of_unit for key in rows_of(connection, one)[3]}
        wake(connection, self.tools, meant.codec, stage, [u for u in meant.units if u in whole], True)
        wake(connection, self.tools, meant.codec, stage, [u for u in meant.units if u not in whole], False)


def _units(
    schema: Schema, unit: str, loaded: LoadedSegment
) -> tuple[tuple[Loaded, ...], tuple[Key, ...], KeyCodec | None, str | None]:
    facts = schema.tables.get(unit)
    if facts is None:
        return loaded.tables, (), None, text("restoring.table_gone", table=unit)
    try:
        codec = KeyCodec.of([facts.column(c) for c in facts.key])
        return loaded.tables, tuple(codec.from_json(key) for key in loaded.header["units"]), codec, None
    except (ValueError, LedgerError):
        return loaded.tables, (), None, text("restoring.other_units", table=unit)


def _ours(tables: Sequence[TableRestored]) -> dict[str, int]:
    ours: dict[str, Any] = {}
    for t in tables:
        ours[t.table] = ours.get(t.table, 0) + t.inserted + t.put_back
    return ours
