"""The steps of slices, counted by what goes to the database, so that no function of merzim need be named.

A window is what lies between the commit of an intent and the end of the slice's transaction, in which the next
intent may be written. Before each statement of a transaction that writes, and before its COMMIT, there is a step.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa

from tests.integration.races.circle import COLUMNS, Circle
from tests.integration.small_operator import Operator

SEEN = (*COLUMNS, "hold", "gate", "advisory")


@dataclass(frozen=True)
class Step:
    """A step of the slices about Anna in a stage; `last`: the COMMIT of a slice that has its entry."""

    circle: Circle
    stage: str
    number: int
    last: bool = False


@dataclass
class Window:
    """One slice's transaction. `circle` is None for a slice that is not about an Anna."""

    circle: Circle
    stage: str
    anna: bool
    attempt: str
    written: bool = False
    over: bool = False


class Steps:
    """Tells of each step before it is made, and of each slice's end after it. `apart`: the steps before which something
    of the operator's was read, changed or locked since the step before; of two that nothing of the kind parts, an
    application can make no difference."""

    def __init__(self, operator: Operator, before: Callable[[Step], None], ended: Callable[[Window], None]) -> None:
        self._operator, self._before, self._ended = operator, before, ended
        self._announced = False
        self._window: Window | None = None
        self._seen = True
        self.apart: dict[tuple[Circle, str], list[int]] = {}
        self.counts: Counter[tuple[Circle, str]] = Counter()
        self.before_entry: Callable[[Window], object] = lambda _: None

    @contextmanager
    def watched(self, patch: pytest.MonkeyPatch) -> Iterator[None]:
        """While this lasts, everything merzim sends is counted."""
        engine = self._operator.tools.database.engine
        listeners: dict[str, Callable[..., None]] = {
            "before_cursor_execute": lambda by, cursor, statement, *more: self._statement(by, statement),
            "commit": self._commit,
            "rollback": self._roll_back,
            "checkin": lambda *_: self._end(),
        }
        for name, listener in listeners.items():
            sa.event.listen(engine, name, listener)
        copy = psycopg.Cursor.copy

        def counted(cursor: Any, *arguments: Any, **named: Any) -> Any:
            self._step()
            self._seen = True
            return copy(cursor, *arguments, **named)

        with patch.context() as patched:
            patched.setattr(psycopg.Cursor, "copy", counted)
            try:
                yield
            finally:
                for name, listener in listeners.items():
                    sa.event.remove(engine, name, listener)

    def _statement(self, connection: sa.Connection, statement: str) -> None:
        if not _writes(connection):
            return
        words = statement.replace('"', "").replace("`", "").split(maxsplit=3)
        into = words[2].rpartition(".")[2] if len(words) > 2 and words[:2] == ["INSERT", "INTO"] else ""
        ledger = self._operator.tools.ledger
        self._announced = self._announced or into == ledger.intent.name
        self._step()
        self._seen = any(word in statement for word in SEEN)
        if into == ledger.entry.name and self._window is not None:
            self._window.written = True
            self.before_entry(self._window)

    def _commit(self, connection: sa.Connection) -> None:
        if not _writes(connection):
            return
        self._step(last=True)
        if self._window is not None and self._window.written:
            self._window.over = True

    def _roll_back(self, connection: sa.Connection) -> None:
        if not _writes(connection):
            return
        self._announced = False
        if self._window is not None:
            self._window.over = True
            self._window.written = False

    def _step(self, last: bool = False) -> None:
        window = self._window
        if window is None or window.over or not window.anna:
            return
        place = (window.circle, window.stage)
        number = self.counts[place]
        self.counts[place] += 1
        if self._seen or last:
            self.apart.setdefault(place, []).append(number)
        self._before(Step(*place, number, last and window.written))

    def _end(self) -> None:
        """A connection came back: its transaction has ended, one way or the other."""
        window = self._window
        if window is not None and window.over:
            self._window = None
            self._ended(window)
        if self._announced:
            self._announced, self._window, self._seen = False, self._open(), True

    def _open(self) -> Window:
        """What the attempt announced last is about: the ledger says it."""
        intent, batch = self._operator.tools.ledger.intent, self._operator.tools.ledger.batch
        same = sa.and_(intent.c.run_id == batch.c.run_id, intent.c.batch == batch.c.number)
        query = (
            sa.select(intent.c.attempt, batch.c.stage, batch.c["keys"], batch.c.cursor, batch.c.skipped)
            .join_from(intent, batch, same)
            .order_by(intent.c.created_at.desc())
            .limit(1)
        )
        with sa.create_engine(self._operator.tools.database.engine.url, poolclass=sa.NullPool).connect() as connection:
            attempt, stage, keys, cursor, skipped = connection.execute(query).one()
        left = json.loads(keys)[int(cursor or 0) :] or json.loads(skipped)
        table = "payments" if stage == "payments" else "people"
        ((key,), *_) = left
        circle = Circle.of(table, key)
        person = key if table == "people" else key // 10
        return Window(circle, stage, person == circle.anna, attempt)


def _writes(connection: sa.Connection) -> bool:
    """Whether the transaction is one of those that may write."""
    options = connection.get_execution_options()
    return options.get("isolation_level") == "READ COMMITTED" or bool(options.get("merzim_write"))
