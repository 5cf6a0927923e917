"""MariaDB itself is killed in the middle of a slice and comes back, as in a power cut: the slice was not done, the run
ends with a sentence, and the next one does everything once. On a server of the test's own, which may be killed."""

import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pymysql
import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from tests.integration.night_support import wait_until
from tests.integration.races.judging import Archive, check_ledger
from tests.integration.small_operator import SHOP, SHOP_POLICY, Operator
from tests.integration.test_server_restarted import DUE, PEOPLE
from worker.telling import foreseen

PLACES = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin"


def program(name: str) -> str:
    """Where it is; a newcomer's machine may have the server elsewhere, in a container."""
    found = shutil.which(name) or shutil.which(name, path=PLACES)
    if found is None:
        pytest.skip(f"The program {name} is not on this machine: a MariaDB that dies was NOT RUN.")
    return found


@dataclass
class Server:
    """A mariadbd with a folder of its own."""

    folder: Path
    port: int
    process: "subprocess.Popen[bytes] | None" = field(default=None)

    @property
    def url(self) -> str:
        return f"mysql+pymysql://root@127.0.0.1:{self.port}/shop"

    def make(self) -> None:
        """Its system tables: root comes in without a password, and only from here."""
        options = ("--no-defaults", f"--datadir={self.folder}", "--auth-root-authentication-method=normal")
        made = [program("mariadb-install-db"), *options, "--skip-test-db", "--user=root"]
        subprocess.run(made, check=True, capture_output=True)

    def start(self) -> None:
        """Up; what a killed one left in its log is done again or undone first."""
        place = (f"--datadir={self.folder}", f"--socket={self.folder}/own.sock", f"--port={self.port}")
        few = ("--bind-address=127.0.0.1", "--innodb-buffer-pool-size=64M", "--user=root")
        started = [program("mariadbd"), "--no-defaults", *place, *few]
        self.process = subprocess.Popen(started, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(self.answers)

    def answers(self) -> bool:
        with suppress(pymysql.Error):
            pymysql.connect(host="127.0.0.1", port=self.port, user="root").close()
            return True
        return False

    def kill(self) -> None:
        """Down without a word to anybody."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def power_cut(self) -> None:
        self.kill()
        self.start()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    folder = Path(tempfile.mkdtemp(prefix="merzim-mariadb-"))
    found = Server(folder, port)
    try:
        found.make()
        found.start()
        yield found
    finally:
        found.kill()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def operator(server: Server, tmp_path: Path) -> Iterator[Operator]:
    with pymysql.connect(host="127.0.0.1", port=server.port, user="root") as connection:
        for statement in ("DROP DATABASE IF EXISTS shop", "DROP DATABASE IF EXISTS shop_ledger"):
            connection.cursor().execute(statement)
        connection.cursor().execute("CREATE DATABASE shop CHARACTER SET utf8mb4")
    made = Operator(tmp_path, server.url, SHOP_POLICY)
    made.sql(*SHOP, f"INSERT INTO people VALUES {', '.join(PEOPLE)}")
    yield made
    made.tools.database.engine.dispose()


@pytest.mark.parametrize("moment", ["FOR UPDATE SKIP LOCKED", "UPDATE people", "COMMIT"])
def test_mariadb_dies(server: Server, operator: Operator, moment: str) -> None:
    engine, said, cut = operator.tools.database.engine, list[str](), list[str]()

    def once(*needed: str) -> None:
        if not cut and all(any(part in words for words in said) for part in needed):
            cut.append(moment)
            server.power_cut()

    def statement(_: Any, __: Any, words: str, *___: Any) -> None:
        said.append(words)
        if moment in words:
            once("INSERT INTO shop_ledger.intent")

    def commit(_: Any) -> None:
        once("INSERT INTO shop_ledger.entry")

    operator.accustom()
    before = operator.contents()
    sa.event.listen(engine, "before_cursor_execute", statement)
    if moment == "COMMIT":
        sa.event.listen(engine, "commit", commit)
    with pytest.raises(DBAPIError) as stopped:
        operator.usual_night()
    assert cut == [moment]
    assert foreseen(stopped.value)
    assert operator.contents() == before
    assert operator.ledger("entry") == []
    assert operator.usual_night().state == "done"
    assert operator.ids("people", "name = ''") == list(range(1, DUE + 1))
    archived = [place for e in operator.ledger("entry") for place in Archive(operator).of(e["attempt"])]
    assert sorted(archived) == [("people", i) for i in range(1, DUE + 1)]
    check_ledger(operator)
