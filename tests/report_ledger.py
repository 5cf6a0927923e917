"""A ledger with one night in it, written the way the pipeline writes it: every kind of fact that a report tells.

Of 1,000 people 40 were past their term; the quota let 30 in: 26 were done, 1 had come back, 1 was locked, 1 failed and
1 was not reached before the window ended.
"""

import datetime as dt
import json
from typing import Any

import sqlalchemy as sa

from config.loader import load_policy
from config.policy import Policy
from worker.ledger.batches import Entry, NewBatch, advance_batch, claim_batch, store_batches, write_entry
from worker.ledger.policies import store_policy
from worker.ledger.runs import NewRun, close_run, create_run
from worker.ledger.seal import seal_run
from worker.ledger.tables import Ledger

DAY = dt.date(2026, 11, 23)
START = dt.datetime(2026, 11, 22, 20, 30)  # 01:30 in Almaty
END = START + dt.timedelta(hours=4, minutes=30)
UNTIL = dt.date(2026, 12, 23)
KEY_ID = "0123456789abcdef"

POLICY_TEXT = """
policy: kpi
operator: "«KPI» коллекторлық агенттігі» ЖШС"
timezone: Asia/Almaty
floor: {term: 3 years, basis: clause 5.3}
subject: {table: users, key: id, blocked: blocked_at}
clock: [users.last_login_at]
holds:
  open debt: {exists: debt_cases, where: "closed_at IS NULL", basis: law 94-V art. 8(2)}
stages:
  profile:
    from: subject
    term: 3 years
    basis: clause 5.3
    archive: {term: 30 days, basis: clause 3.4, why: undo}
    tables:
      registration_forms: delete
      users:
        depersonalise: {keep: [id, last_login_at, blocked_at], synthetic iin: [iin]}
  visits:
    from: [access_log.accessed_at, subject]
    term: 3 years
    basis: clauses 3.9 and 5.3
    tables:
      access_log:
        depersonalise: {keep: [id, user_id, accessed_at], nothing: [ip]}
  case:
    from: debt_cases.closed_at
    term: 5 years
    basis: regulator's list
    archive: {term: 1 year, basis: internal archive rules}
    tables:
      debt_cases: delete
quota: {people_per_night: 30}
brake: {rows_per_night: 200000, percent_of_table: 25}
"""

NO_EVENT = "no event says when the person stopped"
PLAN: dict[str, Any] = {
    "policy": "kpi",
    "fingerprint": "fedcba9876543210",
    "stages": [
        {
            "stage": "profile",
            "unit": "users",
            "cutoff": "2023-11-23",
            "due": 30,
            "states": {
                "due": 40,
                "kept": 900,
                "done": 40,
                "held: blocked by law": 2,
                "held: open debt": 10,
                "held: by hand": 1,
                f"quarantined: {NO_EVENT}": 7,
                "waits for the quota": 10,
            },
        },
        {
            "stage": "visits",
            "unit": "access_log",
            "cutoff": "2023-11-23",
            "due": 500,
            "states": {"due": 500, "kept": 1500},
        },
    ],
    "stopped": {"case": "column debt_cases.nickname is in no rule; name it in the policy."},
    "tables": [
        {
            "stage": "profile",
            "table": "registration_forms",
            "operation": "delete",
            "due": 60,
            "rows": 1800,
            "held": {"open debt": 15},
            "quarantined": {},
            "kept": 1725,
            "done": 0,
            "bytes": 9000,
            "copy": "",
            "files": True,
            "basis": "clause 5.3",
        },
        {
            "stage": "profile",
            "table": "users",
            "operation": "depersonalise",
            "due": 40,
            "rows": 1000,
            "held": {"blocked by law": 2, "open debt": 10, "by hand": 1},
            "quarantined": {NO_EVENT: 7},
            "kept": 900,
            "done": 40,
            "bytes": 9000,
            "copy": "",
            "files": False,
            "basis": "clause 5.3",
        },
        {
            "stage": "visits",
            "table": "access_log",
            "operation": "depersonalise",
            "due": 500,
            "rows": 2000,
            "held": {},
            "quarantined": {},
            "kept": 1500,
            "done": 0,
            "bytes": 0,
            "copy": "",
            "files": False,
            "basis": "clauses 3.9 and 5.3",
        },
    ],
}


def report_policy() -> Policy:
    """The policy of the night."""
    return load_policy(POLICY_TEXT, "kpi.yaml")


