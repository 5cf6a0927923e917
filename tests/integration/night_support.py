"""A small operator on PostgreSQL for the races: few people with every kind of link, merzim's tools without the command
line, and second sessions that act at a chosen step of a slice."""

import atexit
import functools
import json
import os
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa

from config.loader import load_policy
from config.policy import Policy
from config.settings import Settings
from worker.archive.keys import make_identity, make_signing_key
from worker.archive.spool import Spool
from worker.archive.store import DirectoryStore
from worker.bootstrap import Installation, create_ledger
from worker.databases.connect import open_database
from worker.databases.postgresql import PostgreSQL
from worker.ledger.decisions import Signer
from worker.ledger.signing import key_id, load_signing_key
from worker.ledger.tables import ledger_tables
from worker.pipeline import work
from worker.pipeline.beginning import Wish, decide
from worker.pipeline.night import Outcome, night
from worker.pipeline.pace import Pace
from worker.pipeline.tools import Tools
from worker.plan.result import Plan

NOW = datetime(2026, 3, 1, 20, 30, tzinfo=UTC)
RECENT = "2026-02-20 10:00:00"
QUIET = "2019-05-05 10:00:00"  # long enough for every stage below
PATIENCE_SECONDS = 60

POLICY = """\
policy: club
operator: A club
timezone: Asia/Almaty
floor: {term: 3 years, basis: clause 5.3}
subject: {table: people, key: id, same person: iin}
identifiers:
  iin: [people.iin, payments.payer_iin, enquiries.iin]
links:
  - {from: payments.payer_iin, to: people.iin}
  - {from: enquiries.iin, to: people.iin}
clock: [people.last_login_at, visits.at, payments.paid_at, enquiries.asked_at]
holds:
  open debt: {exists: debts, where: "closed_on IS NULL", basis: law}
stages:
  profile:
    from: subject
    term: 3 years
    basis: clause 5.3
    archive: {term: 30 days, basis: clause 3.4}
    tables:
      visits: delete
      enquiries: delete
      people:
        depersonalise: {keep: [id, last_login_at], synthetic iin: [iin], constant "": [name]}
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
ignore:
  debts: sums only
"""

SCHEMA = """
CREATE TABLE people (id integer PRIMARY KEY, iin varchar(12), name text NOT NULL, last_login_at timestamp);
CREATE TABLE visits (id integer PRIMARY KEY, person_id integer NOT NULL REFERENCES people, at timestamp NOT NULL);
CREATE TABLE payments (id integer PRIMARY KEY, person_id integer REFERENCES people, payer_iin varchar(12),
    paid_at timestamp NOT NULL, note text);
CREATE TABLE enquiries (id integer PRIMARY KEY, iin varchar(12), asked_at timestamp NOT NULL);
CREATE TABLE debts (id integer PRIMARY KEY, person_id integer NOT NULL REFERENCES people, closed_on date);
CREATE TABLE letters (id integer PRIMARY KEY, person_id integer NOT NULL REFERENCES people,
    writer_id integer REFERENCES people, body text);
"""

TABLES = ("people", "visits", "payments", "debts", "letters", "enquiries")
Rows = dict[str, list[tuple[Any, ...]]]


