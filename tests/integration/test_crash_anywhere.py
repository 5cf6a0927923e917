"""`kill -9` of `merzim run` at any moment, and the same command again: the end is that of an undisturbed run.

Seeded, so that the moments are random but do not change: counted in transactions that the server has seen, not in
seconds. Promises 1 to 3 and 10.
"""

import json
import os
import random
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

import psycopg
import pytest
import sqlalchemy as sa
import yaml

import config
from config.loader import load_policy
from config.policy import Policy
from tests.integration.night_support import database_like, on_server, url_of, wait_until
from worker.archive.keys import read_identities
from worker.archive.reading import read_segment
from worker.archive.spool import Spool
from worker.archive.store import DirectoryStore
from worker.ledger.locks import lock_key
from worker.ledger.tables import ledger_tables
from worker.ledger.verify import verify
from worker.plan.treatments import columns_of

MERZIM = str(Path(sys.executable).with_name("merzim"))
SEED = 7
# Before anybody's first event: the policy's first run, which must be approved, finds nothing.
LONG_BEFORE, NOW = datetime(2000, 1, 1, tzinfo=UTC), datetime.now(UTC)
LANES = 2  # agencies that are ruined at the same time
STAGES = ("profile", "payments", "recordings")
LEDGER = ledger_tables("merzim")
Table = dict[str, dict[str, str | None]]
Process: TypeAlias = "subprocess.Popen[bytes]"


@dataclass(frozen=True)
class Agency:
    """An operator's database with merzim installed beside it."""

    url: str
    folder: Path

    def start(self, now: datetime) -> Process:
        """`merzim run`, with as many slices as it will make."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith("MERZIM_")}
        command = [MERZIM, "--env-file", str(self.folder / "merzim.env"), "run", "--now", now.isoformat(), "--json"]
        environment["MERZIM_LOCK_TARGET_MS"] = "1"
        return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def run(self, now: datetime) -> None:
        """An undisturbed run."""
        process = self.start(now)
        _, said = process.communicate(timeout=120)
        assert process.returncode == 0, said.decode()

    def ask(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Rows of a query."""
        with psycopg.connect(self.url, autocommit=True, application_name="onlooker") as connection:
            return connection.execute(query, values or None).fetchall()


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agency]:
    """The agency before its night; the policy has had its first run, so that nothing need be approved."""
    folder = tmp_path_factory.mktemp("agency") / "operator"
    name = f"merzim_crash_{os.getpid()}"
    on_server(f"CREATE DATABASE {name}")
    try:
        agency = Agency(url_of(name), folder)
        make = ["--people", "300", "--seed", "4", "--no-run", "--dir", str(folder), "--database-url", agency.url]
        subprocess.run([MERZIM, "demo", *make], check=True, capture_output=True, timeout=120)
        (folder / "kpi.yaml").write_text(_short_policy(), "utf-8")
        agency.run(LONG_BEFORE)
        yield agency
    finally:
        on_server(f"DROP DATABASE {name} WITH (FORCE)")


def _short_policy() -> str:
    """kpi.yaml with a part of its stages, clocks and holds, since building queries takes most of the time. There
    are still files, a trigger that writes while we change, a link by IIN, and a stage without copies."""
    policy = yaml.safe_load((Path(config.__file__).parent / "policies" / "kpi.yaml").read_text("utf-8"))
    dropped = {t for name, stage in policy["stages"].items() if name not in STAGES for t in stage["tables"]}
    policy["stages"] = {name: policy["stages"][name] for name in STAGES}
    kept = {t for stage in policy["stages"].values() for t in stage["tables"]}
    policy["ignore"] |= dict.fromkeys(sorted(dropped - kept), "not in this test")
    policy["stages"]["profile"]["tables"]["scanned_documents"].pop("where")
    policy["links"] = [link for link in policy["links"] if link["from"].split(".")[0] in ("payments", "audit_log")]
    policy["clock"] = ["users.last_login_at", "registration_forms.submitted_at", "payments.paid_at"]
    policy["holds"] = {"open debt": policy["holds"]["open debt"]}
    del policy["brake"], policy["quota"], policy["stored in"]["access_log.accessed_at"]
    return str(yaml.safe_dump(policy, allow_unicode=True, sort_keys=False))


