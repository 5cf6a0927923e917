"""Two `merzim run` at once on PostgreSQL share one run."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.integration.night_support import NOW, Club, assert_all_done_once, open_club, segments_without_entry
from worker.ledger.gate import hold_exclusive
from worker.pipeline import beginning, night
from worker.pipeline.beginning import Wish
from worker.pipeline.halting import when_asked

MERZIM = str(Path(sys.executable).with_name("merzim"))
PEOPLE = range(1, 61)


@pytest.fixture
def club(tmp_path: Path) -> Iterator[Club]:
    """Sixty people who have been quiet for years; three stages, and so three batches."""
    with open_club(tmp_path) as club:
        for person in PEOPLE:
            club.add(person, f"8101013{person:05}")
        yield club


def start(club: Club, folder: Path) -> "subprocess.Popen[str]":
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MERZIM_")}
    command = [MERZIM, "--env-file", str(club.env_file(folder)), "run", "--now", NOW.isoformat(), "--json"]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_two_processes_at_once_share_one_run(club: Club, tmp_path: Path) -> None:
    """Both plan, one makes the run, and each is in a slice of its own at the same time."""
    runs_before = club.value("SELECT count(*) FROM merzim.run")
    with club.tools.database.writing() as gate, psycopg.connect(club.url) as door:
        hold_exclusive(gate, club.tools.ledger)
        door.execute("LOCK TABLE merzim.installation IN ACCESS EXCLUSIVE MODE")
        processes = [start(club, tmp_path), start(club, tmp_path)]
        club.wait_for_waiter("relation", 2)  # both have started
        door.commit()
        club.wait_for_waiter("advisory", 2)  # both have a batch of the run, and stand at the gate
    said = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], said
    answers: list[dict[str, Any]] = [json.loads(output) for output, _ in said]
    assert answers[0]["run"] == answers[1]["run"]
    assert {answer["state"] for answer in answers} == {"done"}
    assert club.value("SELECT count(*) FROM merzim.run") == runs_before + 1
    assert_all_done_once(club, PEOPLE)
    assert segments_without_entry(club) == set()


def test_who_planned_too_late_joins(club: Club, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between this process's look for an open run and its plan another one begins, and changes somebody: the approved
    fingerprint is not that of what is left. That is no reason to refuse."""
    approved = club.plan(NOW).fingerprint
    elsewhere = []

    def begin_elsewhere() -> None:
        asked = iter([False, True])
        outcome = night.night(
            club.tools,
            club.policy,
            Wish(NOW, approve=approved, signer=club.signer),
            halt=when_asked(lambda: next(asked)),
        )
        assert (outcome.state, outcome.progress.slices) == ("open", 1)
        elsewhere.append(outcome.run_id)

    begin: Callable[..., Any] = beginning.begin

    def begin_late(*arguments: Any) -> Any:
        monkeypatch.setattr("worker.pipeline.night.begin", begin)
        begin_elsewhere()
        return begin(*arguments)

    monkeypatch.setattr("worker.pipeline.night.begin", begin_late)
    outcome = night.night(club.tools, club.policy, Wish(NOW, approve=approved, signer=club.signer))
    assert (outcome.run_id, outcome.state) == (elsewhere[0], "done")
    assert_all_done_once(club, PEOPLE)
    assert segments_without_entry(club) == set()
