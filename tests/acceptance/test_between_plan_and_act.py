"""Who returns, or is held, after the plan was approved is left alone, and the others meet their fate (case 6)."""

from tests.acceptance.conftest import Installation
from tests.acceptance.fates import fates_at
from tests.acceptance.judging import differences

NOW = "2023-03-01T23:30:00+05:00"


def test_a_returning_and_a_held_person_leave_an_approved_plan(installation: Installation) -> None:
    database, merzim = installation.database, installation.merzim
    approved = merzim.json("plan", "--now", NOW)["fingerprint"]
    merzim("run", "--now", NOW, exit_code=2)  # stopped, and its keys written down: they may be approved, or fewer

    database.execute("UPDATE users SET last_login_at = '2023-02-27 06:00:00' WHERE id = 3")  # midnight
    merzim("hold", "place", "--key", "2", "--reason", "court, case of May")  # eve
    before = database.picture()
    night = merzim.json("run", "--now", NOW, "--approve", approved)

    left_alone = {"midnight", "eve"}
    fates = {p: f for p, f in fates_at(NOW).items() if p in before and f.person not in left_alone}
    assert night["state"] == "done"
    assert differences(before, database.picture(), fates) == []
