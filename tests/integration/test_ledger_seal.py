"""Seals: what was sealed can be checked, and every kind of tampering is found and named."""

import base64
import datetime as dt
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.integration.ledger_support import BOTH, NOW, Place, ledger_place, make_run
from worker.ledger.batches import Entry, write_entry
from worker.ledger.errors import LedgerError
from worker.ledger.runs import close_run
from worker.ledger.seal import seal_digest, seal_run
from worker.ledger.signing import key_id, public_pem
from worker.ledger.verify import verify

KEY = Ed25519PrivateKey.generate()


@dataclass(frozen=True)
class Sealed:
    """A ledger with three sealed runs of two entries each."""

    place: Place
    runs: tuple[str, str, str]

    def findings(self, *keys: Ed25519PrivateKey, printed: tuple[str, ...] = ()) -> list[str]:
        with self.place.engine.connect() as conn:
            return verify(conn, self.place.ledger, map(public_pem, keys or (KEY,)), printed)

    def tamper(self, *statements: sa.Executable) -> None:
        """As somebody with the database's own rights would: past triggers and foreign keys."""
        with self.place.engine.connect() as conn:
            if self.place.dialect == "postgresql":
                conn.exec_driver_sql("SET session_replication_role = replica")
            else:
                conn.exec_driver_sql("COMMIT")
                conn.exec_driver_sql("PRAGMA foreign_keys = OFF")
                conn.exec_driver_sql("BEGIN IMMEDIATE")
                for name in conn.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'").scalars():
                    conn.exec_driver_sql(f"DROP TRIGGER {name}")
            for statement in statements:
                conn.execute(statement)
            conn.commit()
            conn.invalidate()


@pytest.fixture(params=BOTH)
def sealed(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Sealed]:
    with ledger_place(request.param, tmp_path) as place:
        first, second, third = (sealed_run(place, n) for n in range(3))
        yield Sealed(place, (first, second, third))


def sealed_run(place: Place, number: int) -> str:
    run = make_run(place)
    with place.engine.begin() as conn:
        # Written out of order: the seal must not depend on the order of writing.
        for slice_ in (2, 1):
            write_entry(conn, place.ledger, entry(run.id, f"r{number}s{slice_}", slice_))
    with place.engine.begin() as conn:
        close_run(conn, place.ledger, run.id, "done", NOW)
        seal_run(conn, place.ledger, run.id, KEY.sign, key_id(KEY), NOW)
    return run.id


def entry(run_id: str, attempt: str, slice_: int) -> Entry:
    day = dt.date(2029, 2, 28)
    return Entry(attempt, run_id, 1, slice_, "slice", "kpi/x", {"users": 1}, NOW, "seg", "00", 5, day, part=True)


def test_an_untouched_ledger_has_no_findings(sealed: Sealed) -> None:
    assert sealed.findings() == []


def test_a_changed_entry_is_named(sealed: Sealed) -> None:
    table = sealed.place.ledger.entry
    sealed.tamper(table.update().where(table.c.attempt == "r1s2").values(counts='{"users":2}'))
    assert sealed.findings() == [f"The entry r1s2 of run {sealed.runs[1]} was changed after it was sealed."]


def test_a_removed_entry_is_named(sealed: Sealed) -> None:
    table = sealed.place.ledger.entry
    sealed.tamper(table.delete().where(table.c.attempt == "r0s1"))
    assert sealed.findings() == [f"The entry r0s1 of run {sealed.runs[0]} was removed after it was sealed."]


def test_an_added_entry_is_named(sealed: Sealed) -> None:
    values = {"attempt": "late", "run_id": sealed.runs[2], "batch": 9, "slice": 9, "kind": "slice"}
    more = {"stage": "kpi/x", "counts": "{}", "committed_at": NOW}
    sealed.tamper(sealed.place.ledger.entry.insert().values(values | more))
    assert sealed.findings() == [f"The entry late was added to run {sealed.runs[2]} after it was sealed."]


def test_reordered_entries_are_named(sealed: Sealed) -> None:
    table = sealed.place.ledger.entry
    swap = [
        table.update().where(table.c.attempt == attempt).values(slice=slice_)
        for attempt, slice_ in (("r1s1", 3), ("r1s2", 1), ("r1s1", 2))
    ]
    sealed.tamper(*swap)
    assert f"The entries of run {sealed.runs[1]} were reordered after it was sealed." in sealed.findings()


def test_a_changed_run_is_named(sealed: Sealed) -> None:
    table = sealed.place.ledger.run
    sealed.tamper(table.update().where(table.c.id == sealed.runs[1]).values(approved=sa.false()))
    assert sealed.findings() == [f"The run {sealed.runs[1]} was changed after it was sealed."]


def test_a_removed_run_is_named_with_its_entries(sealed: Sealed) -> None:
    table = sealed.place.ledger.run
    sealed.tamper(table.delete().where(table.c.id == sealed.runs[1]))
    findings = sealed.findings()
    assert findings[0] == f"The run {sealed.runs[1]} was removed after it was sealed."
    assert [f for f in findings if "r1s1 belongs to a run that is not in the ledger" in f]


