"""The database knows less than the archive: restored from a backup, gone over to a replica, or copied for staging."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.faults.disturbing import quiet
from tests.integration.faults.ending import ending_of, rows_of, wrongs_of
from tests.integration.faults.scene import Scene, scene_on
from tests.integration.faults.wire import Step, Wire, counting
from tests.integration.small_operator import EACH, NOW
from worker.archive.keys import read_identities
from worker.bootstrap import install
from worker.pipeline.beginning import Wish
from worker.pipeline.night import night
from worker.pipeline.replaying import accept, look
from worker.pipeline.sweep import sweep
from worker.pipeline.tools import Refused
from worker.pipeline.work import Progress

silent = pytest.fixture(autouse=True, scope="module")(quiet)


class Killed(BaseException):
    """The process ends here."""


@pytest.fixture(scope="module", params=EACH)
def each(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder: Path = tmp_path_factory.mktemp("backups")
    yield from scene_on(request.param, folder)


@pytest.fixture
def scene(each: Scene) -> Scene:
    each.reset()
    each.remember()
    return each


def state(scene: Scene) -> object:
    """Everything that must not change."""
    names = ("run", "batch", "intent", "entry", "seal", "tombstone", "outbox")
    ledger = {name: sorted(map(repr, scene.operator.ledger(name))) for name in names}
    disks = sorted((p, p.read_bytes()) for p in scene.operator.folder.rglob("*") if p.suffix in (".age", ".png"))
    return rows_of(scene.operator), ledger, disks


def test_after_a_restored_backup_nights_refuse_until_replay_and_then_everybody_is_done_again(scene: Scene) -> None:
    operator, before = scene.operator, rows_of(scene.operator)
    run = operator.night()
    expected, made = ending_of(scene, before), set(operator.segments(run.run_id))
    scene.reset_database()
    forgotten = state(scene)
    with pytest.raises(Refused, match=f"has {len(made)} segments .* this ledger does not know.*merzim replay"):
        operator.night()
    assert sweep(operator.tools).removed == 0
    assert state(scene) == forgotten

    found = look(operator.tools, read_identities(operator.identity_file))
    assert {s.copy.segment for s in found} == made
    assert {s.run for s in found} == {run.run_id}
    assert sum(s.rows or 0 for s in found) == expected.archived.total()
    with pytest.raises(Refused, match="look at `merzim replay` once more"):
        accept(operator.tools, operator.policy, found, len(made) + 1)
    assert state(scene) == forgotten

    entries = operator.entries(accept(operator.tools, operator.policy, found, len(made)))
    assert {e["segment"]: (e["stage"], e["archive_until"]) for e in entries} == {
        s.copy.segment: (s.copy.stage, s.copy.until) for s in found
    }
    assert look(operator.tools) == []
    assert operator.night().state == "done"
    assert wrongs_of(scene) == []
    again = ending_of(scene, before)
    assert again.rows == expected.rows
    assert again.archived == expected.archived + expected.archived  # the copies of then, and those of now


@pytest.mark.parametrize("each", ["sqlite"], indirect=True)
def test_the_program_refuses_lists_and_writes_down(scene: Scene) -> None:
    operator = scene.operator
    made = len(operator.segments(operator.night().run_id))
    scene.reset_database()
    refused = operator.cli("run", "--now", NOW.isoformat(), "--json")
    assert (refused.returncode, "merzim replay" in refused.stderr) == (2, True), refused.stderr
    assert len(json.loads(operator.cli("replay").stdout)["segments"]) == made
    assert operator.cli("replay", "--accept", str(made - 1)).returncode == 2
    accepted = operator.cli("replay", "--accept", str(made))
    assert accepted.returncode == 0, accepted.stderr
    assert len(operator.entries(json.loads(accepted.stdout)["accepted"])) == made
    assert operator.cli("ledger", "verify").returncode == 0
    assert operator.night().state == "done"


def test_a_replica_that_lost_the_last_commits_keeps_what_the_disks_hold(scene: Scene) -> None:
    """The replica knows the first slice, and the intent of the second."""
    operator, before = scene.operator, rows_of(scene.operator)

    def one_slice(_: Progress) -> None:
        raise Killed

    with pytest.raises(Killed):
        operator.night(watch=one_slice)
    scene.remember()
    assert operator.night().state == "done"
    lost = set(operator.tools.store.names() if operator.tools.store else ())
    scene.reset_database()
    lost -= {e["segment"] for e in operator.ledger("entry")}
    forgotten = state(scene)
    with pytest.raises(Refused, match="merzim replay"):
        operator.night()
    assert state(scene) == forgotten
    accept(operator.tools, operator.policy, look(operator.tools), len(lost))
    assert operator.night().state == "done"
    assert wrongs_of(scene) == []
    assert {number for number, row in rows_of(operator)["people"].items() if row["note"] is None} == {1, 2, 3, 4}
    assert before["people"][8] == rows_of(operator)["people"][8]


def test_nothing_is_swept_while_the_archive_knows_more(scene: Scene) -> None:
    """A segment whose slice the restored database takes for lost may be the only copy of what was done."""
    operator = scene.operator
    with pytest.raises(Killed), counting(Wire(operator.folder, before=_kill_with_a_segment)):
        operator.night()
    assert operator.tools.spool is not None
    (orphan,) = operator.tools.spool.names()
    scene.remember()
    content = operator.tools.spool.path(orphan).read_bytes()
    assert operator.night().state == "done"
    scene.reset_database()
    operator.tools.spool.path(orphan).write_bytes(content)
    assert sweep(operator.tools).unknown == (orphan,)
    assert operator.tools.spool.names() == [orphan]


def _kill_with_a_segment(step: Step) -> None:
    """Between the segment and its entry."""
    if "entry (" in step.said and step.said.startswith("INSERT"):
        raise Killed


def test_a_copy_for_staging_refuses_until_it_has_an_archive_of_its_own(scene: Scene) -> None:
    """The original has gone on writing meanwhile."""
    operator = scene.operator
    operator.night()
    scene.reset_database()  # the copy, made before that night
    with pytest.raises(Refused, match="MERZIM_ARCHIVE_URL"):
        operator.night()
    archive = sorted(operator.folder.glob("archive/**/*.age"))
    settings = operator.env_file.read_text()
    copy = operator.folder / "copy.env"
    copy.write_text(settings.replace("=archive\n", "=archive-of-staging\n").replace("=spool\n", "=spool-of-staging\n"))
    tools = install(copy).tools
    assert night(tools, operator.policy, Wish(NOW)).state == "done"
    tools.database.engine.dispose()
    assert sorted(operator.folder.glob("archive/**/*.age")) == archive