@dataclass
class Club:
    """The operator's database and merzim beside it. `rows` is everything the operator has."""

    url: str
    tools: Tools
    policy: Policy
    signing_key: bytes
    pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(4))

    @property
    def signer(self) -> Signer:
        """An account, whose word this installation's key signs for."""
        assert self.tools.sign is not None
        return Signer("tester", "account", self.tools.key_id, self.tools.sign)

    def session(self) -> psycopg.Connection[Any]:
        """The operator's own session, in a transaction."""
        return psycopg.connect(self.url)

    def execute(self, statement: str, *values: object) -> None:
        """The operator's own application writes and commits."""
        with self.session() as session:
            session.execute(statement, values or None)

    def value(self, query: str) -> Any:
        """The single value of a query."""
        with self.session() as session:
            row = session.execute(query).fetchone()
            return None if row is None else row[0]

    def rows(self) -> Rows:
        """Every row of every table of the operator."""
        with self.session() as session:
            query = "SELECT * FROM {} ORDER BY id"
            return {t: session.execute(query.format(t)).fetchall() for t in TABLES}

    def add(self, person: int, iin: str, login: str | None = QUIET) -> None:
        """A person with one visit, one old payment and one letter, all as quiet as the login."""
        self.execute("INSERT INTO people VALUES (%s, %s, %s, %s)", person, iin, f"Name {person}", login)
        self.execute("INSERT INTO visits VALUES (%s, %s, %s)", person, person, QUIET)
        self.execute("INSERT INTO payments VALUES (%s, %s, %s, %s, %s)", person, person, None, QUIET, "a note")
        self.execute("INSERT INTO letters VALUES (%s, %s, NULL, 'a letter')", person, person)

    def add_many(self, people: range) -> None:
        """The same for each number of a range, in one go; the IIN ends with the number."""
        first, last = people[0], people[-1]
        with self.session() as session:
            for statement in (
                f"INSERT INTO people SELECT n, '8101013' || lpad(n::text, 5, '0'), 'Name ' || n, '{QUIET}' FROM s",
                f"INSERT INTO visits SELECT n, n, '{QUIET}' FROM s",
                f"INSERT INTO payments SELECT n, n, NULL, '{QUIET}', 'a note' FROM s",
                "INSERT INTO letters SELECT n, n, NULL, 'a letter' FROM s",
            ):
                session.execute(f"WITH s AS (SELECT generate_series({first}, {last}) AS n) {statement}")

    def night(self, now: datetime = NOW) -> Outcome:
        """The night; the policy has had its first, approved run before."""
        return night(self.tools, self.policy, Wish(now))

    def plan(self, now: datetime) -> Plan:
        """What a night would do."""
        with self.tools.database.reading() as connection:
            return decide(connection, self.tools, self.policy, now).plan

    def start_night(self) -> Future[Outcome]:
        """The night in a thread of its own."""
        return self.pool.submit(self.night)

    def is_done(self, person: int) -> bool:
        """Whether the person's own row was depersonalised."""
        return bool(self.value(f"SELECT name = '' FROM people WHERE id = {person}"))

    def env_file(self, folder: Path) -> Path:
        """What the command line needs to work on this club."""
        path = folder / "merzim.env"
        (folder / "club.yaml").write_text(POLICY, "utf-8")
        (folder / "signing.pem").write_bytes(self.signing_key)
        lines = {
            "DATABASE_URL": self.url,
            "POLICY": "club.yaml",
            "SPOOL": "spool",
            "ARCHIVE_URL": str(folder / "archive"),
            "ARCHIVE_RECIPIENTS": ",".join(self.tools.recipients),
            "SIGNING_KEY": "signing.pem",
        }
        path.write_text("".join(f"MERZIM_{name}='{value}'\n" for name, value in lines.items()), "utf-8")
        return path

    def rolled_back(self) -> int:
        """Slices that were begun and came to nothing."""
        query = "SELECT count(*) FROM merzim.intent WHERE attempt NOT IN (SELECT attempt FROM merzim.entry)"
        return int(self.value(query))

    def waiters(self, kind: str = "transactionid") -> int:
        """How many sessions wait for such a lock (pg_stat_activity.wait_event)."""
        return int(
            self.value(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
                f"AND wait_event_type = 'Lock' AND wait_event = '{kind}'"
            )
        )

    def wait_for_waiter(self, kind: str = "transactionid", count: int = 1) -> None:
        """Until so many sessions wait for such a lock."""
        wait_until(lambda: self.waiters(kind) >= count)


@contextmanager
def open_club(folder: Path) -> Iterator[Club]:
    """A club without people, in a database of its own; its ledger knows one run of the policy, which found nothing."""
    with database_like(_template()) as url, _installed(url, folder) as club:
        yield club


@contextmanager
def database_like(template: str) -> Iterator[str]:
    """The URL of a copy of a database, dropped afterwards."""
    name = f"merzim_club_{uuid.uuid4().hex}"
    on_server(f"CREATE DATABASE {name} TEMPLATE {template}")
    try:
        yield url_of(name)
    finally:
        on_server(f"DROP DATABASE {name} WITH (FORCE)")


