"""No statement of a slice reads a large table from end to end for its few rows: asked of the planner itself, for every
statement of real slices, over databases of many shapes."""

from pathlib import Path

import pytest

from tests.integration.plans_shapes import SHAPES, numbers
from tests.integration.plans_support import slices_of
from tests.integration.small_operator import BOTH, Operator, operator_on

CASES = [(name, dialect) for name, shape in SHAPES.items() for dialect in shape.dialects]
TOMBSTONES, HOLDS = 200_000, 20_000


def assert_index_bound(operator: Operator) -> None:
    """A night whose slices are looked at."""
    with slices_of(operator) as slices:
        outcome = operator.usual_night()
    assert outcome.state == "done", outcome.reason
    assert outcome.progress.units > 0
    assert all(len(s.statements) > 5 for s in slices)
    assert slices
    scans = sorted({(what, query) for s in slices for what, query in s.scans})
    (operator.folder / "scans.sql").write_text("\n\n".join(f"-- {what}\n{query};" for what, query in scans))
    assert [what for what, _ in scans] == [], operator.folder / "scans.sql"


@pytest.mark.parametrize(("name", "dialect"), CASES)
def test_a_slice_reads_no_large_table_from_end_to_end(name: str, dialect: str, tmp_path: Path) -> None:
    shape = SHAPES[name]
    for operator in operator_on(dialect, tmp_path, [*shape.schema(dialect), "ANALYZE"], shape.policy):
        assert_index_bound(operator)


@pytest.mark.parametrize("dialect", BOTH)
@pytest.mark.parametrize("name", ["integer", "composite"])
@pytest.mark.parametrize("old_statistics", [False, True], ids=["known", "statistics older than the night"])
def test_a_slice_reads_no_large_ledger_from_end_to_end(
    name: str, dialect: str, old_statistics: bool, tmp_path: Path
) -> None:
    shape = SHAPES[name]
    for operator in operator_on(dialect, tmp_path, shape.schema(dialect), shape.policy):
        ledger = "merzim." if dialect == "postgresql" else "merzim_"
        key = "-i, ''" if name == "integer" else "0, '1:1' || length(CAST(-i AS TEXT)) || ':' || -i"
        clock = "CAST('2015-05-05' AS TIMESTAMP)" if dialect == "postgresql" else "'2015-05-05 00:00:00.000000'"
        person = "CASE WHEN i % 2 = 0 THEN 'person' ELSE 'row' END"
        operator.sql(
            *(["ANALYZE"] if old_statistics else []),
            f"INSERT INTO {ledger}tombstone"
            " (stage, key_number, key_text, clock, done_at, remains, run_id, batch, slice)"
            f" SELECT 'foreign/profile', {key}, {clock}, {clock}, true, 'x', 1, 1 FROM {numbers(dialect, TOMBSTONES)}",
            f"INSERT INTO {ledger}hold (id, scope, table_name, key_number, key_text, reason, author, placed_at)"
            f" SELECT CAST(i AS TEXT), {person}, 'people', {key}, 'x', 'x', {clock} FROM {numbers(dialect, HOLDS)}",
            *([] if old_statistics else ["ANALYZE"]),
        )
        assert_index_bound(operator)
