"""A small operator on a real database, with merzim installed beside it the way `bootstrap` wires it."""

import atexit
import functools
import os
import re
import subprocess
import sys
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from config.loader import load_policy
from config.names import join_names, split_table
from config.policy import Policy
from tests.mariadb_server import ON_BOTH, empty_mariadb
from worker.archive.keys import identity_file, make_identity, make_signing_key, read_identities, write_secret
from worker.bootstrap import Installation, create_ledger, install
from worker.ledger.decisions import Signer
from worker.ledger.holds import list_active, release
from worker.ledger.policies import store_policy
from worker.ledger.runs import NewRun, close_run, create_run
from worker.ledger.seal import seal_run
from worker.office.holding import place_hold
from worker.pipeline import work
from worker.pipeline.beginning import Wish, decide
from worker.pipeline.night import Outcome, night
from worker.pipeline.pace import Pace
from worker.pipeline.restoring import Restored, restore_segment
from worker.pipeline.tools import Refused, Tools, utc_now
from worker.plan.result import Plan

EMPTY = """DO $$ DECLARE name text; BEGIN
    FOR name IN SELECT nspname FROM pg_namespace WHERE nspname <> 'information_schema' AND nspname !~ '^pg_' LOOP
        EXECUTE 'DROP SCHEMA ' || quote_ident(name) || ' CASCADE';
    END LOOP;
    CREATE SCHEMA public;
END $$"""
NO_WAITING = "synchronous_commit = off"  # for the disk: here processes die and connections break, never the server
BOTH = ("sqlite", "postgresql")
EACH = (*BOTH, "mysql")
SERVER = "MERZIM_TEST_POSTGRESQL_URL"
NOW = datetime(2026, 7, 1, 1, 0, tzinfo=UTC)
EMPTY_PLAN = '{"tables": [], "stages": [], "stopped": {}, "unmentioned": [], "allowed": {}}'
LONG_AGO, LATELY = "2020-05-05 10:00:00", "2026-05-05 10:00:00"

SHOP = (
    """CREATE TABLE people (id INTEGER PRIMARY KEY, iin VARCHAR(12), email VARCHAR(254) UNIQUE, name TEXT NOT NULL,
        note TEXT, seen_at TIMESTAMP, blocked_at TIMESTAMP)""",
    "CREATE INDEX people_iin ON people (iin)",
    """CREATE TABLE orders (id INTEGER PRIMARY KEY, person_id INTEGER NOT NULL REFERENCES people (id),
        what TEXT)""",
    "CREATE INDEX orders_person_id ON orders (person_id)",
    "CREATE TABLE lines (id INTEGER PRIMARY KEY, order_id INTEGER NOT NULL REFERENCES orders (id), what TEXT)",
    "CREATE INDEX lines_order_id ON lines (order_id)",
    """CREATE TABLE scans (id INTEGER PRIMARY KEY, person_id INTEGER NOT NULL REFERENCES people (id),
        path TEXT, thumbnail TEXT)""",
    "CREATE INDEX scans_person_id ON scans (person_id)",
    """CREATE TABLE payments (id INTEGER PRIMARY KEY, person_id INTEGER REFERENCES people (id),
        payer_iin VARCHAR(12), purpose TEXT, paid_at TIMESTAMP)""",
    "CREATE INDEX payments_person_id ON payments (person_id)",
    "CREATE INDEX payments_payer_iin ON payments (payer_iin)",
    "CREATE TABLE letters (id INTEGER PRIMARY KEY, email VARCHAR(254), ended_at TIMESTAMP)",
    "CREATE INDEX letters_email ON letters (email)",
)

HEAD = """\
policy: shop
operator: A shop
timezone: Asia/Almaty
floor: {term: 3 years, basis: clause 5.3}
subject: {table: people, key: id, same person: iin, blocked: blocked_at}
clock:
  - people.seen_at
"""
LINKS = """\
links:
  - {from: payments.payer_iin, to: people.iin}
  - {from: letters.email, to: people.email, only: delays}
"""
PROFILE = """\
stages:
  profile:
    from: subject
    term: 3 years
    basis: clause 5.3
    archive: {term: 30 days, basis: clause 3.4}
    tables:
      lines: delete
      orders: delete
      people:
        depersonalise:
          keep: [id, seen_at, blocked_at]
          synthetic iin: [iin]
          synthetic email: [email]
          constant "": [name]
          nothing: [note]
"""
PAYMENTS = """\
  payments:
    from: payments.paid_at
    term: 4 years
    basis: tax code
    archive: {term: 30 days, basis: clause 3.4}
    tables:
      payments:
        depersonalise:
          keep: [id, person_id, paid_at]
          follows people.iin: [payer_iin]
          nothing: [purpose]
"""
LETTERS = """\
  letters:
    from: letters.ended_at
    term: 3 years
    basis: clause 5.3
    archive: {term: 30 days, basis: clause 3.4}
    tables:
      letters: delete
"""
SCANS = "      scans: {delete: row, files: {root: scans, columns: [path, thumbnail]}}\n"