@functools.cache
def _template() -> str:
    """Made once in each process, because making a ledger and planning take longer than most of these tests."""
    name = f"merzim_club_{uuid.uuid4().hex}"
    on_server(f"CREATE DATABASE {name}")
    atexit.register(on_server, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    with psycopg.connect(url_of(name)) as connection:
        connection.execute(SCHEMA)
    with tempfile.TemporaryDirectory() as folder, _installed(url_of(name), Path(folder)) as club:
        create_ledger(Installation(Settings(), club.tools))
        assert club.night().state == "done"
    return name


@contextmanager
def _installed(url: str, folder: Path) -> Iterator[Club]:
    signing_key = make_signing_key().private
    signing = load_signing_key(signing_key)
    database = open_database(url, "merzim")
    tools = Tools(
        database=database,
        ledger=ledger_tables("merzim"),
        spool=Spool(folder / "spool"),
        store=DirectoryStore(folder / "archive"),
        recipients=[make_identity().recipient],
        sign=signing.sign,
        key_id=key_id(signing),
    )
    club = Club(url, tools, load_policy(POLICY, "club.yaml"), signing_key)
    try:
        yield club
    finally:
        club.pool.shutdown()
        database.engine.dispose()


def wait_until(test: Callable[[], bool], seconds: int = PATIENCE_SECONDS) -> None:
    """Ask until the answer is yes. AssertionError when that takes too long."""
    deadline = time.monotonic() + seconds
    while not test():
        assert time.monotonic() < deadline, "What was waited for did not happen."
        time.sleep(0.02)  # asking all the time would take the time from what is waited for


def assert_all_done_once(club: Club, people: range) -> None:
    """Everybody is done, every row was changed once and archived once, and no segment is without its entry."""
    rows = club.rows()
    assert {name for _, _, name, _ in rows["people"]} == {""}
    assert (rows["visits"], rows["letters"]) == ([], [])
    assert {note for *_, note in rows["payments"]} == {None}
    done: dict[tuple[str, str], int] = {}
    with club.session() as session:
        for (counts,) in session.execute("SELECT counts FROM merzim.entry"):
            for table, by in json.loads(counts)["tables"].items():
                for what, n in by.items():
                    done[(table, what)] = done.get((table, what), 0) + n
    every = len(people)
    assert done == {
        ("people", "depersonalised"): every,
        ("visits", "deleted"): every,
        ("letters", "deleted"): every,
        ("payments", "depersonalised"): every,
    }


def segments_without_entry(club: Club) -> set[str]:
    """Segments that stand in the spool or the store although nothing in the ledger speaks of them."""
    assert club.tools.spool is not None
    assert club.tools.store is not None
    with club.session() as session:
        committed = {r[0] for r in session.execute("SELECT segment FROM merzim.entry WHERE segment IS NOT NULL")}
    waiting = {*club.tools.spool.names(), *club.tools.spool.unfinished()}
    return {*waiting, *club.tools.store.names()} - committed


def server() -> str:
    """The URL of the tests' PostgreSQL; the environment says it by the time a test runs."""
    return os.environ.get("MERZIM_TEST_POSTGRESQL_URL", "postgresql://postgres@127.0.0.1:5432/postgres")


def url_of(database: str) -> str:
    """The URL of a database of that server."""
    return sa.make_url(server()).set(database=database).render_as_string(hide_password=False)


def on_server(statement: str) -> None:
    """Run a statement that no transaction may contain."""
    with psycopg.connect(server(), autocommit=True) as connection:
        connection.execute(statement)


@dataclass
class Step:
    """A function of merzim beside which, once, something else happens."""

    patch: pytest.MonkeyPatch
    module: Any
    name: str

    def before(self, action: Callable[[], object], stage: str | None = None) -> None:
        """Act before the function's first call (for this stage)."""
        self._around(action, stage, early=True)

    def after(self, action: Callable[[], object], stage: str | None = None) -> None:
        """Act after the function's first call (for this stage)."""
        self._around(action, stage, early=False)

    def _around(self, action: Callable[[], object], stage: str | None, early: bool) -> None:
        original, waiting = getattr(self.module, self.name), [action]

        def wrapped(*arguments: Any, **named: Any) -> Any:
            ours = bool(waiting) and (stage is None or stage in [getattr(a, "name", None) for a in arguments])
            if ours and early:
                waiting.pop()()
            result = original(*arguments, **named)
            if ours and not early:
                waiting.pop()()
            return result

        self.patch.setattr(self.module, self.name, wrapped)


class Impatient(PostgreSQL):
    """Waits a moment only for locks, or (`at_last` False) as long as ever for those it had passed over before."""

    at_last = True

    @contextmanager
    def writing(self, lock_seconds: float | None = None) -> Iterator[sa.Connection]:
        """See `base.Database.writing`."""
        first = lock_seconds is not None and lock_seconds < 5
        with super().writing(0.1 if first or self.at_last else lock_seconds) as connection:
            yield connection


def hurry(club: Club, at_last: bool) -> None:
    """Give up waiting for a lock soon."""
    club.tools.database.engine.dispose()
    database = Impatient(sa.make_url(club.url), "merzim")
    database.at_last = at_last
    club.tools = replace(club.tools, database=database)


def one_unit_a_slice(patch: pytest.MonkeyPatch) -> None:
    """Slices of one subject, so that another subject's slice begins later."""

    class OneByOne(Pace):
        def measured(self, seconds: float, taken: int) -> None:
            """The pace stays as it is."""

    patch.setattr(work, "Pace", partial(OneByOne, units=1))
