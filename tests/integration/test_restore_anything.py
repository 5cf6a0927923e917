"""Whatever a table looks like and whatever stands in it: a night takes it, a restore brings it back, letter by letter.

MERZIM_TEST_EXAMPLES sets how many databases are made up; a usual run has few, since each goes the whole way.
"""

import json
import os
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.integration.generated_tables import Generated, tables
from tests.integration.small_operator import LONG_AGO, Operator, operator_on
from tests.integration.test_restore_types import PEOPLE, PEOPLE_RULE, POLICY
from worker.archive.keys import read_identities
from worker.pipeline.restoring import Choice, Restoring

EXAMPLES = int(os.environ.get("MERZIM_TEST_EXAMPLES", "6"))
TYPES = (
    "CREATE TYPE mood AS ENUM ('glad', 'so so', 'көңілді', '''')",
    "CREATE DOMAIN plate AS varchar(8) CHECK (VALUE ~ '^[0-9A-Z]+$')",
)
some = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # to make a failure smaller would take hundreds of nights
)


@pytest.fixture(scope="module")
def sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    yield from operator_on("sqlite", tmp_path_factory.mktemp("anything"), PEOPLE, POLICY)


@pytest.fixture(scope="module")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    yield from operator_on("postgresql", tmp_path_factory.mktemp("anything"), [*PEOPLE, *TYPES], POLICY)


@some
@given(st.lists(tables("sqlite"), min_size=1, max_size=3))
def test_anything_comes_back_on_sqlite(sqlite: Operator, made: list[Generated]) -> None:
    comes_back(sqlite, made)


@some
@given(st.lists(tables("postgresql"), min_size=1, max_size=3))
def test_anything_comes_back_on_postgresql(postgresql: Operator, made: list[Generated]) -> None:
    comes_back(postgresql, made)


def comes_back(operator: Operator, made: Sequence[Generated]) -> None:
    operator.tools.database.engine.dispose()  # tables of these names had other types
    person = len(operator.ids("people")) + 1  # a new one each time: those before are held
    names = [f"table_{i}" for i in range(len(made))]
    rules = [rule(name, one) for name, one in zip(names, made, strict=True)]
    operator.policy_text = POLICY + "".join(rules) + PEOPLE_RULE
    (operator.folder / "policy.yaml").write_text(operator.policy_text)
    operator.sql(f"INSERT INTO people VALUES ({person}, 'Name', '{LONG_AGO}')")
    operator.sql(*(s for name, one in zip(names, made, strict=True) for s in one.create(name, operator.dialect)))
    try:
        with operator.tools.database.writing() as connection:
            for name, one in zip(names, made, strict=True):
                for statement, values in one.insert(name, operator.dialect, person):
                    connection.exec_driver_sql(statement, tuple(values))
        there_and_back(operator, made)
    finally:
        operator.sql(*(f"DROP TABLE {name}" for name in names))


def there_and_back(operator: Operator, made: Sequence[Generated]) -> None:
    before = operator.contents()
    operator.accustom()  # each policy is another one: two people would have to approve what it adds
    run = operator.approved_night()
    after = operator.contents()
    assert run.state == "done"
    for i, one in enumerate(made):
        if one.deleted:
            assert after[f"table_{i}"] == []
    work = Restoring(operator.tools, Choice(run_id=run.run_id), read_identities(operator.identity_file), "an admin")
    work.rehearse()
    assert operator.contents() == after
    work.apply()
    assert operator.contents() == before
    assert all(t.changed_since == 0 for r in work.done for t in r.tables)


def rule(name: str, one: Generated) -> str:
    if one.deleted:
        return f"      {name}: delete\n"
    kept = ["person_id", *(f"{p}{i}" for p in ("k", "up") for i in range(len(one.key)))]
    treated = json.dumps([column for column, _ in one.columns], ensure_ascii=False)
    return f"      {name}: {{depersonalise: {{keep: {json.dumps(kept)}, nothing: {treated}}}}}\n"