@contextmanager
def copy_of(agency: Agency, folder: Path) -> Iterator[Agency]:
    """The same agency once more."""
    shutil.copytree(agency.folder, folder)
    with database_like(agency.url.rpartition("/")[2]) as url:
        env = folder / "merzim.env"
        text = env.read_text().replace(str(agency.folder), str(folder)).replace(agency.url, url)
        env.write_text(text)
        yield Agency(url, folder)


@dataclass(frozen=True)
class Toll:
    """How many runs were killed; how many of them in a slice's open transaction; and with its segment in the spool."""

    kills: int = 0
    in_slice: int = 0
    orphans: int = 0

    def __add__(self, other: "Toll") -> "Toll":
        return Toll(self.kills + other.kills, self.in_slice + other.in_slice, self.orphans + other.orphans)

    def is_enough(self, share: int) -> bool:
        """Whether it is one of so many equal shares of what is wanted."""
        wanted = ((self.kills, 20), (self.in_slice, 6), (self.orphans, 2))
        return all(number * share >= least for number, least in wanted)


def test_killed_anywhere_and_run_again_ends_like_an_undisturbed_run(untouched: Agency, tmp_path: Path) -> None:
    with copy_of(untouched, tmp_path / "undisturbed") as undisturbed, ThreadPoolExecutor(LANES) as pool:
        undisturbed.run(NOW)
        expected = Ending(untouched, undisturbed)
        expected.check_by_itself()
        lanes = [pool.submit(lane, untouched, expected, tmp_path / f"lane{n}", SEED + n) for n in range(LANES)]
        toll = sum((each.result() for each in lanes), Toll())
    assert toll.is_enough(1), toll


def lane(untouched: Agency, expected: "Ending", folder: Path, seed: int) -> Toll:
    """Kill and run again until enough agencies have come to their end."""
    chance, toll, rounds = random.Random(seed), Toll(), 0
    while not toll.is_enough(LANES):
        rounds += 1
        with copy_of(untouched, folder / str(rounds)) as agency:
            while not toll.is_enough(LANES) and (killed := run_and_kill(agency, chance)) is not None:
                toll += killed
            agency.run(NOW)
            ending = Ending(untouched, agency)
            ending.check_by_itself()
            ending.check_like(expected)
    return toll


def run_and_kill(agency: Agency, chance: random.Random) -> Toll | None:
    """Start the run and kill it. None: it came to its end before."""
    lost, orphans = _lost_attempts(agency), _orphans(agency)
    process = agency.start(NOW)
    watch = chance.choice([_until_transaction, _until_slice, _until_segment])
    slice_seen = watch(agency, process, chance)
    if slice_seen is None:
        _, said = process.communicate()
        assert process.returncode == 0, said.decode()
        return None
    process.kill()
    process.communicate()
    wait_until(lambda: not agency.ask(_SESSIONS))
    torn = slice_seen and _lost_attempts(agency) > lost
    return Toll(1, int(torn), int(torn and bool(_orphans(agency) - orphans)))


def _until_transaction(agency: Agency, process: Process, chance: random.Random) -> bool | None:
    """Until the server has seen the n-th transaction of any kind. Each of these: whether that is in a slice; None: the
    process ended before."""
    return _until(agency, process, _TRANSACTIONS, chance.randint(1, 18))


def _until_slice(agency: Agency, process: Process, chance: random.Random) -> bool | None:
    """Until the n-th slice has begun."""
    return _until(agency, process, _OPEN_SLICE, chance.choice([1, 1, 2]))


def _until(agency: Agency, process: Process, what: str, wanted: int) -> bool | None:
    seen: set[Any] = set()
    with psycopg.connect(agency.url, autocommit=True, application_name="onlooker") as connection:
        while not _ends_at_once(process):
            seen.update(connection.execute(what).fetchall())
            if len(seen) >= wanted:
                return bool(connection.execute(_OPEN_SLICE).fetchall())
    return None


