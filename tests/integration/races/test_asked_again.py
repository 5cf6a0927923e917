"""What is asked once more is about what was selected only: rows that stay for another reason are not in its way."""

from pathlib import Path

import pytest

from tests.integration.small_operator import EACH, LATELY, LONG_AGO, operator_on

SCHEMA = (
    "CREATE TABLE people (id INTEGER PRIMARY KEY, name VARCHAR(80), seen_at TIMESTAMP NULL)",
    """CREATE TABLE visits (id INTEGER PRIMARY KEY, person_id INTEGER NOT NULL REFERENCES people (id),
        host_id INTEGER REFERENCES people (id))""",
    "CREATE TABLE remarks (id INTEGER PRIMARY KEY, visit_id INTEGER NOT NULL REFERENCES visits (id))",
    "CREATE INDEX visits_person_id ON visits (person_id)",
    "CREATE INDEX visits_host_id ON visits (host_id)",
    "CREATE INDEX remarks_visit_id ON remarks (visit_id)",
    f"INSERT INTO people VALUES (1, 'Anna', '{LONG_AGO}'), (2, 'Clara', '{LATELY}')",
    "INSERT INTO visits VALUES (1, 1, 2), (2, 1, 2), (3, 1, 2), (4, 1, NULL)",
    "INSERT INTO remarks VALUES (1, 1), (2, 2), (3, 3), (4, 4)",
)
POLICY = """\
policy: visits
operator: A house
timezone: Asia/Almaty
floor: {term: 3 years, basis: clause 5.3}
subject: {table: people, key: id}
clock: [people.seen_at]
stages:
  visits:
    from: subject
    term: 3 years
    basis: clause 5.3
    archive: {term: 30 days, basis: clause 3.4}
    tables:
      remarks: delete
      visits: delete
      people: {depersonalise: {keep: [id, seen_at], constant "": [name]}}
"""


@pytest.mark.parametrize("dialect", EACH)
def test_rows_of_somebody_active_come_first(dialect: str, tmp_path: Path) -> None:
    for operator in operator_on(dialect, tmp_path, SCHEMA, POLICY):
        operator.accustom()
        assert operator.night().state == "done"
        assert operator.ids("remarks") == operator.ids("visits") == [1, 2, 3]
        assert operator.ids("people", "name = ''") == [1]
