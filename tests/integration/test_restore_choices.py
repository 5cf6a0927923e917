"""What goes back: a run, a person, a table, and what they have in common; tried first, and all problems at once."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.integration.small_operator import BOTH, LATELY, NOW, SHOP_POLICY, Operator, operator_on, people, person
from worker.archive.errors import ArchiveError
from worker.archive.keys import read_identities
from worker.pipeline.restoring import Choice, Restored, Restoring
from worker.pipeline.tools import Refused

OLD = "2020-01-01 00:00:00"
# Lines go a year before the rest of the person: two nights, two copies, and one leads to the person over the other.
LINES = """\
  lines:
    from: lines.ended_at
    term: 4 years
    basis: contract
    archive: {term: 30 days, basis: clause 3.4}
    tables:
      lines: delete
"""


def fill(operator: Operator) -> Operator:
    operator.sql(
        *people(1, 2),
        person(3, iin="900100000001"),  # the same person as 1
        person(9, LATELY),
        "INSERT INTO orders VALUES (1, 1, 'first'), (2, 2, 'second'), (3, 9, 'stays'), (4, 3, 'of the twin')",
        "INSERT INTO lines VALUES (1, 1, 'a'), (2, 1, 'b'), (3, 3, 'stays'), (4, 2, 'c')",
        f"INSERT INTO payments VALUES (1, NULL, '900100000002', 'for', '{OLD}')",
        f"INSERT INTO payments VALUES (2, 2, '900100000001', 'shared', '{OLD}')",
        f"INSERT INTO letters VALUES (1, 'p2@mail.kz', '{OLD}')",
    )
    return operator


@pytest.fixture(params=BOTH)
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Operator]:
    yield from map(fill, operator_on(request.param, tmp_path))


def restoring(operator: Operator, apply: bool = True, **choice: Any) -> Restoring:
    work = Restoring(operator.tools, Choice(**choice), read_identities(operator.identity_file), "an admin")
    work.rehearse()
    if apply:
        work.apply()
    return work


def brought_back(results: list[Restored]) -> dict[str, int]:
    found: dict[str, int] = {}
    for t in (t for r in results for t in r.tables):
        found[t.table] = found.get(t.table, 0) + t.inserted + t.put_back
        assert t.changed_since == 0
    return found


def holds(operator: Operator) -> set[tuple[str, str, int]]:
    return {(h["scope"], h["table_name"], h["key_number"]) for h in operator.ledger("hold")}


def test_a_run_comes_back_as_it_was(shop: Operator) -> None:
    before = shop.contents()
    run = shop.usual_night()
    after = shop.contents()
    dry = restoring(shop, apply=False, run_id=run.run_id)
    assert shop.contents() == after
    done = restoring(shop, run_id=run.run_id)
    assert shop.contents() == before
    assert [(r.segment, r.tables, r.holds) for r in done.done] == [(r.segment, r.tables, r.holds) for r in dry.found]
    assert len(done.done) == len(shop.segments(run.run_id)) == 3
    assert shop.ledger("tombstone") == []
    assert shop.cli("ledger", "verify").returncode == 0


def test_what_stopped_goes_on(shop: Operator) -> None:
    before = shop.contents()
    run = shop.usual_night()

    def stop(number: int, count: int) -> None:
        if number == 2:
            raise KeyboardInterrupt

    work = Restoring(shop.tools, Choice(run_id=run.run_id), read_identities(shop.identity_file), "an admin")
    work.rehearse()
    work.told = stop
    with pytest.raises(KeyboardInterrupt):
        work.apply()
    assert len(work.done) == 1
    runs = len(shop.ledger("run", kind="restore"))
    again = restoring(shop, run_id=run.run_id)
    assert shop.contents() == before
    assert [r.changes for r in again.done] == [False, True, True]
    assert len(shop.ledger("run", kind="restore")) == runs + 2  # who finds all there writes nothing


def test_a_person_comes_back_with_everything_that_leads_to_them(shop: Operator) -> None:
    before = shop.contents()
    shop.usual_night()
    after = shop.contents()
    done = restoring(shop, person="2")
    # Payments have changed twice: the payer's IIN with the person, the rest by themselves. The shared payment is theirs
    # too; the letter only shares an e-mail, which makes nothing theirs.
    assert brought_back(done.done) == {"people": 1, "orders": 1, "lines": 1, "payments": 4}
    assert [r for r in shop.contents()["people"] if "p2@mail.kz" in r] == [
        r for r in before["people"] if "p2@mail.kz" in r
    ]
    assert (shop.ids("orders"), shop.ids("lines"), shop.ids("letters")) == ([2, 3], [3, 4], [])
    assert shop.contents()["payments"] == before["payments"]
    assert shop.ids("people", "name = ''") == [1, 3]
    assert holds(shop) == {("person", "people", 2), ("row", "payments", 1), ("row", "payments", 2)}
    assert 2 not in [t["key_number"] for t in shop.ledger("tombstone") if t["stage"] == "shop/profile"]
    restoring(shop, person="1")
    restoring(shop, table="letters")
    assert shop.contents() == before
    assert after != before


def test_two_rows_of_one_person_come_back_together(shop: Operator) -> None:
    before = shop.contents()
    shop.usual_night()
    done = restoring(shop, person="3")
    assert brought_back(done.done) == {"people": 2, "orders": 2, "lines": 2, "payments": 2}
    assert shop.ids("people", "iin = '900100000001'") == [1, 3]
    assert {("person", "people", 1), ("person", "people", 3)} <= holds(shop)
    assert shop.contents()["lines"] != before["lines"]


def test_a_person_who_is_held_stays_and_goes_again_once_released(shop: Operator) -> None:
    shop.usual_night()
    restoring(shop, person="2")
    restored = shop.contents()
    assert shop.night().state == "done"
    assert shop.contents() == restored
    shop.release()
    assert shop.night().state == "done"
    assert (shop.ids("orders"), shop.ids("lines")) == ([3], [3])
    assert shop.ids("people", "name = ''") == [1, 2, 3]


def test_rows_of_an_older_copy_lead_over_a_newer_one(tmp_path: Path) -> None:
    policy = SHOP_POLICY.replace("      lines: delete\n", "").replace(
        "term: 3 years\n    basis", "term: 4 years\n    basis", 1
    )
    for shop in operator_on("postgresql", tmp_path, policy=policy + LINES):
        shop.sql("ALTER TABLE lines ADD COLUMN ended_at TIMESTAMP")
        fill(shop)
        shop.sql(f"UPDATE lines SET ended_at = '{OLD}'", "UPDATE people SET seen_at = '2022-06-30' WHERE id < 9")
        before = shop.contents()
        first = shop.usual_night(NOW - timedelta(days=3))
        assert (shop.ids("lines"), shop.ids("orders")) == ([3], [1, 2, 3, 4])
        second = shop.night(NOW)
        assert shop.ids("orders") == [3]
        assert first.run_id != second.run_id
        done = restoring(shop, person="1")
        assert brought_back(done.done) == {"people": 2, "orders": 2, "lines": 2, "payments": 1}
        assert shop.ids("lines") == [1, 2, 3]
        restoring(shop, person="2")
        restoring(shop, table="letters")
        assert shop.contents() == before


def test_a_table_comes_back_alone_and_goes_again(shop: Operator) -> None:
    before = shop.contents()
    shop.usual_night()
    with pytest.raises(Refused, match="refer to is gone"):
        restoring(shop, table="lines")
    done = restoring(shop, table="orders")
    assert brought_back(done.done) == {"orders": 3}
    assert shop.contents()["orders"] == before["orders"]
    assert holds(shop) == {("row", "orders", 1), ("row", "orders", 2), ("row", "orders", 4)}
    stones = [t for t in shop.ledger("tombstone") if t["stage"] == "shop/profile"]
    assert [t["remains"] for t in stones] == [True] * 3  # forgotten, the people's clocks would be forgotten too
    assert None not in [t["clock"] for t in stones]
    restoring(shop, table="lines", person="1")
    assert shop.ids("lines") == [1, 2, 3]
    kept = shop.contents()
    assert shop.night().state == "done"
    assert shop.contents() == kept
    shop.release()
    assert shop.night().state == "done"
    assert (shop.ids("orders"), shop.ids("lines")) == ([3], [3])


def test_all_problems_of_all_copies_are_told_before_the_first_change(shop: Operator) -> None:
    run = shop.usual_night()
    shop.sql(
        "ALTER TABLE letters ADD COLUMN sort INTEGER",
        "ALTER TABLE payments RENAME COLUMN purpose TO reason",
        "DROP TABLE lines",
    )
    spoil(shop, copy_of(shop, run.run_id, "letters"))
    before = shop.contents()
    with pytest.raises(Refused) as refused:
        restoring(shop, run_id=run.run_id)
    said = str(refused.value)
    assert "The column payments.purpose is gone." in said
    assert "The table lines is gone." in said
    assert "is not the file that was sealed" in said
    assert (shop.contents(), shop.ledger("hold")) == (before, [])


def test_what_is_not_meant_may_be_misfit(shop: Operator) -> None:
    shop.usual_night()
    shop.sql("DROP TABLE letters", "ALTER TABLE payments RENAME COLUMN purpose TO reason")
    assert brought_back(restoring(shop, table="orders").done) == {"orders": 3}
    with pytest.raises(Refused, match=r"payments\.purpose is gone"):
        restoring(shop, person="1")


def test_a_copy_whose_term_has_ended_may_be_gone(shop: Operator) -> None:
    run = shop.usual_night()
    gone = copy_of(shop, run.run_id, "letters")
    gone.unlink()
    assert restoring(shop, person="1").gone == 1
    with pytest.raises(ArchiveError, match="The archive has no segment"):
        restoring(shop, segment=shop.segments(run.run_id)[-1])


def copy_of(shop: Operator, run_id: str, stage: str) -> Path:
    (entry,) = [e for e in shop.entries(run_id) if e["stage"] == stage]
    assert shop.tools.store is not None
    return Path(shop.tools.store.folder / entry["segment"])


def spoil(shop: Operator, path: Path) -> None:
    content = path.read_bytes()
    path.chmod(0o600)
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))


def test_the_command_says_what_it_did(shop: Operator) -> None:
    run = shop.usual_night()
    identity = ("--identity", str(shop.identity_file))
    nothing = shop.cli("archive", "restore", *identity)
    assert (nothing.returncode, nothing.stdout) == (2, "")
    assert "--person" in nothing.stderr
    tried = shop.cli("archive", "restore", "--run", run.run_id, "--person", "2", *identity)
    assert (tried.returncode, tried.stderr) == (0, "")
    said = json.loads(tried.stdout)
    assert (said["done"], said["gone"]) == (False, 0)
    assert {t["table"]: t["inserted"] + t["put_back"] for t in said["tables"]} == {
        "people": 1,
        "orders": 1,
        "lines": 1,
        "payments": 4,
    }
    done = shop.cli("archive", "restore", "--run", run.run_id, "--person", "2", "--apply", *identity)
    assert json.loads(done.stdout)["done"] is True
    assert (shop.ids("orders"), done.returncode) == ([2, 3], 0)
    for option, value, sentence in (
        ("--person", "x", "cannot have this value"),
        ("--person", "77", "nothing to restore"),
        ("--table", "nowhere", "nothing to restore"),
        ("--run", "none", "no copies of what was asked for"),
    ):
        refused = shop.cli("archive", "restore", option, value, *identity)
        assert (refused.returncode, refused.stdout) == (2, "")
        assert sentence in refused.stderr