def _until_segment(agency: Agency, process: Process, chance: random.Random) -> bool | None:
    """Until the n-th segment appears in the spool, written or half-written: its slice has not committed yet."""
    known, wanted = _in_spool(agency), chance.choice([1, 1, 2])
    while not _ends_at_once(process):
        if len(_in_spool(agency) - known) >= wanted:
            return True
    return None


def _ends_at_once(process: Process) -> bool:
    """Whether the process has ended; leaves it the processor for a moment."""
    with suppress(subprocess.TimeoutExpired):
        process.wait(0.003)
    return process.returncode is not None


def _in_spool(agency: Agency) -> set[str]:
    spool = Spool(agency.folder / "spool")
    return {*spool.names(), *spool.unfinished()}


def _orphans(agency: Agency) -> set[str]:
    """Segments in the spool without an entry."""
    return _in_spool(agency) - {n for (n,) in agency.ask("SELECT segment FROM merzim.entry")}


_SESSIONS = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'merzim'"
_TRANSACTIONS = """SELECT pid, xact_start FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = 'merzim' AND xact_start IS NOT NULL"""
# A slice is open where one session holds the gate shared, and has the batches' table in use.
_OPEN_SLICE = f"""SELECT a.pid, a.xact_start FROM pg_stat_activity a
    JOIN pg_locks gate ON gate.pid = a.pid AND gate.locktype = 'advisory' AND gate.mode = 'ShareLock' AND gate.granted
        AND (gate.classid::bigint << 32 | gate.objid::bigint) = {lock_key(LEDGER, "gate")}
    JOIN pg_locks batch ON batch.pid = a.pid AND batch.relation = 'merzim.batch'::regclass AND batch.granted
    WHERE a.datname = current_database() AND a.application_name = 'merzim'
        AND a.state IN ('active', 'idle in transaction')"""


def _lost_attempts(agency: Agency) -> int:
    query = "SELECT count(*) FROM merzim.intent WHERE attempt NOT IN (SELECT attempt FROM merzim.entry)"
    return int(agency.ask(query)[0][0])