def ignoring(*tables: str) -> str:
    """The part of a policy that leaves tables out: a policy is read and planned faster the smaller it is."""
    return "ignore:\n" + "".join(f"  {table}: another test's business\n" for table in tables)


SHOP_POLICY = HEAD + LINKS + PROFILE + SCANS + PAYMENTS + LETTERS
PEOPLE_POLICY = HEAD + PROFILE + ignoring("scans", "payments", "letters")


@dataclass
class Operator:
    """An operator's database, and merzim's ledger, spool, archive, keys and settings beside it."""

    folder: Path
    url: str
    policy_text: str
    installation: Installation = field(init=False)

    def __post_init__(self) -> None:
        key = make_identity()
        write_secret(self.identity_file, identity_file(key))
        write_secret(self.folder / "sign.pem", make_signing_key().private)
        (self.folder / "scans").mkdir()
        (self.folder / "policy.yaml").write_text(self.policy_text)
        settings = {
            "DATABASE_URL": self.url,
            "POLICY": "policy.yaml",
            "ARCHIVE_URL": "archive",
            "ARCHIVE_RECIPIENTS": key.recipient,
            "SPOOL": "spool",
            "SIGNING_KEY": "sign.pem",
            "FILES": '{"scans": "scans"}',
        }
        if self.url.startswith("mysql"):
            settings["LEDGER_SCHEMA"] = f"{sa.make_url(self.url).database}_ledger"
        lines = [f"MERZIM_{name}={value}\n" for name, value in settings.items()]
        self.env_file.write_text("".join(lines))
        self.installation = install(self.env_file)
        create_ledger(self.installation)

    @property
    def identity_file(self) -> Path:
        return self.folder / "identity.txt"

    @property
    def env_file(self) -> Path:
        return self.folder / "merzim.env"

    @property
    def scans(self) -> Path:
        return self.folder / "scans"

    @property
    def tools(self) -> Tools:
        return self.installation.tools

    @property
    def dialect(self) -> str:
        return self.tools.database.dialect

    @property
    def policy(self) -> Policy:
        return load_policy(self.policy_text, "policy.yaml")

    def change_policy(self, *changes: tuple[str, str]) -> None:
        """Put each (old, new) into the policy; `old` must stand in it exactly once."""
        for old, new in changes:
            assert self.policy_text.count(old) == 1, f"{old!r} stands {self.policy_text.count(old)} times in the policy"
            self.policy_text = self.policy_text.replace(old, new)
        (self.folder / "policy.yaml").write_text(self.policy_text)

    def sql(self, *statements: str) -> None:
        """Statements as the operator's own programs run them, in one transaction."""
        with self.tools.database.writing() as connection:
            for statement in statements:
                _driver(connection).execute(statement)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What a query gives."""
        with self.tools.database.reading() as connection:
            return [tuple(row) for row in _driver(connection).execute(query)]

    def one(self, query: str) -> Any:
        """The only value of a query's only row."""
        ((value,),) = self.rows(query)
        return value

    def ids(self, table: str, condition: str = "1 = 1") -> list[int]:
        return [row[0] for row in self.rows(f"SELECT id FROM {table} WHERE {condition} ORDER BY id")]

    def contents(self) -> dict[str, list[str]]:
        """Every row of every table of the operator in the database's own words, types included."""
        with self.tools.database.reading() as connection:
            schema = self.tools.database.schema(connection, [join_names(s, "x") for s in self.other_schemas()])
            real = {name: facts for name, facts in schema.tables.items() if facts.changeable}
        return {name: self.words(name, [c.name for c in facts.table.c]) for name, facts in real.items()}

    def other_schemas(self) -> list[str]:
        """Schemas of the operator besides the default one."""
        query = "SELECT nspname FROM pg_namespace WHERE nspname NOT IN ('public', 'merzim', 'information_schema')"
        return [] if self.dialect != "postgresql" else [r[0] for r in self.rows(f"{query} AND nspname !~ '^pg_'")]

    def words(self, table: str, columns: Sequence[str]) -> list[str]:
        """The rows of a table, sorted, as the database itself writes them."""
        quoted = [_quoted(c) for c in columns]
        name = ".".join(_quoted(part) for part in split_table(table) if part)
        if self.dialect == "sqlite":
            parts = [f"typeof({c}) || ' ' || hex({c}) || ' ' || quote({c})" for c in quoted]
        elif self.dialect == "mysql":
            quoted = [c.replace('"', "`") for c in quoted]
            name = name.replace('"', "`")
            parts = [f"COALESCE(HEX(CAST({c} AS BINARY)), '(null)')" for c in quoted]
        else:
            parts = [f"coalesce({c}::text, '(null)')" for c in quoted]
        return sorted(" | ".join(row) for row in self.rows(f"SELECT {', '.join(parts)} FROM {name}"))

    def ledger(self, table: str, **where: Any) -> list[dict[str, Any]]:
        """Rows of a table of the ledger."""
        found: sa.Table = getattr(self.tools.ledger, table)
        tests = [found.c[name] == value for name, value in where.items()]
        with self.tools.database.reading() as connection:
            return [dict(row) for row in connection.execute(found.select().where(*tests)).mappings()]

    def entries(self, run_id: str) -> list[dict[str, Any]]:
        """The entries of a run in order."""
        return sorted(self.ledger("entry", run_id=run_id), key=lambda e: (e["batch"], e["slice"]))

    def segments(self, run_id: str) -> list[str]:
        """Names of the segments of a run, in the order in which they were made."""
        return [e["segment"] for e in self.entries(run_id) if e["segment"]]

    def plan(self, now: datetime = NOW) -> Plan:
        """What a run would do."""
        with self.tools.database.reading() as connection:
            return decide(connection, self.tools, self.policy, now).plan

    def night(self, now: datetime = NOW, **more: Any) -> Outcome:
        """A night as beat starts it: nobody is there to approve."""
        (self.folder / "policy.yaml").write_text(self.policy_text)
        return night(self.tools, self.policy, Wish(now), **more)

    def accustom(self) -> None:
        """Have the ledger know of an earlier run of this policy, so that no first run need be approved."""
        policy, ledger, sign = self.policy, self.tools.ledger, self.tools.sign
        assert sign is not None
        at = utc_now()
        before = NewRun(policy.name, policy.hash, "run", at.date(), at, "none", EMPTY_PLAN, True, at)
        with self.tools.database.writing() as connection:
            store_policy(connection, ledger, text=policy.text, policy_hash=policy.hash, name=policy.name, at=at)
            run, _ = create_run(connection, ledger, before)
            close_run(connection, ledger, run.id, "done", at)
            seal_run(connection, ledger, run.id, sign, self.tools.key_id, at)

    def usual_night(self, now: datetime = NOW, **more: Any) -> Outcome:
        """A night under a policy that has had one before, so that nobody need approve it."""
        self.accustom()
        return self.night(now, **more)

    def approved_night(self, now: datetime = NOW, **more: Any) -> Outcome:
        """A night with an approval of exactly what the plan says."""
        wish = Wish(now, approve=self.plan(now).fingerprint, signer=self.signer())
        return night(self.tools, self.policy, wish, **more)

    def signer(self, name: str = "an admin") -> Signer:
        """An account, whose word this installation's key signs for."""
        assert self.tools.sign is not None
        return Signer(name, "account", self.tools.key_id, self.tools.sign)

    def refusal(self, now: datetime = NOW, approve: str | None = None, name: str = "an admin") -> str:
        """Why a night is refused."""
        with pytest.raises(Refused) as refused:
            night(self.tools, self.policy, Wish(now, approve=approve, signer=self.signer(name)))
        return str(refused.value)

    def hold(self, scope: Any, table: str, key: str | None) -> str:
        """A hold placed by hand."""
        return place_hold(self.tools, self.policy, scope, table, key, "a reason", "an admin", None)

    def release(self, *holds: str) -> None:
        """Release holds, or all that are in force."""
        with self.tools.database.writing() as connection:
            names = holds or [h.id for h in list_active(connection, self.tools.ledger, utc_now())]
            for name in names:
                release(connection, self.tools.ledger, name, "an admin", utc_now())

    def restore(self, segment: str, dry_run: bool = False) -> Restored:
        """Restore a segment with the offline identity."""
        return restore_segment(self.tools, segment, read_identities(self.identity_file), "an admin", dry_run)

    def cli(self, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
        """The program itself; `given` stands on its standard input."""
        program = Path(sys.executable).with_name("merzim")
        command = [str(program), "--env-file", str(self.env_file), *arguments]
        return subprocess.run(command, input=given, capture_output=True, text=True, check=False)


def first_slice_of(units: int, patch: pytest.MonkeyPatch) -> None:
    """Nights begin with slices of so many units."""
    patch.setattr(work, "Pace", functools.partial(Pace, units=units))


def operator_on(
    dialect: str,
    folder: Path,
    schema: Sequence[str] = SHOP,
    policy: str = SHOP_POLICY,
) -> Iterator[Operator]:
    """An operator whose database lives for one test."""
    if dialect == "sqlite":
        url = f"sqlite:///{folder / 'operator.sqlite'}"
    elif dialect in ON_BOTH:
        url = empty_mariadb(dialect)
    else:
        url = sa.make_url(os.environ[SERVER]).set(database=_postgresql_database()).render_as_string(hide_password=False)
    operator = Operator(folder, url, policy)
    operator.sql(*schema)
    yield operator
    operator.tools.database.engine.dispose()


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _driver(connection: sa.Connection) -> Any:
    """The driver's own connection: what it is given goes to the database letter by letter."""
    if connection.dialect.name == "mysql":
        return _Cursors(connection)
    return connection.connection.driver_connection


@dataclass(frozen=True)
class _Cursors:
    """What the other drivers' connections do by themselves."""

    connection: sa.Connection

    def execute(self, statement: str) -> Any:
        driver: Any = self.connection.connection.driver_connection
        cursor = driver.cursor()
        if driver.get_server_info().startswith("8."):
            statement = _with_keys(statement)
        cursor.execute(re.sub(r"(?<![`'\w])lines\b", "`lines`", statement))  # a reserved word on MariaDB
        return cursor


def _with_keys(statement: str) -> str:
    """MySQL before 9 reads past a foreign key that stands with its column."""
    keys = re.findall(r"(\w+) \w+(?:\(\d+\))?(?: NOT NULL)? REFERENCES (\w+) \((\w+)\)", statement)
    if not keys or not statement.startswith("CREATE TABLE"):
        return statement
    written = [f"FOREIGN KEY ({column}) REFERENCES {table} ({key})" for column, table, key in keys]
    return f"{statement.rstrip()[:-1]}, {', '.join(written)})"


@functools.cache
def _database_of_this_process() -> str:
    """Making and dropping a database takes longer than most tests, so those of one process share one."""
    name = f"merzim_small_{uuid.uuid4().hex[:12]}"
    _on_server("postgres", f"CREATE DATABASE {name}", f"ALTER DATABASE {name} SET {NO_WAITING}")
    atexit.register(_on_server, "postgres", f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    return name


def _postgresql_database() -> str:
    """The shared database, emptied."""
    name = _database_of_this_process()
    _on_server(name, EMPTY)
    return name


def _on_server(database: str, *statements: str) -> None:
    engine = sa.create_engine(
        sa.make_url(os.environ[SERVER]).set(database=database),
        isolation_level="AUTOCOMMIT",
        poolclass=sa.NullPool,
    )
    with engine.connect() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def person(number: int, seen_at: str | None = LONG_AGO, iin: str | None = None) -> str:
    """A row of `people`: by default one who is due."""
    seen = "NULL" if seen_at is None else f"'{seen_at}'"
    return (
        f"INSERT INTO people (id, iin, email, name, note, seen_at) VALUES ({number}, '{iin or f'9001{number:08d}'}', "
        f"'p{number}@mail.kz', 'Name {number}', 'note {number}', {seen})"
    )


def people(*numbers: int, seen_at: str | None = LONG_AGO) -> list[str]:
    """Rows of `people`."""
    return [person(number, seen_at) for number in numbers]
