"""The services of docker-compose.yml see a night through: their commands, settings, secrets and health checks from the
file, on a real PostgreSQL under the role of `--print-grants` and a Redis with a password."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.integration.compose import Compose
from tests.integration.deployed import deployed, follow, guide
from tests.integration.fleet import window
from tests.integration.night_support import POLICY, Club, assert_all_done_once, open_club, wait_until

PEOPLE = range(1, 101)
NIGHT_SECONDS = 240  # a window opens with a full minute
SERVICES = ("redis", "worker", "beat")


@dataclass
class Deployment:
    """A club whose merzim is deployed, with everything ready for its first night."""

    club: Club
    compose: Compose

    def events(self, service: str, event: str) -> list[dict[str, Any]]:
        """What a service logged under this name."""
        lines = self.compose.log(service).read_text("utf-8").splitlines()
        return [said for said in (json.loads(line) for line in lines if line.startswith("{")) if said["event"] == event]

    def state(self) -> str | None:
        """The state of the night, as far as there is one."""
        with self.club.session() as session:
            row = session.execute("SELECT state FROM merzim.run WHERE kind = 'night'").fetchone()
        return None if row is None else str(row[0])


@pytest.fixture
def deployment(tmp_path: Path) -> Iterator[Deployment]:
    """Secrets, folders, ledger and role are made by the guide's own commands."""
    (tmp_path / "clone").mkdir()
    with open_club(tmp_path) as club, deployed(tmp_path / "clone", club.url) as engine:
        club.add_many(PEOPLE)
        (tmp_path / "clone" / "config" / "policies" / "kpi.yaml").write_text(POLICY, "utf-8")
        follow(engine, [*guide(1, 2, 3), guide(4)[1]])
        yield Deployment(club, engine.compose)


def test_the_services_see_a_night_through(deployment: Deployment) -> None:
    club, compose = deployment.club, deployment.compose
    compose.start("redis")
    wait_until(lambda: compose.is_healthy("redis"))
    compose.changes["MERZIM_WINDOW"] = window(2, 120)  # both must be up by then, for beat's message to be the first
    compose.start("worker")
    compose.start("beat")
    wait_until(lambda: compose.is_healthy("worker") and compose.is_healthy("beat"))
    wait_until(lambda: bool(deployment.events("worker", "slice committed")), NIGHT_SECONDS)
    assert compose.stop("worker") == 0  # in mid-run: whoever restarts a container loses nothing
    compose.start("worker")
    wait_until(lambda: deployment.state() == "done", NIGHT_SECONDS)
    assert_all_done_once(club, PEOPLE)
    assert len(deployment.events("beat", "Scheduler: Sending due task nightly (merzim.nightly)")) == 1
    pages = compose.folder / "volumes" / "reports"
    wait_until(lambda: [page.suffix for page in pages.iterdir()] == [".html"])
    _every_copy_is_in_the_archive(deployment)
    _nobody_without_the_password(compose)
    _secrets_stay_secret(compose)
    assert [compose.stop(service) for service in reversed(SERVICES)] == [0, 0, 0]
    assert not compose.is_healthy("redis")
    assert compose.scribbles() == []


def _every_copy_is_in_the_archive(deployment: Deployment) -> None:
    with deployment.club.session() as session:
        segments = {row[0] for row in session.execute("SELECT segment FROM merzim.entry WHERE segment IS NOT NULL")}
    archive, spool = (deployment.compose.folder / "volumes" / name for name in ("archive", "spool"))
    wait_until(lambda: not [path for path in spool.rglob("*") if path.is_file() and path.suffix != ".lock"])
    assert len([path for path in archive.rglob("*") if path.is_file()]) >= len(segments) > 0


def _nobody_without_the_password(compose: Compose) -> None:
    with pytest.raises(redis.AuthenticationError):
        redis.Redis(port=compose.port, socket_timeout=3).ping()


def _secrets_stay_secret(compose: Compose) -> None:
    listed = "".join(_command_line(process) for process in Path("/proc").glob("[0-9]*"))
    logs = "".join(compose.log(service).read_text("utf-8", "replace") for service in SERVICES)
    assert "worker.celery_app" in listed
    assert logs
    assert [secret for secret in compose.secrets() if secret in listed or secret in logs] == []


def _command_line(process: Path) -> str:
    try:
        return (process / "cmdline").read_text("utf-8", "replace")
    except OSError:
        return ""  # it has ended meanwhile
