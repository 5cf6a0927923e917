"""Three people with every kind of link, for one race; many such circles live on one operator's database."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.integration.small_operator import LATELY, LONG_AGO, Operator, operator_on

SCHEMA = (
    """CREATE TABLE people (id INTEGER PRIMARY KEY, iin VARCHAR(12), name VARCHAR(80) NOT NULL, seen_at TIMESTAMP NULL,
        blocked_at TIMESTAMP NULL)""",
    "CREATE INDEX people_iin ON people (iin)",
    """CREATE TABLE visits (id INTEGER PRIMARY KEY, person_id INTEGER NOT NULL REFERENCES people (id),
        came_at TIMESTAMP NULL, note VARCHAR(80))""",
    "CREATE INDEX visits_person_id ON visits (person_id)",
    """CREATE TABLE remarks (id INTEGER PRIMARY KEY, visit_id INTEGER NOT NULL REFERENCES visits (id),
        note VARCHAR(80))""",
    "CREATE INDEX remarks_visit_id ON remarks (visit_id)",
    """CREATE TABLE letters (id INTEGER PRIMARY KEY, person_id INTEGER NOT NULL REFERENCES people (id),
        note VARCHAR(80))""",
    "CREATE INDEX letters_person_id ON letters (person_id)",
    """CREATE TABLE payments (id INTEGER PRIMARY KEY, person_id INTEGER REFERENCES people (id), payer_iin VARCHAR(12),
        paid_at TIMESTAMP NULL, note VARCHAR(80))""",
    "CREATE INDEX payments_person_id ON payments (person_id)",
    "CREATE INDEX payments_payer_iin ON payments (payer_iin)",
    """CREATE TABLE complaints (id INTEGER PRIMARY KEY, person_id INTEGER REFERENCES people (id), iin VARCHAR(12),
        closed_on TIMESTAMP NULL)""",
    "CREATE INDEX complaints_person_id ON complaints (person_id)",
    "CREATE INDEX complaints_iin ON complaints (iin)",
)
POLICY = """\
policy: circle
operator: A circle of friends
timezone: Asia/Almaty
floor: {term: 3 years, basis: clause 5.3}
subject: {table: people, key: id, same person: iin, blocked: blocked_at}
links:
  - {from: payments.payer_iin, to: people.iin}
  - {from: complaints.iin, to: people.iin}
clock: [people.seen_at, visits.came_at, payments.paid_at]
holds:
  complaint: {exists: complaints, where: "closed_on IS NULL", basis: law}
stages:
  profile:
    from: subject
    term: 3 years
    basis: clause 5.3
    archive: {term: 30 days, basis: clause 3.4}
    tables:
      remarks: delete
      visits: delete
      complaints:
        depersonalise: {keep: [id, person_id, closed_on], follows people.iin: [iin]}
      people:
        depersonalise: {keep: [id, seen_at, blocked_at], synthetic iin: [iin], constant "": [name]}
  letters:
    from: subject
    term: 4 years
    basis: clause 5.3
    archive: {term: 30 days, basis: clause 3.4}
    tables:
      letters: delete
  payments:
    from: payments.paid_at
    term: 5 years
    basis: tax code
    archive: {term: 30 days, basis: clause 3.4}
    tables:
      payments:
        depersonalise: {keep: [id, person_id, paid_at], follows people.iin: [payer_iin], nothing: [note]}
"""
STAGES = ("profile", "letters", "payments")
COLUMNS = {
    "people": ("id", "iin", "name", "seen_at", "blocked_at"),
    "visits": ("id", "person_id", "came_at", "note"),
    "remarks": ("id", "visit_id", "note"),
    "letters": ("id", "person_id", "note"),
    "payments": ("id", "person_id", "payer_iin", "paid_at", "note"),
    "complaints": ("id", "person_id", "iin", "closed_on"),
}
Row = dict[str, str | None]
World = dict[tuple[str, int], Row]
"""Rows by table and key, their values as the database writes them."""


@dataclass(frozen=True)
class Circle:
    """Who a race is about: `anna` and her `twin` (one IIN), both due, and `clara`, who is active. A row's number
    begins with its person's, and that with the circle's."""

    number: int

    @property
    def anna(self) -> int:
        """Who is due, with two rows of most kinds."""
        return self.number * 10 + 1

    @property
    def twin(self) -> int:
        """Another row of the same person."""
        return self.number * 10 + 2

    @property
    def clara(self) -> int:
        """Somebody active."""
        return self.number * 10 + 3

    @property
    def iin(self) -> str:
        """The IIN with which Anna and her twin begin."""
        return f"8101013{self.number:05d}"

    def rows(self) -> dict[str, list[str]]:
        """What to insert, by table."""
        a, b, twin, clara = self.anna * 10, self.anna * 10 + 1, self.twin * 10, self.clara * 10
        return {
            "people": [
                f"{self.anna}, '{self.iin}', 'Anna', '{LONG_AGO}', NULL",
                f"{self.twin}, '{self.iin}', 'Anna', '{LONG_AGO}', NULL",
                f"{self.clara}, '8202023{self.number:05d}', 'Clara', '{LATELY}', NULL",
            ],
            "visits": [
                *(f"{n}, {self.anna}, '{LONG_AGO}', 'n'" for n in (a, b)),
                f"{twin}, {self.twin}, '{LONG_AGO}', 'n'",
                f"{clara}, {self.clara}, '{LATELY}', 'n'",
            ],
            "remarks": [*(f"{n}, {n}, 'n'" for n in (a, b, clara))],
            "letters": [*(f"{n}, {self.anna}, 'n'" for n in (a, b)), f"{clara}, {self.clara}, 'n'"],
            "payments": [
                f"{a}, {self.anna}, NULL, '{LONG_AGO}', 'n'",
                f"{b}, NULL, '{self.iin}', '{LONG_AGO}', 'n'",
                f"{clara}, {self.clara}, NULL, '{LONG_AGO}', 'n'",
            ],
            "complaints": [f"{a}, {self.anna}, NULL, '{LONG_AGO}'", f"{b}, NULL, '{self.iin}', '{LONG_AGO}'"],
        }

    @classmethod
    def of(cls, table: str, key: int) -> "Circle":
        """The circle to which a row belongs by its number."""
        return cls(key // (10 if table == "people" else 100))

    def bounds(self, table: str) -> tuple[int, int]:
        """The first and the last number of this circle's rows."""
        width = 10 if table == "people" else 100
        return self.number * width, (self.number + 1) * width - 1


def settle(operator: Operator, circles: list[Circle], alone: bool = False) -> None:
    """Make these circles the operator's people, and nobody else. `alone`: Anna has no twin."""
    found: dict[str, list[str]] = {table: [] for table in COLUMNS}
    for circle in circles:
        for table, rows in circle.rows().items():
            found[table] += [row for row in rows if not alone or not row.startswith(str(circle.twin))]
    operator.sql(
        *(f"DELETE FROM {table}" for table in ("remarks", "visits", "letters", "payments", "complaints", "people")),
        *(f"INSERT INTO {table} VALUES ({'), ('.join(rows)})" for table, rows in found.items()),
    )


def circle_on(dialect: str, folder: Path, policy: str = POLICY) -> Iterator[Operator]:
    """The operator, to whom nights of this policy are nothing new."""
    for operator in operator_on(dialect, folder, SCHEMA, policy):
        operator.accustom()
        yield operator