def test_a_changed_seal_is_named(sealed: Sealed) -> None:
    table = sealed.place.ledger.seal
    sealed.tamper(table.update().where(table.c.ordinal == 2).values(entries=3))
    assert sealed.findings() == [f"Seal 2 (run {sealed.runs[1]}) was changed: its digest is not that of its content."]


def test_a_removed_seal_is_named_and_its_run_too(sealed: Sealed) -> None:
    table = sealed.place.ledger.seal
    sealed.tamper(table.delete().where(table.c.ordinal == 2))
    gap, unsealed = sealed.findings()
    assert gap == f"Before seal 3 (run {sealed.runs[2]}) at least one seal was removed: number 2 is missing."
    assert unsealed.startswith(f"The run {sealed.runs[1]} is closed but has no seal")


def test_the_last_seal_too_is_missed(sealed: Sealed) -> None:
    table = sealed.place.ledger.seal
    sealed.tamper(table.delete().where(table.c.ordinal == 3))
    (unsealed,) = sealed.findings()
    assert unsealed.startswith(f"The run {sealed.runs[2]} is closed but has no seal")


def test_a_newest_run_that_is_gone_with_all_that_proves_it_is_missed_by_its_printed_seal(sealed: Sealed) -> None:
    ledger, run = sealed.place.ledger, sealed.runs[2]
    with sealed.place.engine.connect() as conn:
        printed = str(conn.scalar(sa.select(ledger.seal.c.digest).where(ledger.seal.c.run_id == run)))
    assert sealed.findings(printed=(printed,)) == []
    tables = (ledger.seal, ledger.entry, ledger.intent, ledger.batch)
    gone = [table.delete().where(table.c.run_id == run) for table in tables]
    sealed.tamper(*gone, ledger.run.delete().where(ledger.run.c.id == run))
    assert sealed.findings() == []
    (found,) = sealed.findings(printed=(printed,))
    assert printed in found


def test_a_seal_made_anew_with_the_key_breaks_the_chain(sealed: Sealed) -> None:
    table = sealed.place.ledger.seal
    with sealed.place.engine.connect() as conn:
        seal = dict(conn.execute(table.select().where(table.c.ordinal == 2)).mappings().one())
    digest = seal_digest(seal | {"sealed_at": NOW + dt.timedelta(days=1)})
    changed = {"sealed_at": NOW + dt.timedelta(days=1), "digest": digest, "signature": sign(digest)}
    sealed.tamper(table.update().where(table.c.ordinal == 2).values(changed))
    assert sealed.findings() == [
        f"The chain is broken at seal 3 (run {sealed.runs[2]}): it does not follow from the seal before it."
    ]


def test_a_wrong_signature_is_found(sealed: Sealed) -> None:
    table = sealed.place.ledger.seal
    for signature in (sign("00"), "not base64", ""):
        sealed.tamper(table.update().where(table.c.ordinal == 1).values(signature=signature))
        assert sealed.findings() == [f"The signature of seal 1 (run {sealed.runs[0]}) is wrong."]


def test_a_damaged_list_of_entries_is_a_finding_and_no_crash(sealed: Sealed) -> None:
    table = sealed.place.ledger.seal
    sealed.tamper(table.update().where(table.c.ordinal == 1).values(entry_digests="{", digest="zz"))
    findings = sealed.findings()
    assert any("Seal 1" in finding and "was changed" in finding for finding in findings)
    assert f"The signature of seal 1 (run {sealed.runs[0]}) is wrong." in findings


def test_a_key_that_was_not_given_is_a_finding(sealed: Sealed) -> None:
    findings = sealed.findings(Ed25519PrivateKey.generate())
    assert len(findings) == 3
    assert all(key_id(KEY) in finding for finding in findings)


def test_an_open_run_is_neither_sealed_nor_missed(sealed: Sealed) -> None:
    run = make_run(sealed.place)
    with sealed.place.engine.connect() as conn, pytest.raises(LedgerError, match="close it first"):
        seal_run(conn, sealed.place.ledger, run.id, KEY.sign, key_id(KEY), NOW)
    assert sealed.findings() == []


def test_runs_sealed_at_once_make_one_chain(tmp_path: Path) -> None:
    with ledger_place("postgresql", tmp_path) as place:
        runs = [make_run(place, kind=f"kind {n}").id for n in range(4)]

        def close_and_seal(run_id: str) -> None:
            with place.engine.begin() as conn:
                close_run(conn, place.ledger, run_id, "done", NOW)
                seal_run(conn, place.ledger, run_id, KEY.sign, key_id(KEY), NOW)

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(close_and_seal, runs))
        with place.engine.connect() as conn:
            assert verify(conn, place.ledger, [public_pem(KEY)]) == []
            assert conn.scalar(sa.select(sa.func.max(place.ledger.seal.c.ordinal))) == 4


def sign(digest: str) -> str:
    return base64.b64encode(KEY.sign(bytes.fromhex(digest))).decode()
