"""Databases of many shapes with some ten thousand rows each, of which a night concerns very few."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tests.integration.foreign_support import HEAD, NEW, OLD, STAGE

PEOPLE, ROWS = 20_000, 30_000
EVERY = 700  # of so many people one is due


@dataclass(frozen=True)
class Shape:
    """Tables, rows and a policy. `dialects`: where such a shape can be."""

    schema: Callable[[str], Sequence[str]]
    policy: str
    dialects: tuple[str, ...] = ("postgresql", "sqlite")


def numbers(dialect: str, most: int) -> str:
    """FROM clause of i = 1 … most."""
    if dialect == "postgresql":
        return f"generate_series(1, {most}) AS g (i)"
    return f"(WITH RECURSIVE g (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM g WHERE i < {most}) SELECT i FROM g) AS g"


def fill(dialect: str, table: str, most: int, *values: str) -> str:
    """INSERT of many rows; `$seen` is a moment, seldom old, `$seldom` even more seldom, `$owner` a person."""
    seen = f"CASE WHEN i % {EVERY} = 0 THEN '{OLD}' ELSE '{NEW}' END"
    stamp = f"CAST({seen} AS TIMESTAMP)" if dialect == "postgresql" else seen
    seldom = stamp.replace(f"% {EVERY}", f"% {20 * EVERY}")
    owner = f"(1 + i % {PEOPLE})"
    row = ", ".join(v.replace("$seen", stamp).replace("$seldom", seldom).replace("$owner", owner) for v in values)
    return f"INSERT INTO {table} SELECT {row} FROM {numbers(dialect, most)}"


def _links(dialect: str) -> list[str]:
    """Integer keys, one person in several rows, links by text, conditional ones, ways of two steps, holds."""
    return [
        """CREATE TABLE people (id INTEGER PRIMARY KEY, iin VARCHAR(12), email VARCHAR(90), name TEXT,
            seen_at TIMESTAMP)""",
        "CREATE TABLE orders (id INTEGER PRIMARY KEY, person_id INTEGER NOT NULL REFERENCES people (id), note TEXT,"
        " at TIMESTAMP, closed_at TIMESTAMP)",
        "CREATE TABLE lines (id INTEGER PRIMARY KEY, order_id INTEGER NOT NULL REFERENCES orders (id), what TEXT)",
        "CREATE TABLE payments (id INTEGER PRIMARY KEY, payer_iin VARCHAR(12), purpose TEXT, paid_at TIMESTAMP)",
        "CREATE TABLE letters (id INTEGER PRIMARY KEY, email VARCHAR(90), sent_at TIMESTAMP)",
        "CREATE TABLE journal (id INTEGER PRIMARY KEY, table_name TEXT, row_id INTEGER, old TEXT)",
        fill(
            dialect, "people", PEOPLE, "i", "CAST(100000000000 + i AS TEXT)", "'p' || i || '@mail.kz'", "'x'", "$seen"
        ),
        fill(dialect, "orders", ROWS, "i", "$owner", "'x'", "NULL", "CASE WHEN i % 9 = 0 THEN NULL ELSE $seen END"),
        fill(dialect, "lines", ROWS, "i", "i", "'x'"),
        fill(dialect, "payments", ROWS, "i", "CAST(100000000000 + $owner AS TEXT)", "'x'", "NULL"),
        fill(dialect, "letters", ROWS, "i", "'p' || $owner || '@mail.kz'", "NULL"),
        fill(dialect, "journal", ROWS, "i", "'people'", "$owner", "'x'"),
        *(
            f"CREATE INDEX ON {t} ({c})" if dialect == "postgresql" else f"CREATE INDEX {t}_{c} ON {t} ({c})"
            for t, c in (
                ("people", "iin"),
                ("people", "email"),
                ("orders", "person_id"),
                ("lines", "order_id"),
                ("payments", "payer_iin"),
                ("letters", "email"),
                ("journal", "row_id"),
            )
        ),
    ]


LINKS_POLICY = (
    HEAD
    + """\
subject: {table: people, key: id, same person: iin}
links:
  - {from: payments.payer_iin, to: people.iin}
  - {from: letters.email, to: people.email, only: delays}
  - {from: journal.row_id, to: people.id, where: "table_name = 'people'"}
clock: [people.seen_at, orders.at, payments.paid_at, letters.sent_at]
holds:
  open order: {exists: orders, where: "closed_at IS NULL", basis: law}
