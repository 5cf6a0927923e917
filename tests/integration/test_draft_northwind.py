"""A database of 20 tables as people have them: drafted, finished by hand, and its night compared with a calculation of
our own. `tests/data/northwind.yaml` is what the hand made of the draft in five minutes."""

from datetime import datetime
from pathlib import Path
from typing import Any

from config.loader import load_policy
from tests.integration.draft_support import agree, drafted, problems, use
from tests.integration.foreign_support import Way
from tests.integration.northwind import rows, schema

POLICY = (Path(__file__).parents[1] / "data" / "northwind.yaml").read_text()
TERM_ENDED = datetime(2023, 6, 30, 19)  # three years before the night's day began in Almaty


def due(way: Way) -> set[int]:
    """Who bought something, all of it before the term, and paid it all."""
    bought: dict[int, list[tuple[datetime, Any]]] = {}
    for person, at, paid in way.operator.rows("SELECT customer_id, order_date, paid_date FROM orders"):
        bought.setdefault(person, []).append((at, paid))
    return {p for p, all_ in bought.items() if all(at < TERM_ENDED and paid is not None for at, paid in all_)}


def by_key(way: Way, table: str, owner: str) -> dict[Any, tuple[int, dict[str, Any]]]:
    """Rows of a table by key, each with its customer."""
    query = f"SELECT id, {owner}, row_to_json({table}) FROM {table}"
    return {key: (person, row) for key, person, row in way.operator.rows(query)}


def test_northwind_is_drafted_finished_by_hand_and_its_night_is_right(tmp_path: Path) -> None:
    with drafted("postgresql", tmp_path, [*schema(), *rows(), "ANALYZE"]) as (way, draft):
        guessed, finished = load_policy(agree(draft), "draft.yaml"), load_policy(POLICY, "northwind.yaml")
        assert {n: set(s.tables) for n, s in guessed.stages.items()} == {
            n: set(s.tables) for n, s in finished.stages.items()
        }
        assert (guessed.subject, guessed.clock, set(guessed.ignore)) == (
            finished.subject,
            finished.clock,
            set(finished.ignore),
        )
        use(way, POLICY)
        assert problems(way) == []
        expected = due(way)
        assert 10 < len(expected) < 30
        order_of = "(SELECT customer_id FROM orders WHERE orders.id = inventory_transactions.customer_order_id)"
        owners = {"customers": "id", "orders": "customer_id", "inventory_transactions": order_of}
        before = {table: by_key(way, table, owner) for table, owner in owners.items()}
        rest = {t: r for t, r in way.operator.contents().items() if t not in owners}
        way.run()
        after = {table: by_key(way, table, owner) for table, owner in owners.items()}
        assert {t: r for t, r in way.operator.contents().items() if t not in owners} == rest
        for table, found in before.items():
            changed = {key for key, row in found.items() if after[table][key] != row}
            assert changed == {key for key, (person, _) in found.items() if person in expected}, table
        for person, row in (row for table in after.values() for row in table.values() if row[0] in expected):
            told = str(row)
            for secret in (f"Last{person}'", f"First{person}'", f"c{person}@mail.kz", f"{person:03d}'", "Street"):
                assert secret not in told, (secret, told)
            assert f"Company {person}" not in told
