"""kpi.yaml against the operator's schema: every table, every column, every reference."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

import config
from config.loader import read_policy
from config.policy import Policy, TableRule
from worker.demo import make_schema
from worker.strategies.registry import resolve

KPI = Path(config.__file__).parent / "policies" / "kpi.yaml"


@pytest.fixture(scope="module")
def policy() -> Policy:
    return read_policy(KPI)


@pytest.fixture(scope="module")
def columns() -> dict[str, set[str]]:
    inspector = sa.inspect(operator())
    return {table: {column["name"] for column in inspector.get_columns(table)} for table in inspector.get_table_names()}


def operator() -> sa.Engine:
    engine = sa.create_engine("sqlite://", poolclass=sa.StaticPool)
    make_schema(engine)
    return engine


def rules(policy: Policy) -> Iterator[TableRule]:
    for stage in policy.stages.values():
        yield from stage.tables.values()


def test_every_table_is_treated_or_ignored(policy: Policy, columns: dict[str, set[str]]) -> None:
    treated = {rule.table for rule in rules(policy)}
    assert treated | set(policy.ignore) == set(columns)
    assert treated.isdisjoint(policy.ignore)


def test_every_column_of_a_depersonalised_table_is_named_once(policy: Policy, columns: dict[str, set[str]]) -> None:
    for rule in rules(policy):
        named = [*rule.keep, *(column for treatment in rule.treatments for column in treatment.columns)]
        if rule.operation == "depersonalise":
            assert sorted(named) == sorted(columns[rule.table]), rule.table


def test_every_reference_exists(policy: Policy, columns: dict[str, set[str]]) -> None:
    origins = [event for stage in policy.stages.values() for event in stage.origin.events]
    named = [event.column for event in (*policy.clock, *origins)]
    named += [end for link in policy.links for end in (link.source, link.target)]
    named += [column for kind in policy.identifiers.values() for place in kind for column in place]
    assert [str(column) for column in named if column.column not in columns[column.table]] == []


def test_files_and_done_stages_exist(policy: Policy, columns: dict[str, set[str]]) -> None:
    for stage in policy.stages.values():
        assert set(stage.origin.done) <= set(policy.stages)
    files = [(rule.table, rule.files) for rule in rules(policy) if rule.files]
    assert {treated.root for _, treated in files} == {"scans", "recordings"}
    assert all(set(treated.columns) <= columns[table] for table, treated in files)


def test_conditions_are_sql(policy: Policy) -> None:
    conditions = [(hold.exists, hold.where) for hold in policy.holds.values()]
    conditions += [(event.column.table, event.where) for event in policy.clock]
    conditions += [(link.source.table, link.where) for link in policy.links]
    conditions += [(rule.table, rule.where) for rule in rules(policy)]
    with operator().connect() as connection:
        for table, where in conditions:
            if where:
                connection.exec_driver_sql(f"SELECT 1 FROM {table} WHERE {where}")


def test_every_strategy_is_known(policy: Policy) -> None:
    for rule in rules(policy):
        for treatment in rule.treatments:
            assert resolve(treatment.spelling).spelling == treatment.spelling


def test_what_rests_on_law_or_contract_cites_no_clause_of_the_site(policy: Policy) -> None:
    for name in ("contract documents", "case", "payments", "messages", "recordings", "transfers"):
        stage = policy.stages[name]
        bases = [stage.basis or "", stage.archive.basis if stage.archive else ""]
        assert all(not basis.startswith("clause") for basis in bases), name
