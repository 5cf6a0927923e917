"""`run --enqueue`, `run --watch`, `serve` and `status`, as an operator uses them."""

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.integration.fleet import Fleet, open_fleet, window
from tests.integration.night_support import assert_all_done_once, wait_until

MERZIM = str(Path(sys.executable).with_name("merzim"))
PEOPLE = range(1, 251)


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    """People who are due, outside the window: only what somebody asks for is done."""
    with open_fleet(tmp_path, PEOPLE) as fleet:
        yield fleet.settle(WINDOW=window(-120, -60))


def merzim(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MERZIM_")}
    command = [MERZIM, "--env-file", str(folder / "merzim.env"), *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)


def status(folder: Path) -> tuple[int, dict[str, Any]]:
    done = merzim(folder, "status", "--json")
    facts: dict[str, Any] = json.loads(done.stdout)
    return done.returncode, facts


def test_a_run_is_handed_to_the_workers_and_watched(fleet: Fleet) -> None:
    fleet.worker()
    done = merzim(fleet.folder, "run", "--enqueue", "--watch", "--json")
    said = json.loads(done.stdout)
    assert (done.returncode, said["state"]) == (0, "done"), done.stderr
    assert said["counts"]["depersonalised"] == 2 * len(PEOPLE)
    assert said["run"] in done.stderr
    assert_all_done_once(fleet.club, PEOPLE)
    assert fleet.events("slice committed", "worker")


def test_a_run_is_stored_though_the_broker_is_away(fleet: Fleet) -> None:
    fleet.broker.stop()
    done = merzim(fleet.folder, "run", "--enqueue", "--json")
    said = json.loads(done.stdout)
    assert (done.returncode, said["state"]) == (0, "open")
    assert "The broker does not answer" in done.stderr
    fleet.broker.start()
    fleet.worker()
    fleet.beat()
    watched = merzim(fleet.folder, "run", "--watch", "--json")
    assert (watched.returncode, json.loads(watched.stdout)["run"]) == (0, said["run"])
    assert_all_done_once(fleet.club, PEOPLE)


def test_there_is_nothing_to_watch(fleet: Fleet) -> None:
    done = merzim(fleet.folder, "run", "--watch")
    assert (done.returncode, done.stdout) == (2, "")
    assert "No run is being carried out" in done.stderr


def test_enqueue_needs_a_broker(tmp_path: Path) -> None:
    assert merzim_demo(tmp_path).returncode == 0
    done = merzim(tmp_path / "shop", "run", "--enqueue")
    assert done.returncode == 3
    assert "MERZIM_BROKER_URL is not set" in done.stderr


def test_status_tells_who_is_away(fleet: Fleet) -> None:
    code, facts = status(fleet.folder)
    assert (code, facts["workers"], facts["messages_waiting"]) == (1, [], 0)
    assert {"No worker", "No sweep"} == {" ".join(p.split()[:2]) for p in facts["problems"]}
    assert merzim(fleet.folder, "status", "--worker").returncode == 1
    assert merzim(fleet.folder, "status", "--beat").returncode == 1
    worker, beat = fleet.worker(), fleet.beat()
    wait_until(lambda: status(fleet.folder)[0] == 0)
    _, facts = status(fleet.folder)
    assert len(facts["workers"]) == 1
    assert merzim(fleet.folder, "status", "--worker", "--beat").returncode == 0
    fleet.kill(worker)
    fleet.kill(beat)
    fleet.broker.stop()
    code, facts = status(fleet.folder)
    assert (code, facts["messages_waiting"]) == (1, None)
    assert any("The broker does not answer" in problem for problem in facts["problems"])


def merzim_demo(folder: Path) -> "subprocess.CompletedProcess[str]":
    command = [MERZIM, "demo", "--people", "60", "--no-run", "--dir", str(folder / "shop")]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def test_one_process_serves_an_sqlite_installation(tmp_path: Path) -> None:
    """No broker, no server: the night of an open window is made, carried out, closed and reported; SIGTERM ends it."""
    assert merzim_demo(tmp_path).returncode == 0
    folder = tmp_path / "shop"
    policy = folder / "kpi.yaml"
    text = re.sub(r"^(brake|window):.*$", "", policy.read_text("utf-8"), flags=re.MULTILINE)
    policy.write_text(text, "utf-8")
    first = merzim(folder, "run", "--now", "2000-01-01T00:00:00+00:00")  # finds nothing, so nothing is to be approved
    assert first.returncode == 0, first.stderr
    with (folder / "merzim.env").open("a") as settings:
        settings.write(f"MERZIM_WINDOW={window(-30, 120)}\nMERZIM_SWEEP_SECONDS=1\n")
    with (folder / "serve.log").open("wb") as log:
        command = [MERZIM, "--env-file", str(folder / "merzim.env"), "serve"]
        serving = subprocess.Popen(command, stdout=log, stderr=log, cwd=tmp_path)
    try:
        wait_until(lambda: night_of(folder) == "done", 180)
        wait_until(lambda: len(list((folder / "reports").glob("*.html"))) == 2)
        os.kill(serving.pid, signal.SIGTERM)
        assert serving.wait(timeout=60) == 0
    finally:
        serving.kill()
    said = (folder / "serve.log").read_text("utf-8")
    assert "Beat and worker are one process" in said
    assert '"event": "slice committed"' in said
    assert "Traceback" not in said
    assert [path.name for path in tmp_path.iterdir()] == ["shop"]  # it leaves no file where it happened to start
    again = merzim(folder, "run", "--json")
    assert json.loads(again.stdout)["counts"]["depersonalised"] == 0


def night_of(folder: Path) -> str | None:
    with closing(sqlite3.connect(folder / "agency.db")) as agency:
        row = agency.execute("SELECT state FROM merzim_run WHERE kind = 'night'").fetchone()
        return None if row is None else str(row[0])