class Ending:
    """What a night left behind, next to what was there before."""

    def __init__(self, before: Agency, after: Agency) -> None:
        self.after = after
        self.policy: Policy = load_policy((after.folder / "kpi.yaml").read_text("utf-8"), "kpi.yaml")
        self.old, self.new = _picture(before), _picture(after)
        self.archived = self._archived()

    def check_by_itself(self) -> None:
        """Everything that needs no comparison with another run."""
        assert {state for (state,) in self.after.ask("SELECT state FROM merzim.run")} == {"done"}
        assert self.after.ask("SELECT count(*) FROM merzim.outbox") == [(0,)]
        assert self.after.ask("SELECT count(*) FROM merzim.batch WHERE state <> 'done'") == [(0,)]
        committed = {n for (n,) in self.after.ask("SELECT segment FROM merzim.entry WHERE segment IS NOT NULL")}
        spool = Spool(self.after.folder / "spool")
        assert (spool.names(), spool.unfinished()) == ([], [])
        assert set(DirectoryStore(self.after.folder / "archive").names()) == committed
        assert set(self.archived.values()) == {1}, "a row was archived more than once"
        copied = {t for s in self.policy.stages.values() if s.archive for t in s.tables} - {"audit_log"}
        changed = {(t, k) for t in copied for k, row in self.old[t].items() if self.new[t].get(k) != row}
        assert changed <= {(table, key) for _, table, key in self.archived}
        public = (self.after.folder / "keys" / "signing.pub.pem").read_bytes()
        engine = sa.create_engine(sa.make_url(self.after.url), poolclass=sa.NullPool)
        with engine.connect() as connection:
            assert verify(connection, LEDGER, [public]) == []

    def check_like(self, other: "Ending") -> None:
        """The same fates: only random values may differ, and they look done."""
        assert self.archived.keys() == other.archived.keys()
        assert self._tombstones() == other._tombstones()
        assert self._counts() == other._counts()
        assert _files(self.after) == _files(other.after)
        assert self._trail() == other._trail()
        made_up = self._made_up()
        for table, rows in self.new.items():
            theirs = other.new[table]
            if table == "audit_log":
                rows, theirs = ({k: r for k, r in part.items() if k in self.old[table]} for part in (rows, theirs))
            assert rows.keys() == theirs.keys(), table
            for key, row in rows.items():
                for column in (c for c in row if row[c] != theirs[key][c]):
                    was = self.old[table][key][column]
                    assert column in made_up.get(table, {}), f"{table}.{column} of {key} differs"
                    looks_done = made_up[table][column]
                    assert looks_done(row[column])
                    assert looks_done(theirs[key][column])
                    assert table == "users" or was not in (row[column], theirs[key][column])

    def _made_up(self) -> dict[str, dict[str, Any]]:
        """Columns that get random values → whether a value looks done."""
        found: dict[str, dict[str, Any]] = {}
        for stage in self.policy.stages.values():
            for table, rule in stage.tables.items():
                for c in columns_of(self.policy, rule) if rule.operation == "depersonalise" else ():
                    if c.bound.strategy.name.startswith(("synthetic", "invented")):
                        strategy, argument = c.bound.strategy, c.bound.argument
                        found.setdefault(table, {})[c.name] = lambda v, s=strategy, a=argument: s.is_done(v, a)
        return found

    def _tombstones(self) -> set[tuple[Any, ...]]:
        return set(self.after.ask("SELECT stage, key_number, key_text, clock, remains FROM merzim.tombstone"))

    def _counts(self) -> Counter[tuple[str, str, str]]:
        total: Counter[tuple[str, str, str]] = Counter()
        for stage, counts in self.after.ask("SELECT stage, counts FROM merzim.entry"):
            for table, by in json.loads(counts)["tables"].items():
                for operation, rows in by.items():
                    total[(stage, table, operation)] += rows
        return total

    def _trail(self) -> Counter[tuple[str | None, ...]]:
        """What the trigger wrote during our own changes; its keys are the sequence's, which a crash makes jump."""
        new = (row for key, row in self.new["audit_log"].items() if key not in self.old["audit_log"])
        return Counter((r["table_name"], r["row_id"], r["old"], r["new"]) for r in new)

    def _archived(self) -> Counter[tuple[str, str, str]]:
        """(stage, table, key) of every row in every segment that has an entry. Rows that the trigger wrote are known by
        the row they are about."""
        identities = read_identities(self.after.folder / "keys" / "archive-identity.txt")
        store = DirectoryStore(self.after.folder / "archive")
        found: Counter[tuple[str, str, str]] = Counter()
        for stage, name in self.after.ask("SELECT stage, segment FROM merzim.entry WHERE segment IS NOT NULL"):
            with store.open(name) as stream, read_segment(stream, identities) as segment:
                for header, rows in segment.sections():
                    names = [column.name for column in header.columns]
                    for line in rows:
                        row = dict(zip(names, line.decode().rstrip("\n").split("\t"), strict=True))
                        key = row["id"]
                        if header.table == "audit_log" and key not in self.old["audit_log"]:
                            key = f"written about {row['table_name']} {row['row_id']}"
                        found[(stage, header.table, key)] += 1
        return found


def _picture(agency: Agency) -> dict[str, Table]:
    """Every row of every table of the operator by key, each column as text."""
    found: dict[str, Table] = {}
    with psycopg.connect(agency.url) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        for (table,) in tables:
            query = f"SELECT to_jsonb(t) FROM {table} t"
            rows = [row for (row,) in connection.execute(query)]
            found[table] = {str(r["id"]): {c: None if v is None else str(v) for c, v in r.items()} for r in rows}
    return found


def _files(agency: Agency) -> set[str]:
    root = agency.folder / "files"
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}
