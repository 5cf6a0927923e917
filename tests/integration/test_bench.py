"""`merzim bench` on each database, with few rows: what it prints, and that nothing is left behind. Nothing is timed."""

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tests.conftest import SERVER
from tests.integration.night_support import wait_until
from tests.mariadb_server import mariadb_url

MERZIM = str(Path(sys.executable).with_name("merzim"))
SMALL = ("--people", "400", "--messages", "800")
# Every case on one server at least: a night takes seconds.
CASES = {"sqlite": ["depersonalise", "python"], "postgresql": ["depersonalise", "delete"], "mysql": ["depersonalise"]}
SERVERS = ("sqlite", "postgresql", "mysql")
LISTS = {"postgresql": "SELECT datname FROM pg_database", "mysql": "SHOW DATABASES"}


@pytest.fixture(autouse=True)
def alone() -> Iterator[None]:
    """One bench at a time, however many processes the tests run in: else what another has is taken for left behind."""
    with (Path(tempfile.gettempdir()) / f"merzim_bench_tests_{os.getuid()}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def url_of(dialect: str, folder: Path) -> str:
    """A server, or a place for files."""
    if dialect == "sqlite":
        return f"sqlite:///{folder}/any.db"
    url = sa.make_url(os.environ[SERVER]) if dialect == "postgresql" else mariadb_url()
    return url.render_as_string(hide_password=False)


def own_things(dialect: str, folder: Path) -> set[str]:
    """What benches have made on the server or in the folder."""
    if dialect == "sqlite":
        return {path.name for path in folder.iterdir() if path.suffix.startswith(".db")}
    engine = sa.create_engine(url_of(dialect, folder), poolclass=sa.NullPool)
    with engine.connect() as connection:
        names = connection.exec_driver_sql(LISTS[dialect]).scalars()
        return {name for name in names if name.startswith("merzim_bench_")}


@contextmanager
def started(*arguments: str, folder: Path) -> Iterator["subprocess.Popen[str]"]:
    """The program, with a temporary folder of the test's own, and a setting that would lead it astray."""
    environment = os.environ | {"TMPDIR": str(folder), "MERZIM_DATABASE_URL": f"sqlite:///{folder}/astray.sqlite"}
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen([MERZIM, "bench", *arguments], env=environment, **pipes)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def bench(*arguments: str, folder: Path) -> tuple[int, str, str]:
    """Exit code and what the program said."""
    with started(*arguments, folder=folder) as process:
        output, errors = process.communicate(timeout=500)
        return process.returncode, output, errors


def answer(*arguments: str, folder: Path) -> Any:
    """The JSON of a bench that went well."""
    code, output, errors = bench(*arguments, folder=folder)
    assert (code, errors) == (0, "")
    return json.loads(output)


@pytest.mark.parametrize("dialect", SERVERS)
def test_nights_are_measured_beside_the_limit_and_nothing_is_left(dialect: str, tmp_path: Path) -> None:
    before = own_things(dialect, tmp_path)
    url, cases = url_of(dialect, tmp_path), [part for case in CASES[dialect] for part in ("--case", case)]
    found = answer("night", *SMALL, *cases, "--repeat", "1", "--json", "--database-url", url, folder=tmp_path)
    workers = [1] if dialect == "sqlite" else [1, 2]
    for case in (found, *(found[name] for name in CASES[dialect][1:])):
        assert min(case["limit"]["one"], case["limit"]["batches"]) > 0
        assert (case["limit"]["two"] is None) == (dialect == "sqlite")
        assert [night["workers"] for night in case["night"]] == workers
        for night in case["night"]:
            assert night["rows_per_second"] > 0
            assert night["ratio"] > 0
            assert 0 < night["p95_transaction_ms"] <= night["longest_transaction_ms"]
            assert night["peak_memory_mb"] > 20
            assert night["cpu_seconds"] > 0
            assert 0 < night["planning_seconds"] < night["seconds"]
            assert (night["log_bytes"] is None) == (dialect == "sqlite")
        assert "plan" in {step["step"] for step in case["profile"]["steps"]}  # a short step may fall between two looks
    # 20 percent of 400 people are due; two of them owe something, and two are held by hand.
    assert {night["rows"] for night in found["night"]} == {76}
    if "delete" in found:
        assert {night["rows"] for night in found["delete"]["night"]} == {2 * 76}
    assert found["measured"] == {"database": dialect, "people": 400, "messages": 800, "due_percent": 20}
    assert own_things(dialect, tmp_path) <= before
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("dialect", ["postgresql", "mysql"])
def test_visitors_are_measured_beside_nothing_an_update_and_a_night(dialect: str, tmp_path: Path) -> None:
    before = own_things(dialect, tmp_path)
    url = ("--database-url", url_of(dialect, tmp_path))
    found = answer("guest", "--people", "400", "--rate", "100", "--seconds", "3", "--json", *url, folder=tmp_path)
    assert found["visitors"] in ("pgbench", "python")
    for phase in ("idle", "update", "batches", "night"):
        assert found[phase]["errors"] == 0
    for phase in ("idle", "night"):
        assert found[phase]["visits"] > 0
        assert 0 < found[phase]["p50"] <= found[phase]["p99"] <= found[phase]["p99_9"] <= found[phase]["max"]
    assert own_things(dialect, tmp_path) <= before
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("dialect", SERVERS)
def test_growth_is_measured_on_three_nights_of_each_size(dialect: str, tmp_path: Path) -> None:
    before = own_things(dialect, tmp_path)
    url = ("--database-url", url_of(dialect, tmp_path))
    found = answer("grow", "--sizes", "200,400", "--json", *url, folder=tmp_path)
    for size, due, newly in zip(found["sizes"], (38, 76), (10, 20), strict=True):
        rows = [size[night]["rows"] for night in ("first", "nothing_due", "after_years")]
        assert rows == [due, 0, newly]
        assert size["nothing_due"]["by_hand_seconds"] >= 0
        assert size["nothing_due"]["plan_ratio"] > 0
        assert size["after_years"]["peak_memory_mb"] > 20
    assert set(found["exponent"]) == {"first", "nothing_due", "after_years"}
    assert own_things(dialect, tmp_path) <= before
    assert list(tmp_path.iterdir()) == []


PT_ARCHIVER = """#!{python}
import sys
import pymysql
given = dict(zip(sys.argv[1::2], sys.argv[2::2]))
where = dict(part.split("=", 1) for part in given["--source"].split(","))
connection = pymysql.connect(host=where["h"], port=int(where["P"]), user=where["u"], database=where["D"])
open(given["--file"], "w").close()
connection.cursor().execute(f"DELETE FROM {{where['t']}} WHERE {{given['--where']}}")
connection.commit()
"""


def test_a_night_is_measured_beside_pt_archiver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the installed one, else with a stand-in that takes the same options."""
    if shutil.which("pt-archiver") is None:
        stand_in = tmp_path / "bin" / "pt-archiver"
        stand_in.parent.mkdir()
        stand_in.write_text(PT_ARCHIVER.format(python=sys.executable))
        stand_in.chmod(0o755)
        monkeypatch.setenv("PATH", f"{stand_in.parent}:{os.environ['PATH']}")
    folder = tmp_path / "folder"
    folder.mkdir()
    before = own_things("mysql", folder)
    url = ("--database-url", url_of("mysql", folder))
    found = answer("peers", *SMALL, "--repeat", "1", "--json", *url, folder=folder)
    assert all(found["rows_per_second"][name] > 0 for name in ("pt_archiver", "limit", "night"))
    assert set(found["times_pt_archiver"]) == {"limit", "night"}
    assert own_things("mysql", folder) <= before
    assert list(folder.iterdir()) == []


def test_without_pt_archiver_it_says_where_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    code, output, errors = bench("peers", "--database-url", "mysql://root@127.0.0.1:1/", folder=tmp_path)
    assert (code, output) == (2, "")
    assert "percona-toolkit" in errors
    assert "MariaDB only" in bench("peers", folder=tmp_path)[2]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("dialect", SERVERS)
def test_an_interrupted_bench_leaves_nothing(dialect: str, number: int, tmp_path: Path) -> None:
    before = own_things(dialect, tmp_path)
    arguments = ("night", *SMALL, "--repeat", "1000", "--database-url", url_of(dialect, tmp_path))
    with started(*arguments, folder=tmp_path) as process:
        wait_until(lambda: len(own_things(dialect, tmp_path) - before) > 1, 120)  # the template, and a turn
        process.send_signal(number)
        _, errors = process.communicate(timeout=120)
    assert (process.returncode, errors) == (130, "")
    assert own_things(dialect, tmp_path) <= before
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def powerless() -> Iterator[str]:
    """The URL of a role that may create no database."""
    url = sa.make_url(os.environ[SERVER])
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        name = f"bench_{os.getpid()}"
        connection.exec_driver_sql(f"CREATE ROLE {name} LOGIN PASSWORD 'a' NOCREATEDB")
        yield url.set(username=name, password="a").render_as_string(hide_password=False)
        connection.exec_driver_sql(f"DROP ROLE {name}")


def test_without_the_right_to_create_databases_it_says_so(powerless: str, tmp_path: Path) -> None:
    code, output, errors = bench("night", *SMALL, "--database-url", powerless, folder=tmp_path)
    assert (code, output) == (3, "")
    assert "permission denied to create database" in errors
    assert "Traceback" not in errors


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["--database-url", "nonsense"], 3, "is no database URL"),
        (["--database-url", "oracle://x/y"], 3, "oracle"),
        (["--database-url", "postgresql://nobody@127.0.0.1:1/x"], 3, "refused"),
        (["--database-url", "mysql://nobody@127.0.0.1:1/x"], 3, "refused"),
        (["--case", "sideways"], 2, "There is no case sideways"),
        (["--workers", "one"], 2, "Give numbers of workers"),
        (["--workers", "0"], 2, "Give numbers of workers"),
    ],
)
def test_mistakes_end_in_a_sentence(arguments: list[str], code: int, sentence: str, tmp_path: Path) -> None:
    done, output, errors = bench("night", *SMALL, *arguments, folder=tmp_path)
    assert (done, output) == (code, "")
    assert sentence in errors
    assert "Traceback" not in errors
    assert list(tmp_path.iterdir()) == []
