"""Nights of the state machine: whole, broken off at some statement, or within a quota; and what each must have kept."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from tests.integration.races.circle import World
from tests.integration.races.judging import Archive, check_ledger
from tests.integration.races.promises import DUE, Promises
from tests.integration.races.variants import Variant
from tests.integration.small_operator import Operator
from worker.ledger.holds import list_active
from worker.pipeline.beginning import Wish
from worker.pipeline.night import Outcome, night
from worker.pipeline.tools import utc_now

REPEATS = {"payments": 2}  # by its own stage, and when the IIN is replaced that it follows


class Died(BaseException):
    """The process is gone: nothing that it would still have done is done."""


@dataclass
class Nights:
    """The operator under watch. `clocks`: the newest event of each person at the time when a night took them.
    `returned`: whom an admin has restored since."""

    operator: Operator
    variant: Variant
    clocks: dict[int, str] = field(default_factory=dict)
    judged: set[str] = field(default_factory=set)
    returned: set[int] = field(default_factory=set)

    def world(self) -> World:
        """Every row, in the database's words."""
        found: World = {}
        words = "CHAR" if self.operator.dialect == "mysql" else "TEXT"
        for table in self.variant.tables:
            columns = self.variant.columns(table)
            listed = ", ".join(f"CAST({c} AS {words})" for c in columns)
            for values in self.operator.rows(f"SELECT {listed} FROM {table}"):
                row = dict(zip(columns, values, strict=True))
                found[table, int(row["id"])] = row
        return found

    def promises(self, now: datetime) -> Promises:
        """The model of the moment."""
        with self.operator.tools.database.reading() as connection:
            holds = list_active(connection, self.operator.tools.ledger, utc_now())
        people = {h.key_number or int(h.key_text.rpartition(":")[2]) for h in holds if h.scope == "person"}
        rows = {(h.table_name, h.key_number) for h in holds if h.scope == "row"}
        return Promises(self.variant, self.world(), now.date(), people, rows, self.clocks)

    def whole(self, now: datetime, dies_at: int | None = None) -> Outcome | None:
        """A night; None if it died. Whatever it did, it kept the promises."""
        before = self.promises(now)
        try:
            with self._dying(dies_at):
                return night(self.operator.tools, self.operator.policy, Wish(now))
        except Died:
            return None
        finally:
            self._judge(before)

    @contextmanager
    def _dying(self, at: int | None) -> Iterator[None]:
        engine, left = self.operator.tools.database.engine, [at]

        def count(*_: Any) -> None:
            if left[0] is not None:
                left[0] -= 1
                if left[0] < 0:
                    raise Died

        sa.event.listen(engine, "before_cursor_execute", count)
        try:
            yield
        finally:
            sa.event.remove(engine, "before_cursor_execute", count)

    def _judge(self, before: Promises) -> None:
        """Who must not be touched was not, and each change was archived as often as it was made, first as it was."""
        after = self.world()
        changed = {place for place, row in before.world.items() if after.get(place) != row}
        assert not after.keys() - before.world.keys()
        assert not changed & before.untouchable(), f"touched: {sorted(changed & before.untouchable())}"
        copies: dict[tuple[str, int], list[dict[str, str | None]]] = {}
        archive = Archive(self.operator)
        for entry in sorted(self.operator.ledger("entry"), key=lambda e: (e["batch"], e["slice"])):
            if entry["attempt"] not in self.judged:
                self.judged.add(entry["attempt"])
                for place, row in archive.of(entry["attempt"]).items():
                    copies.setdefault(place, []).append(row)
        assert copies.keys() == changed, f"changed or archived only: {sorted(copies.keys() ^ changed)}"
        for (table, key), rows in copies.items():
            assert rows[0] == before.world[table, key], f"{table} {key} was not archived as it was"
            assert len(rows) <= REPEATS.get(table, 1), f"{table} {key} was archived {len(rows)} times"
            if table == "people":
                self.clocks[key] = max(before.events(key))
                self.returned.discard(key)
        check_ledger(self.operator)

    def restore(self, place: int) -> None:
        """An admin puts a segment back, whichever stands at that place."""
        entries = [e for e in self.operator.ledger("entry") if e["segment"]]
        if entries:
            entry = entries[place % len(entries)]
            self.operator.restore(entry["segment"])
            self.returned |= {key for table, key in Archive(self.operator).of(entry["attempt"]) if table == "people"}

    def check_stones(self) -> None:
        """Whom a night took, the ledger remembers, until they are restored."""
        taken = {key for key in self.clocks if ("people", key) in self.world()} - self.returned
        stones = self.operator.ledger("tombstone", stage="circle/profile")
        forgotten = taken - {s["key_number"] or int(s["key_text"].rpartition(":")[2]) for s in stones}
        assert not forgotten, f"no tombstone: {sorted(forgotten)}"


def due_people(promises: Promises) -> set[int]:
    """Who may be touched."""
    return {p for p in promises.of("people") if promises.verdict(p) == DUE}
