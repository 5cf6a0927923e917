"""An application at work while the night runs: sessions that read and write random people by key, and remember it."""

import random
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from tests.integration.races.circle import Circle
from tests.integration.small_operator import LATELY, LONG_AGO, Operator

# The first slice of a stage in a process holds its locks while queries are built, which takes a second and more on a
# busy machine: the ceiling of a quarter of a second would not be kept.
PATIENCE = {"postgresql": "SET lock_timeout = '5s'", "mysql": "SET SESSION innodb_lock_wait_timeout = 5"}
NEW_ROWS_FROM = 1_000_000
THINKING_SECONDS = 0.005
SELDOM = 0.02


@dataclass(eq=False)
class Session(threading.Thread):
    """One session with people of its own. `names`: the last name that it gave to somebody; `active`: whom it let log
    in, with the name that they had at that moment; `read`: letters that it marked; `errors`: whatever the database
    answered instead of doing it."""

    operator: Operator
    circles: Sequence[Circle]
    number: int
    names: dict[int, str] = field(default_factory=dict)
    active: dict[int, str] = field(default_factory=dict)
    read: set[int] = field(default_factory=set)
    errors: list[str] = field(default_factory=list)
    writes: int = 0

    def __post_init__(self) -> None:
        super().__init__(daemon=True)
        self._enough = threading.Event()
        self._random = random.Random(self.number)

    def run(self) -> None:
        """Write until it is enough."""
        engine = sa.create_engine(self.operator.tools.database.engine.url, poolclass=sa.NullPool)
        with engine.connect() as connection:
            connection.exec_driver_sql(PATIENCE[self.operator.dialect])
            connection.commit()
            while not self._enough.wait(THINKING_SECONDS):
                circle = self._random.choice(self.circles)
                try:
                    self._act(connection, circle, self._random.choice((circle.anna, circle.twin, circle.clara)))
                    self.writes += 1
                except SQLAlchemyError as error:
                    connection.rollback()
                    self.errors.append(f"{type(error).__name__}: {getattr(error, 'orig', error)}")

    def stop(self) -> None:
        """It is enough; wait until the last statement is over."""
        self._enough.set()
        self.join()

    def _act(self, connection: sa.Connection, circle: Circle, person: int) -> None:
        new = NEW_ROWS_FROM * (self.number + 1) + self.writes
        if self._random.random() < SELDOM:
            self._log_in(connection, person)
        elif self._random.random() < SELDOM:
            connection.exec_driver_sql(f"INSERT INTO payments VALUES ({new}, NULL, '{circle.iin}', '{LATELY}', 'new')")
            connection.commit()
        else:
            self._random.choice((self._rename, self._rename, self._read, self._visit, self._look))(
                connection, person, new
            )

    def _log_in(self, connection: sa.Connection, person: int) -> None:
        connection.exec_driver_sql(f"UPDATE people SET seen_at = '{LATELY}' WHERE id = {person}")
        name = connection.exec_driver_sql(f"SELECT name FROM people WHERE id = {person}").scalar_one()
        connection.commit()
        self.active[person] = name

    def _rename(self, connection: sa.Connection, person: int, new: int) -> None:
        connection.exec_driver_sql(f"UPDATE people SET name = 'Name {new}' WHERE id = {person}")
        connection.commit()
        self.names[person] = f"Name {new}"

    def _read(self, connection: sa.Connection, person: int, new: int) -> None:
        letter = person * 10
        done = connection.exec_driver_sql(f"UPDATE letters SET note = 'read' WHERE id = {letter}").rowcount
        connection.commit()
        if done:
            self.read.add(letter)

    def _visit(self, connection: sa.Connection, person: int, new: int) -> None:
        connection.exec_driver_sql(f"INSERT INTO visits VALUES ({new}, {person}, '{LONG_AGO}', 'new')")
        connection.commit()

    def _look(self, connection: sa.Connection, person: int, new: int) -> None:
        connection.exec_driver_sql(f"SELECT * FROM people WHERE id = {person}").all()
        connection.rollback()
