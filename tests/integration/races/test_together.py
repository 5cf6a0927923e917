"""Several that destroy at once on PostgreSQL and MariaDB: four processes on one run, and a purge beside the night."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Set
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.integration.night_support import wait_until
from tests.integration.purge_support import approved
from tests.integration.races.circle import STAGES, Circle, circle_on, settle
from tests.integration.races.judging import Archive, check_ledger
from tests.integration.small_operator import NOW, Operator
from tests.mariadb_server import ON_BOTH
from worker.ledger.gate import hold_exclusive

CIRCLES = [Circle(n) for n in range(1, 71)]
PROCESSES = 4
STARTING_SECONDS = 180
MERZIM = Path(sys.executable).with_name("merzim")


@pytest.fixture(params=["postgresql", "mysql"])
def operator(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Operator]:
    for operator in circle_on(request.param, tmp_path):
        settle(operator, CIRCLES)
        yield operator


def test_four_processes_share_one_run(operator: Operator) -> None:
    runs = len(operator.ledger("run"))
    with operator.tools.database.writing() as gate:
        hold_exclusive(gate, operator.tools.ledger)
        processes = [start(operator) for _ in range(PROCESSES)]
        # Asking the gate's own session keeps it from being ended as idle.
        wait_until(lambda: batches_begun(gate, operator) >= PROCESSES, STARTING_SECONDS)
    said = [process.communicate(timeout=300) for process in processes]
    assert [process.returncode for process in processes] == [0] * PROCESSES, said
    answers = [json.loads(output) for output, _ in said]
    assert len({answer["run"] for answer in answers}) == 1
    assert {answer["state"] for answer in answers} == {"done"}
    assert len(operator.ledger("run")) == runs + 1
    assert_all_done_once(operator)


@pytest.mark.parametrize("operator", ["postgresql", *ON_BOTH], indirect=True)
def test_a_purge_beside_the_night(operator: Operator) -> None:
    """Two processes, each of which begins what waits and goes on with what is open, the purge before the night."""
    erased = [c.clara for c in CIRCLES[:5]]
    approved(operator, "erasure", people=erased)
    processes = [start(operator), start(operator)]
    said = [process.communicate(timeout=600) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], said
    assert [r["state"] for r in operator.ledger("request")] == ["done"]
    assert_all_done_once(operator, set(erased))


def batches_begun(connection: sa.Connection, operator: Operator) -> int:
    intent = operator.tools.ledger.intent
    return int(connection.execute(sa.select(sa.func.count(intent.c.batch.distinct()))).scalar_one())


def start(operator: Operator) -> "subprocess.Popen[str]":
    (operator.folder / "policy.yaml").write_text(operator.policy_text)
    command = [MERZIM, "--env-file", operator.env_file, "run", "--now", NOW.isoformat(), "--json"]
    return subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def assert_all_done_once(operator: Operator, erased: Set[int] = frozenset()) -> None:
    """Everybody due is done, whole, and each row was archived once in its stage; Claras are as they were."""
    claras = {c.clara for c in CIRCLES} - erased
    assert set(operator.ids("people", "name <> ''")) == claras
    assert {n // 10 for n in operator.ids("letters")} == claras
    assert {n // 10 for n in operator.ids("visits")} == claras
    assert {n // 10 for n in operator.ids("payments", "note IS NOT NULL")} == {c.clara for c in CIRCLES}
    archive, found = Archive(operator), Counter[tuple[str, str, int]]()
    for entry in operator.ledger("entry"):
        found.update((entry["stage"], *place) for place in archive.of(entry["attempt"]))
    assert {stage.rpartition("/")[2] for stage, _, _ in found} == set(STAGES)
    assert set(found.values()) == {1}
    assert {b["state"] for b in operator.ledger("batch")} == {"done"}
    check_ledger(operator)
