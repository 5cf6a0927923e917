"""What is measured: each case is a policy for the night, and the one statement that does the same to the same rows."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from worker.bench.rows import Size, due
from worker.bench.sql import Sql

HEAD = """\
policy: bench
operator: A bench
timezone: Asia/Almaty
floor: {term: 3 years, basis: clause 5.3}
subject: {table: people, key: id, same person: iin, blocked: blocked_at}
identifiers:
  iin: [people.iin]
  email: [people.email]
  phone: [people.phone]
clock: [people.seen_at, messages.sent_at]
holds:
  open debt: {exists: debts, where: "closed_at IS NULL", basis: law}
stages:
  profile:
    from: subject
    term: 3 years
    basis: clause 5.3
    archive: {term: 30 days, basis: clause 3.4}
    tables:
"""
PEOPLE = """\
      people:
        depersonalise:
          keep: [id, note, seen_at, blocked_at]
          synthetic iin: [iin]
          synthetic email: [email]
          synthetic phone: [phone]
          nothing: [name]
ignore: {messages: kept here, debts: kept here}
"""
MESSAGES = """\
      messages: delete
ignore: {people: kept here, debts: kept here}
"""
IN_PYTHON = """\
      people:
        depersonalise:
          keep: [id, iin, email, phone, seen_at, blocked_at]
          invented name: [name]
          redact: [note]
ignore: {messages: kept here, debts: kept here}
"""


def _update(sql: Sql, size: Size, keys: str) -> str:
    email = sql.joined(sql.random_hex(), "'@example.invalid'")
    phone = sql.joined("'+7'", sql.random_digits(10))
    return f"""UPDATE people SET
        iin = {sql.random_digits(12)},
        email = {email},
        phone = {phone},
        name = NULL
        WHERE {due(sql, size)} AND people.id {keys}"""


def _delete(sql: Sql, size: Size, keys: str) -> str:
    chosen = f"SELECT people.id FROM people WHERE {due(sql, size)} AND people.id {keys}"
    return f"DELETE FROM messages WHERE person_id IN ({chosen})"


def _update_texts(sql: Sql, size: Size, keys: str) -> str:
    name = sql.joined("'Person '", sql.random_hex())
    note = sql.joined("'Called back on [phone], wrote to [email] about the contract '", sql.random_hex())
    return f"""UPDATE people SET
        name = {name},
        note = {note}
        WHERE {due(sql, size)} AND people.id {keys}"""


@dataclass(frozen=True)
class Case:
    """`limit` is the statement, for people whose key meets a comparison."""

    name: str
    policy: str
    limit: Callable[[Sql, Size, str], str]


MAIN = "depersonalise"
CASES: Mapping[str, Case] = {
    case.name: case
    for case in (
        Case(MAIN, HEAD + PEOPLE, _update),
        Case("delete", HEAD + MESSAGES, _delete),
        Case("python", HEAD + IN_PYTHON, _update_texts),
    )
}
