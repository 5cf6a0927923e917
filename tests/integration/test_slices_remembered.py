"""Rows that do not tell by their look whether they were done (invented names, redacted texts), while something else of
the same person waits: they are done once."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.integration.foreign_support import PEOPLE, people, rule, way_of
from tests.integration.small_operator import BOTH, LONG_AGO, NOW
from worker.pipeline import gathering

NOTES = "CREATE TABLE notes (id INTEGER PRIMARY KEY, person_id INTEGER REFERENCES people (id), body TEXT, author TEXT)"
TREATED = rule("redact: [body], invented name: [author]", "id, person_id", "notes")


class NeverEnds(Exception):
    """The slices go round in a circle."""


@pytest.mark.parametrize("dialect", BOTH)
def test_a_heavy_persons_redacted_rows_are_done_once(
    dialect: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gathering, "ROWS_LIMIT", 10)
    rows = [f"INSERT INTO notes VALUES ({n}, 1, 'ИИН 991231490611', 'x')" for n in range(25)]
    schema = [*people("name TEXT", "'x'"), NOTES, *rows]
    with way_of(dialect, tmp_path, schema, PEOPLE + TREATED + rule("nothing: [name]")) as way:
        slices: list[Any] = []

        def watch(progress: Any) -> None:
            slices.append(progress.slices)
            if len(slices) > 9:
                raise NeverEnds

        run = way.operator.usual_night(watch=watch)
        assert run.state == "done"
        done = [json.loads(e["counts"])["tables"] for e in way.operator.entries(run.run_id)]
        assert sum(tables["notes"]["depersonalised"] for tables in done if "notes" in tables) == 25
        assert way.operator.one("SELECT count(*) FROM notes WHERE body = 'ИИН [IIN]' AND author <> 'x'") == 25
        assert {s["remains"] for s in way.operator.ledger("tombstone", stage="foreign/profile")} == {False}


@pytest.mark.parametrize("dialect", BOTH)
def test_a_person_of_whom_a_row_stays_is_not_done_again_every_night(dialect: str, tmp_path: Path) -> None:
    """The person's own row stays while an order refers to it; the notes are done, and stay as they are."""
    schema = [
        *people("name TEXT", "'x'"),
        NOTES,
        "INSERT INTO notes VALUES (1, 1, 'ИИН 991231490611', 'x'), (2, 1, NULL, 'y')",
        "CREATE TABLE orders (id INTEGER PRIMARY KEY, person_id INTEGER REFERENCES people (id))",
        "INSERT INTO orders VALUES (1, 1)",
    ]
    policy = PEOPLE + TREATED + "      people: delete\nignore: {orders: kept by the accountant}\n"
    with way_of(dialect, tmp_path, schema, policy) as way:
        operator = way.operator
        assert operator.usual_night().state == "done"
        assert operator.ids("notes", "author <> 'x' AND author <> 'y'") == [1, 2]
        after = operator.contents()
        assert operator.plan(NOW).rows_due == 0
        operator.night()
        assert operator.contents() == after
        operator.sql(f"INSERT INTO notes VALUES (3, 1, 'ИИН 991231490611', '{LONG_AGO}')")
        operator.night()
        assert operator.one("SELECT body FROM notes WHERE id = 3") == "ИИН [IIN]"
