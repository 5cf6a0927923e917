"""Every person of fates.csv has met their fate, and nothing else was touched ("Done when" of the night)."""

from typing import Any

import pytest

from tests.acceptance.conftest import Installation
from tests.acceptance.fates import NIGHTS, Fate, fates_at
from tests.acceptance.filler import ROWS
from tests.acceptance.judging import differences, files_on_disk, files_that_stay
from tests.acceptance.residue import needles, residue

THE_DAY_AFTER = "2023-03-01T23:30:00+05:00"  # the night on which most people's term has just ended
ACTED = ("depersonalised", "deleted", "archived")
AS_MERZIM_CALLS_IT = {"law": "blocked by law", "hand": "by hand"}


@pytest.mark.parametrize("now", [now for now in NIGHTS if now != THE_DAY_AFTER])
def test_every_row_meets_its_fate(installation: Installation, now: str) -> None:
    judge(installation, now)


def test_a_second_run_with_the_same_now_changes_nothing(installation: Installation) -> None:
    database, merzim = installation.database, installation.merzim
    first = judge(installation, THE_DAY_AFTER)
    after = database.picture()

    again = merzim.json("run", "--now", THE_DAY_AFTER)
    assert again["run"] != first["run"]
    assert {word: again["counts"][word] for word in ACTED} == dict.fromkeys(ACTED, 0)
    assert database.picture() == after

    merzim("report", first["run"], "--form", "html", "--output", str(database.folder / "reports" / "night.html"))
    merzim("report", first["run"], "--form", "json")
    merzim("explain", "--key", "1", "--now", THE_DAY_AFTER)
    assert_no_residue(installation, fates_of(installation, THE_DAY_AFTER))


def judge(installation: Installation, now: str) -> Any:
    """A night at `now` on the people of people.py; what `run` printed."""
    database, merzim = installation.database, installation.merzim
    fates = fates_of(installation, now)
    before = database.picture()

    plan = merzim.json("plan", "--now", now)
    assert database.picture() == before, "a plan writes nothing"
    night = merzim.json("run", "--now", now, "--approve", plan["fingerprint"])

    assert differences(before, database.picture(), fates) == []
    assert night["state"] == "done"
    assert people_held(plan) == people_expected_to_be_held(fates)
    assert not undecidable(fates) - quarantined(installation)
    assert files_on_disk(database.folder) == files_that_stay(before, fates)
    assert_no_residue(installation, fates)
    return night


def fates_of(installation: Installation, now: str) -> dict[tuple[str, int], Fate]:
    """The lines about rows that this database can store."""
    rows = {(r.table, r.key) for r in ROWS if r.only in (None, installation.database.name)}
    return {place: line for place, line in fates_at(now).items() if place in rows}


def assert_no_residue(installation: Installation, fates: dict[tuple[str, int], Fate]) -> None:
    """No identifier of anybody whose night has come stands where kept.csv does not list it."""
    database = installation.database
    rows = [r for r in ROWS if r.only in (None, database.name)]
    assert residue(database, installation.merzim.said, needles(rows, fates)) == []


def people_held(plan: Any) -> dict[str, int]:
    """People held, by reason, as the plan says."""
    held: dict[str, int] = next(t["held"] for t in plan["tables"] if t["table"] == "users")
    return held


def people_expected_to_be_held(fates: dict[tuple[str, int], Fate]) -> dict[str, int]:
    """The same as fates.csv says it."""
    found: dict[str, int] = {}
    for (table, _), line in fates.items():
        if table == "users" and line.fate.startswith("held by "):
            reason = line.fate.removeprefix("held by ")
            reason = AS_MERZIM_CALLS_IT.get(reason, reason)
            found[reason] = found.get(reason, 0) + 1
    return found


def quarantined(installation: Installation) -> set[tuple[str, int]]:
    """Rows that the ledger reports as undecidable."""
    table = installation.database.ledger_table("quarantine")
    return {(name, key) for name, key in installation.database.rows(f"SELECT table_name, key_number FROM {table}")}


def undecidable(fates: dict[tuple[str, int], Fate]) -> set[tuple[str, int]]:
    """Rows that are quarantined for themselves or as people; what only goes with a person is not listed apart."""
    listed = ("users", "messages_out", "third_party_transfers")
    return {place for place, line in fates.items() if line.fate.startswith("quarantined") and place[0] in listed}
