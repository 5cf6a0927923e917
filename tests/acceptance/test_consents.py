"""Consents go last: three years after the last of the person's data went (clause 5.1), as the ledger remembers it.

When something was done is always the real time, also under `--now`; so three years pass here by dating it back.
"""

from tests.acceptance.conftest import Installation
from tests.acceptance.operator_database import Picture

NOW = "2024-03-03T00:30:00+05:00"


def test_a_consent_goes_three_years_after_the_last_of_the_data(installation: Installation) -> None:
    database, merzim = installation.database, installation.merzim
    merzim.night(NOW)
    before = database.picture()
    assert consents(before) == {11, 111, 221, 571}

    done_on(installation, "2021-03-03 06:00:00")  # kept until 3 March 2024, which has only begun
    merzim.json("run", "--now", NOW)
    assert database.picture() == before

    done_on(installation, "2021-03-02 06:00:00")
    merzim.night(NOW)
    after = database.picture()
    assert consents(after) == {221, 571}, "the other account is in use; an open debt holds"
    assert after == {place: row for place, row in before.items() if place not in {("consents", 11), ("consents", 111)}}


def done_on(installation: Installation, moment: str) -> None:
    """Date back everything that was ever done."""
    database = installation.database
    database.execute(f"UPDATE {database.ledger_table('tombstone')} SET done_at = '{moment}'")


def consents(picture: Picture) -> set[int]:
    """Keys of the consents that are there."""
    return {key for table, key in picture if table == "consents"}
