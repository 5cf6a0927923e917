"""One operator's database and installation for all cases of a test process, emptied between two cases."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from config.names import join_names
from tests.integration.generated.case import Case, HandHold, Key, Value
from tests.integration.generated.model_links import World
from tests.integration.generated.writing import policy, quoted, schema
from tests.integration.small_operator import Operator, operator_on
from worker.bootstrap import create_ledger


@dataclass(repr=False)
class House:
    """The operator, and a copy of the SQLite file with an empty ledger."""

    operator: Operator
    empty: bytes

    def furnish(self, case: Case) -> None:
        """Make the database what the case says, with an empty ledger and an empty archive."""
        self.operator.tools.database.engine.dispose()  # tables of these names had other types
        operator = self.operator
        for folder in ("spool", "archive"):
            shutil.rmtree(operator.folder / folder, ignore_errors=True)
        if case.dialect == "sqlite":
            operator.tools.database.engine.dispose()
            path = operator.folder / "operator.sqlite"
            path.write_bytes(self.empty)
            with sqlite3.connect(path) as connection:  # keys are not looked at while rows are loaded
                for statement in schema(case):
                    connection.execute(statement)
            connection.close()
        else:
            operator.sql("DROP SCHEMA public, merzim CASCADE; CREATE SCHEMA public")
            create_ledger(operator.installation)
            operator.sql(*schema(case))
        operator.policy_text = policy(case)
        (operator.folder / "policy.yaml").write_text(operator.policy_text)

    def hold(self, hand: HandHold) -> None:
        """Place a hold by hand."""
        key = None if hand.key is None else ",".join(map(str, hand.key))
        self.operator.hold(hand.scope, join_names(hand.table), key)

    def world(self, case: Case) -> World:
        """Every row of the operator, its values as the database writes them."""
        found: World = {}
        for table in case.tables.values():
            names = [c.name for c in table.columns]
            cast = {c.name: c.kind in ("int", "number") for c in table.columns}
            listed = ", ".join(quoted(n) if cast[n] else f"CAST({quoted(n)} AS TEXT)" for n in names)
            rows = [
                dict(zip(names, r, strict=True))
                for r in self.operator.rows(f"SELECT {listed} FROM {quoted(table.name)}")
            ]
            found[table.name] = {_key(row, table.key): row for row in rows}
        return found


def _key(row: dict[str, Value], names: tuple[str, ...]) -> Key:
    return tuple(row[n] for n in names)


@contextmanager
def house(dialect: str, folder: Path) -> Iterator[House]:
    """A house for cases of one database."""
    for operator in operator_on(dialect, folder, ()):
        operator.tools.database.engine.dispose()
        path = folder / "operator.sqlite"
        yield House(operator, path.read_bytes() if path.exists() else b"")
