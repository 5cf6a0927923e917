"""The operator of the bench: people, their messages and debts, made by the server itself."""

from dataclasses import dataclass

from worker.bench.sql import Sql

DEBTOR, HELD = 200, 100
"""Every 200th person owes something; of the others every 100th may be held by hand. All of them would be due."""
HOLDS_BY_HAND = 20


@dataclass(frozen=True)
class Size:
    """How much: `due` is a percentage of the people; `now` the moment of every night, as text in UTC."""

    people: int
    messages: int
    due: int
    now: str

    def held_by_hand(self) -> list[int]:
        """Keys of people whom a hold by hand keeps."""
        return list(range(HELD, self.people + 1, DEBTOR))[:HOLDS_BY_HAND]


TABLES = ("people", "messages", "debts")


def schema(sql: Sql) -> list[str]:
    """Tables without indexes: rows go in faster."""
    sent, closed, body = f"sent_at {sql.moment}", f"closed_at {sql.moment}", "body TEXT"
    person, known = "person_id BIGINT NOT NULL", "FOREIGN KEY (person_id) REFERENCES people (id)"
    return [
        f"""CREATE TABLE people (
            id {sql.key},
            iin VARCHAR(12) NOT NULL, email VARCHAR(254), phone VARCHAR(20), name VARCHAR(200), note TEXT,
            seen_at {sql.moment},
            blocked_at {sql.moment})""",
        f"CREATE TABLE messages (id {sql.key}, {person}, {sent}, {body}, {known})",
        f"CREATE TABLE debts (id {sql.key}, {person}, {closed}, {known})",
    ]


INDEXES = (
    *(f"CREATE INDEX people_{column} ON people ({column})" for column in ("iin", "email", "phone", "seen_at")),
    "CREATE INDEX messages_person_id ON messages (person_id)",
    "CREATE INDEX messages_sent_at ON messages (sent_at)",
    "CREATE INDEX debts_person_id ON debts (person_id)",
)


def fill(sql: Sql, size: Size) -> list[str]:
    """The statements that make the rows. Who is due lies scattered among the others."""
    quiet = f"CASE WHEN n * 19 % 100 < {size.due} THEN 1200 + n * 31 % 1800 ELSE n * 31 % 1000 END"
    born = [sql.padded(part, 2) for part in ("50 + n % 49", "1 + n % 11", "1 + n % 27")]  # with 5 digits: no two alike
    number = sql.padded("n", 9)
    people = [
        "n",
        sql.joined(*born, "'3'", sql.padded("n % 100000", 5)),
        sql.joined("'person'", number, "'@example.com'"),
        sql.joined("'+7701'", sql.padded("n % 10000000", 7)),
        sql.joined("'Person No. '", number),
        sql.joined("'Called back on +7 701 '", sql.padded("n % 10000000", 7), "', wrote to n'", number, "'@mail.kz'"),
        sql.ago(size.now, quiet),
        "NULL",
    ]
    body = sql.joined("'Message No. '", sql.padded("s.n", 10), "' about the payment that is expected this month'")
    messages = ["s.n", "p.id", sql.earlier("p.seen_at", "s.n % 300"), body]
    closed = f"CASE WHEN id % {DEBTOR} = 0 THEN NULL ELSE {sql.ago(size.now, '2000')} END"
    whose = f"JOIN people p ON p.id = (s.n - 1) % {size.people} + 1"
    return [
        f"INSERT INTO people SELECT {', '.join(people)} FROM {sql.numbers(size.people)}",
        f"INSERT INTO messages SELECT {', '.join(messages)} FROM {sql.numbers(size.messages)} {whose}",
        f"INSERT INTO debts SELECT p.id, p.id, {closed} FROM people p WHERE id % {HELD} = 0",
    ]


def due(sql: Sql, size: Size) -> str:
    """Who is due and owes nothing, as one would write it by hand."""
    return f"""people.seen_at < {sql.ago(size.now, "1100")} AND NOT EXISTS
        (SELECT 1 FROM debts WHERE debts.person_id = people.id AND debts.closed_at IS NULL)"""