def fill(connection: sa.Connection, ledger: Ledger) -> str:
    """Write the night, closed with its window and sealed; returns the run's id."""
    run_id = open_night(connection, ledger)
    close_run(connection, ledger, run_id, "window_ended", END)
    seal_run(connection, ledger, run_id, lambda digest: digest, KEY_ID, END)
    return run_id


def open_night(connection: sa.Connection, ledger: Ledger, plan: dict[str, Any] | None = None) -> str:
    """The night before it is closed."""
    policy = report_policy()
    store_policy(connection, ledger, text=policy.text, policy_hash=policy.hash, name=policy.name, at=START)
    run, _ = create_run(
        connection,
        ledger,
        NewRun(
            policy_name="kpi",
            policy_hash=policy.hash,
            kind="run",
            local_date=DAY,
            now=START,
            fingerprint="fedcba9876543210",
            plan=json.dumps(plan or PLAN),
            approved=True,
            started_at=START,
        ),
    )
    approval = {"fingerprint": "fedcba9876543210", "policy_hash": policy.hash, "author": "dpo", "approved_at": START}
    connection.execute(ledger.approval.insert(), approval)
    _work(connection, ledger, run.id)
    _aside(connection, ledger, run.id)
    return run.id


def _work(connection: sa.Connection, ledger: Ledger, run_id: str) -> None:
    keys = [[key] for key in range(1, 31)]
    store_batches(connection, ledger, run_id, [NewBatch("profile", keys, 30), NewBatch("visits", keys, 500)])
    first = claim_batch(connection, ledger, run_id, 1)
    second = claim_batch(connection, ledger, run_id, 2)
    assert first is not None
    assert second is not None
    advance_batch(connection, ledger, first, cursor="29", slices=3, state="open")
    advance_batch(connection, ledger, second, cursor="500", slices=1, state="done")
    half = {"registration_forms": {"deleted": 20}, "users": {"depersonalised": 15}, "payments": {"followed": 3}}
    # The third slice ends what the second began: a person with very many rows.
    for slice_, units, tables, part in (
        (1, 15, half, False),
        (2, 1, {"registration_forms": {"deleted": 5}}, True),
        (3, 11, {"registration_forms": {"deleted": 15}, "users": {"depersonalised": 11}}, False),
    ):
        write_entry(
            connection,
            ledger,
            Entry(
                attempt=f"a{slice_}",
                run_id=run_id,
                batch=1,
                slice=slice_,
                kind="slice",
                stage="profile",
                counts={"units": units, "tables": tables},
                committed_at=START + dt.timedelta(minutes=slice_),
                segment=f"station/2026/11/{slice_:032x}.zst.age",
                sha256=f"{slice_:064x}",
                size=4096 * slice_,
                archive_until=UNTIL,
                part=part,
            ),
        )
    counts = {"units": 500, "tables": {"access_log": {"depersonalised": 500}}}
    at = START + dt.timedelta(minutes=9)
    write_entry(connection, ledger, Entry("a4", run_id, 2, 1, "slice", "visits", counts, at))


def _aside(connection: sa.Connection, ledger: Ledger, run_id: str) -> None:
    """Quarantine, holds by hand and files that wait."""
    reasons = [NO_EVENT] * 7 + [
        "failed: another session kept it locked",
        "failed: the database refused the change (CheckViolation)",
    ]
    connection.execute(
        ledger.quarantine.insert(),
        [
            {"run_id": run_id, "stage": "profile", "table_name": "users", "key_number": 900 - n, "reason": reason}
            for n, reason in enumerate(reasons)
        ],
    )
    connection.execute(
        ledger.hold.insert(),
        [
            _hold("h1", START - dt.timedelta(days=3), key_number=77),
            _hold("h2", START - dt.timedelta(days=9), released_at=END + dt.timedelta(days=1), key_number=78),
            _hold("h3", START - dt.timedelta(days=8), released_at=START, key_number=79),
            _hold("h4", END + dt.timedelta(days=2), key_number=80),
        ],
    )
    waiting = {"run_id": run_id, "batch": 1, "slice": 1, "root": "scans", "path": "p/1.pdf", "queued_at": START}
    problem = "The folder of the file root scans is not there; mount it and run again."
    connection.execute(ledger.outbox.insert(), [waiting | {"id": n, "problem": problem} for n in ("o1", "o2")])


def _hold(name: str, placed_at: dt.datetime, released_at: dt.datetime | None = None, **key: int) -> dict[str, Any]:
    return {
        "id": name,
        "scope": "person",
        "table_name": "users",
        "reason": "court claim",
        "author": "lawyer",
        "placed_at": placed_at,
        "released_at": released_at,
        **key,
    }