"""
    + STAGE
    + """\
      people: {depersonalise: {keep: [id, seen_at], synthetic iin: [iin], synthetic email: [email], nothing: [name]}}
      lines: delete
      orders: {depersonalise: {keep: [id, person_id, at, closed_at], nothing: [note]}}
      payments: {depersonalise: {keep: [id, paid_at], follows people.iin: [payer_iin], redact: [purpose]}}
      journal: {depersonalise: {keep: [id, table_name, row_id], nothing: [old]}}
ignore: {letters: not ours}
"""
)


def _keyed(key: str, make: str, parent: str = "people") -> Callable[[str], list[str]]:
    """People with a key of another type, and their visits, which are found in two steps too."""

    def schema(dialect: str) -> list[str]:
        owner = make.replace("$i", "$owner")
        visit = make.replace("$i", "i")
        return [
            *([f"CREATE SCHEMA {parent.split('.')[0]}"] if "." in parent else []),
            f"CREATE TABLE {parent} (id {key} PRIMARY KEY, name TEXT, seen_at TIMESTAMP)",
            f"CREATE TABLE visits (id {key} PRIMARY KEY, person {key} NOT NULL REFERENCES {parent} (id), note TEXT,"
            " at TIMESTAMP)",
            f"CREATE TABLE rooms (id INTEGER PRIMARY KEY, visit {key} NOT NULL REFERENCES visits (id), note TEXT)",
            fill(dialect, parent, PEOPLE, make.replace("$i", "i"), "'x'", "$seen"),
            fill(dialect, "visits", ROWS, visit, owner, "'x'", "NULL"),
            fill(dialect, "rooms", ROWS, "i", visit, "'x'"),
            "CREATE INDEX visits_person ON visits (person)",
            "CREATE INDEX rooms_visit ON rooms (visit)",
        ]

    return schema


def _keyed_policy(parent: str = "people") -> str:
    return (
        HEAD
        + f"subject: {{table: {parent}, key: id}}\nclock: [{parent}.seen_at, visits.at]\n"
        + STAGE
        + f"""\
      {parent}: {{depersonalise: {{keep: [id, seen_at], nothing: [name]}}}}
      visits: {{depersonalise: {{keep: [id, person, at], nothing: [note]}}}}
      rooms: delete
"""
    )


def _composite(dialect: str) -> list[str]:
    return [
        "CREATE TABLE people (tenant INTEGER, no INTEGER, name TEXT, seen_at TIMESTAMP, PRIMARY KEY (tenant, no))",
        """CREATE TABLE visits (id INTEGER PRIMARY KEY, tenant INTEGER, person INTEGER, note TEXT, at TIMESTAMP,
            FOREIGN KEY (tenant, person) REFERENCES people (tenant, no))""",
        fill(dialect, "people", PEOPLE, "i % 3", "i", "'x'", "$seen"),
        fill(dialect, "visits", ROWS, "i", "$owner % 3", "$owner", "'x'", "NULL"),
        "CREATE INDEX visits_person ON visits (tenant, person)",
    ]


COMPOSITE_POLICY = (
    HEAD
    + "subject: {table: people, key: [tenant, no]}\nclock: [people.seen_at, visits.at]\n"
    + STAGE
    + """\
      people: {depersonalise: {keep: [tenant, no, seen_at], nothing: [name]}}
      visits: delete
"""
)


def _self_reference(dialect: str) -> list[str]:
    return [
        "CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT, seen_at TIMESTAMP)",
        """CREATE TABLE notes (id INTEGER PRIMARY KEY, person INTEGER NOT NULL REFERENCES people (id),
            answers INTEGER REFERENCES notes (id), body TEXT)""",
        fill(dialect, "people", PEOPLE, "i", "'x'", "$seen"),
        fill(dialect, "notes", ROWS, "i", "$owner", "CASE WHEN i % 5 = 0 THEN i - 1 END", "'x'"),
        "CREATE INDEX notes_person ON notes (person)",
        "CREATE INDEX notes_answers ON notes (answers)",
    ]


SELF_POLICY = (
    HEAD
    + "subject: {table: people, key: id}\nclock: [people.seen_at]\n"
    + STAGE
    + """\
      people: {depersonalise: {keep: [id, seen_at], nothing: [name]}}
      notes: delete
