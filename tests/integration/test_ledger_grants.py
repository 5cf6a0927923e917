"""The least-privilege role can do a whole run, and cannot touch what was recorded."""

import uuid
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.integration.ledger_support import NOW, Place, ledger_place, new_run, store_test_policy
from worker.ledger.batches import Entry, NewBatch, advance_batch, claim_batch, store_batches, write_entry, write_intent
from worker.ledger.grants import grants
from worker.ledger.holds import Hold, release
from worker.ledger.holds import place as place_hold
from worker.ledger.runs import close_run, create_run
from worker.ledger.seal import seal_run
from worker.ledger.signing import key_id, public_pem
from worker.ledger.verify import verify
from worker.ledger.version import current_state


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """The place as seen by a role that has the printed grants and nothing else."""
    role = f"merzim worker {uuid.uuid4().hex}"
    with ledger_place("postgresql", tmp_path_factory.mktemp("grants")) as place:
        with place.engine.begin() as conn:
            conn.exec_driver_sql("CREATE TABLE users (id integer primary key, name text)")
            conn.exec_driver_sql(f'CREATE ROLE "{role}" LOGIN')
            for statement in grants("merzim", role, {"public.users": {"SELECT", "UPDATE"}}):
                conn.exec_driver_sql(statement)
        engine = sa.create_engine(place.engine.url.set(username=role))
        yield Place(engine, place.ledger)
        engine.dispose()
        with place.engine.begin() as conn:
            conn.exec_driver_sql(f'DROP OWNED BY "{role}"')
            conn.exec_driver_sql(f'DROP ROLE "{role}"')


def test_a_whole_run_works_under_the_role(limited: Place) -> None:
    key, ledger = Ed25519PrivateKey.generate(), limited.ledger
    with limited.engine.begin() as conn:
        assert current_state(conn, "merzim") == "current"
        store_test_policy(conn, ledger)
        run, _ = create_run(conn, ledger, new_run())
        store_batches(conn, ledger, run.id, [NewBatch("kpi/x", [[1]], 1)])
        write_intent(conn, ledger, attempt="a", run_id=run.id, batch=1, segment=None, at=NOW)
        release(conn, ledger, place_hold(conn, ledger, Hold("table", "users", "court", "me", NOW)), "me", NOW)
    with limited.engine.begin() as conn:
        batch = claim_batch(conn, ledger, run.id)
        assert batch is not None
        conn.exec_driver_sql("UPDATE users SET name = NULL")
        write_entry(conn, ledger, Entry("a", run.id, 1, 1, "slice", "kpi/x", {}, NOW))
        advance_batch(conn, ledger, batch, cursor=None, slices=1, state="done")
    with limited.engine.begin() as conn:
        close_run(conn, ledger, run.id, "done", NOW)
        seal_run(conn, ledger, run.id, key.sign, key_id(key), NOW)
        assert verify(conn, ledger, [public_pem(key)]) == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE merzim.entry SET part = true",
        "DELETE FROM merzim.entry",
        "TRUNCATE merzim.seal",
        "DELETE FROM merzim.seal",
        "DELETE FROM merzim.hold",
        "DELETE FROM merzim.run",
        "UPDATE merzim.policy SET text = ''",
        "UPDATE merzim.alembic_version SET version_num = '0'",
        "ALTER TABLE merzim.entry DISABLE TRIGGER ALL",
        "DELETE FROM users",
    ],
)
def test_the_role_may_do_no_more(limited: Place, statement: str) -> None:
    with limited.engine.connect() as conn, pytest.raises(sa.exc.ProgrammingError, match=r"permission denied|owner"):
        conn.exec_driver_sql(statement)
