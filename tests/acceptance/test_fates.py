"""Every person of fates.csv has met their fate, and nothing else was touched ("Done when" of the night)."""

from typing import Any

import pytest

from tests.acceptance.conftest import Installation
from tests.acceptance.fates import NIGHTS, Fate, fates_at
from tests.acceptance.filler import ROWS
from tests.acceptance.judging import differences, files_on_disk, files_that_stay
from tests.acceptance.residue import needles, residue

ACTED = ("depersonalised", "deleted", "archived")
LEGAL_BLOCK = {"law": "blocked by law", "hand": "by hand"}


@pytest.mark.parametrize("now", NIGHTS)
def test_a_night_brings_every_row_its_fate_and_a_second_one_nothing(installation: Installation, now: str) -> None:
    database, merzim = installation.database, installation.merzim
    fates = {place: f for place, f in fates_at(now).items() if place in database.picture()}
    before = database.picture()

    plan = merzim.json("plan", "--now", now)
    night = merzim.json("run", "--now", now, "--approve", plan["fingerprint"])

    after = database.picture()
    assert differences(before, after, fates) == []
    assert night["state"] == "done"
    assert _held(plan) == _expected_holds(fates)
    assert files_on_disk(database.folder) == files_that_stay(before, fates)

    again = merzim.json("run", "--now", now)
    assert again["run"] != night["run"]
    assert {word: again["counts"][word] for word in ACTED} == dict.fromkeys(ACTED, 0)
    assert database.picture() == after

    merzim("report", "--form", "html", "--output", str(database.folder / "reports" / "night.html"))
    merzim("report", "--form", "json")
    rows = [r for r in ROWS if r.only in (None, database.name)]
    assert residue(database, merzim.said, needles(rows, fates)) == []


def _held(plan: Any) -> dict[str, int]:
    """People held, by reason, as the plan says."""
    held: dict[str, int] = next(t["held"] for t in plan["tables"] if t["table"] == "users")
    return held


def _expected_holds(fates: dict[tuple[str, int], Fate]) -> dict[str, int]:
    found: dict[str, int] = {}
    for (table, _), line in fates.items():
        if table == "users" and line.fate.startswith("held by "):
            reason = line.fate.removeprefix("held by ")
            reason = LEGAL_BLOCK.get(reason, reason)
            found[reason] = found.get(reason, 0) + 1
    return found
