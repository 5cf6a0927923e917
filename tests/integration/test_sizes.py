"""Sizes: a person with very many rows, a very wide table, a very large value. Memory stays bounded, and so does every
transaction. Nothing here is timed."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.integration.foreign_support import PEOPLE, people, rule, way_of
from tests.integration.small_operator import BOTH, Operator
from worker.pipeline.gathering import ROWS_LIMIT

CHILDREN = 200_000
MANY = {
    "postgresql": f"INSERT INTO visits SELECT n, 1, 'note ' || n FROM generate_series(1, {CHILDREN}) n",
    "sqlite": f"""INSERT INTO visits WITH RECURSIVE many (n) AS
        (SELECT 1 UNION ALL SELECT n + 1 FROM many WHERE n < {CHILDREN}) SELECT n, 1, 'note ' || n FROM many""",
}


def measured(operator: Operator) -> Any:
    """The night in a process of its own, and what it says of itself."""
    operator.accustom()
    program = [sys.executable, "-m", "tests.integration.measured_night"]
    program += [str(operator.env_file), str(operator.folder / "policy.yaml")]
    root = Path(__file__).parents[2]
    done = subprocess.run(program, capture_output=True, text=True, check=False, cwd=root)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("dialect", BOTH)
def test_a_person_with_very_many_rows(dialect: str, tmp_path: Path) -> None:
    visits = "CREATE TABLE visits (id INTEGER PRIMARY KEY, person_id INTEGER REFERENCES people (id), note TEXT)"
    schema = [*people("name TEXT", "'x'"), visits, "CREATE INDEX of_person ON visits (person_id)", MANY[dialect]]
    policy = PEOPLE + "      visits: delete\n" + rule("nothing: [name]")
    with way_of(dialect, tmp_path, schema, policy) as way:
        said = measured(way.operator)
        assert (said["state"], said["rows"]) == ("done", CHILDREN + 2)
        assert said["slices"] >= CHILDREN / ROWS_LIMIT
        assert way.operator.one("SELECT count(*) FROM visits") == 0
        assert said["megabytes"] < 400


@pytest.mark.parametrize("dialect", BOTH)
def test_a_table_of_three_hundred_columns(dialect: str, tmp_path: Path) -> None:
    names = [f"c{n}" for n in range(298)]
    values = ", ".join(["'ИИН 991231490611'"] * 298)
    schema = people(", ".join(f"{name} TEXT" for name in names), values)
    treated = f"nothing: [{', '.join(names[:100])}], redact: [{', '.join(names[100:200])}]"
    policy = PEOPLE + rule(f"{treated}, 'constant \"-\"': [{', '.join(names[200:])}]")
    with way_of(dialect, tmp_path, schema, policy) as way:
        assert way.sentences() == []
        before = way.operator.contents()
        way.run()
        assert way.operator.rows("SELECT c0, c99, c100, c199, c200, c297 FROM people WHERE id = 1") == [
            (None, None, "ИИН [IIN]", "ИИН [IIN]", "-", "-")
        ]
        (run,) = {e["run_id"] for e in way.operator.ledger("entry")}
        for segment in way.operator.segments(run):
            way.operator.restore(segment)
        assert way.operator.contents() == before


LARGE = {
    "postgresql": """UPDATE people SET doc = ('{"a": "' || repeat('x', 52428800) || '"}')::jsonb WHERE id = 1""",
    "sqlite": """UPDATE people SET doc = '{"a": "' || hex(zeroblob(26214400)) || '"}' WHERE id = 1""",
}


@pytest.mark.parametrize("dialect", BOTH)
def test_a_json_value_of_fifty_megabytes(dialect: str, tmp_path: Path) -> None:
    kind = "JSONB" if dialect == "postgresql" else "JSON"
    schema = [*people(f"doc {kind}", "NULL"), LARGE[dialect]]
    with way_of(dialect, tmp_path, schema, PEOPLE + rule("nothing: [doc]")) as way:
        said = measured(way.operator)
        assert (said["state"], said["rows"]) == ("done", 1)
        assert way.operator.one("SELECT count(doc) FROM people") == 0
        assert said["megabytes"] < 700