"""
)


def _partitioned(dialect: str) -> list[str]:
    return [
        "CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT, seen_at TIMESTAMP)",
        """CREATE TABLE visits (id INTEGER, person INTEGER NOT NULL REFERENCES people (id), note TEXT,
            at TIMESTAMP NOT NULL, PRIMARY KEY (id, at)) PARTITION BY RANGE (at)""",
        "CREATE TABLE visits_old PARTITION OF visits FOR VALUES FROM ('1990-01-01') TO ('2022-01-01')",
        "CREATE TABLE visits_new PARTITION OF visits FOR VALUES FROM ('2022-01-01') TO ('2030-01-01')",
        fill(dialect, "people", PEOPLE, "i", "'x'", "$seen"),
        fill(dialect, "visits", ROWS, "i", "$owner", "'x'", f"CAST('{OLD}' AS TIMESTAMP)"),
        fill(dialect, "visits", ROWS, "-i", f"1 + (i % {PEOPLE - 1})", "'x'", f"CAST('{OLD}' AS TIMESTAMP)"),
        "CREATE INDEX visits_person ON visits (person)",
    ]


PARTITIONED_POLICY = (
    HEAD
    + "subject: {table: people, key: id}\nclock: [people.seen_at, visits.at]\n"
    + STAGE
    + """\
      people: {depersonalise: {keep: [id, seen_at], nothing: [name]}}
      visits: {depersonalise: {keep: [id, person, at], nothing: [note]}}
"""
)


def _rows(dialect: str) -> list[str]:
    """A stage by rows: each by its own event, belonging to two people, with children, a hold and a same person."""
    return [
        "CREATE TABLE people (id INTEGER PRIMARY KEY, iin VARCHAR(12), name TEXT, seen_at TIMESTAMP)",
        """CREATE TABLE cases (id INTEGER PRIMARY KEY, person INTEGER NOT NULL REFERENCES people (id),
            other INTEGER REFERENCES people (id), note TEXT, closed_at TIMESTAMP)""",
        "CREATE TABLE calls (id INTEGER PRIMARY KEY, case_id INTEGER NOT NULL REFERENCES cases (id), phone TEXT)",
        fill(
            dialect,
            "people",
            PEOPLE,
            "i",
            "CAST(100000000000 + i AS TEXT)",
            "'x'",
            f"'{OLD}'" if dialect == "sqlite" else f"CAST('{OLD}' AS TIMESTAMP)",
        ),
        fill(
            dialect,
            "cases",
            4 * ROWS,
            "i",
            "$owner",
            f"CASE WHEN i % 2 = 0 THEN 1 + (i + 7) % {PEOPLE} END",
            "'x'",
            "$seldom",
        ),
        fill(dialect, "calls", 4 * ROWS, "i", "i", "'x'"),
        "CREATE INDEX people_iin ON people (iin)",
        "CREATE INDEX cases_person ON cases (person)",
        "CREATE INDEX cases_other ON cases (other)",
        "CREATE INDEX cases_closed_at ON cases (closed_at)",
        "CREATE INDEX calls_case_id ON calls (case_id)",
    ]


ROWS_POLICY = (
    HEAD
    + """\
subject: {table: people, key: id, same person: iin}
clock: [people.seen_at]
holds:
  open case: {exists: cases, where: "closed_at IS NULL", basis: law}
stages:
  cases:
    from: [cases.closed_at, subject]
    term: 3 years
    archive: {term: 30 days, basis: clause 3.4}
    tables:
      cases: {depersonalise: {keep: [id, person, other, closed_at], nothing: [note]}}
      calls: delete
ignore: {people: another policy}
"""
)

UUID = "CAST(lpad(to_hex($i), 32, '0') AS UUID)"
SHAPES: Mapping[str, Shape] = {
    "links": Shape(_links, LINKS_POLICY),
    "integer": Shape(_keyed("INTEGER", "$i"), _keyed_policy()),
    "text": Shape(_keyed("VARCHAR(20)", "'k' || $i"), _keyed_policy()),
    "collation": Shape(_keyed('TEXT COLLATE "en-x-icu"', "'k' || $i"), _keyed_policy(), ("postgresql",)),
    "uuid": Shape(_keyed("UUID", UUID), _keyed_policy(), ("postgresql",)),
    "schema": Shape(_keyed("INTEGER", "$i", "crm.people"), _keyed_policy("crm.people"), ("postgresql",)),
    "composite": Shape(_composite, COMPOSITE_POLICY),
    "self reference": Shape(_self_reference, SELF_POLICY),
    "partitioned": Shape(_partitioned, PARTITIONED_POLICY, ("postgresql",)),
    "rows": Shape(_rows, ROWS_POLICY),
}
