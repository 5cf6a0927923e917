"""docker-compose.yml says what it should: valid, pinned, least rights, secrets as files, and nothing that is lost."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from config.setting_values import PARSERS
from config.settings import PREFIX
from worker import celery_app

ROOT = Path(__file__).parents[2]
FILE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
SERVICES: dict[str, dict[str, Any]] = FILE["services"]
SCHEMA = json.loads((ROOT / "tests" / "data" / "compose-spec.json").read_text("utf-8"))
LONG_RUNNING = ("postgresql", "redis", "worker", "beat")
SECRET_SETTINGS = ("database_url", "broker_url")
OURS = ("init", "worker", "beat")
each = pytest.mark.parametrize("name", SERVICES)


def environment(name: str) -> dict[str, str]:
    return dict(SERVICES[name].get("environment", {}))


def test_the_official_schema_has_nothing_to_say_about_it() -> None:
    validator = Draft202012Validator(SCHEMA)
    assert [f"{error.json_path}: {error.message}" for error in validator.iter_errors(FILE)] == []
    wrong = {**FILE, "services": {**SERVICES, "beat": {**SERVICES["beat"], "comand": "celery"}}}
    assert not validator.is_valid(wrong)


def test_the_services() -> None:
    assert set(SERVICES) == {"postgresql", "redis", "init", "worker", "beat"}
    assert {name: SERVICES[name]["command"] for name in OURS} == {
        "init": "merzim init",
        "worker": "celery -A worker.celery_app worker --concurrency 2 --loglevel INFO"
        " --without-gossip --without-mingle",
        "beat": "celery -A worker.celery_app beat --loglevel INFO --pidfile=",
    }


@each
def test_images_have_an_exact_version_and_come_from_no_named_host(name: str) -> None:
    image, colon, tag = SERVICES[name]["image"].partition(":")
    assert colon
    assert re.fullmatch(r"[a-z]+", image)
    assert re.fullmatch(r"\d+\.\d+(\.\d+)?(-[a-z]+)?", tag)


def test_our_image_has_the_version_of_the_project() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    assert {SERVICES[name]["image"] for name in OURS} == {f"merzim:{version}"}
    assert f"merzim:{version} merzim keys" in (ROOT / "deploy" / "README.md").read_text("utf-8")


@each
def test_nobody_has_more_rights_than_it_needs(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["init"] is True
    assert service["user"].partition(":")[0] not in ("", "0", "root")
    assert not {"privileged", "cap_add", "devices", "network_mode", "pid", "ports"} & set(service)


@each
def test_everybody_has_limits(name: str) -> None:
    assert set(SERVICES[name]["deploy"]["resources"]["limits"]) == {"cpus", "memory", "pids"}
    assert set(SERVICES[name]["logging"]["options"]) == {"max-size", "max-file"}


@pytest.mark.parametrize("name", LONG_RUNNING)
def test_who_runs_for_long_is_watched_restarted_and_stopped_in_time(name: str) -> None:
    service = SERVICES[name]
    assert set(service["healthcheck"]) == {"test", "interval", "timeout", "retries", "start_period"}
    assert service["restart"] == "unless-stopped"
    assert service["stop_grace_period"]


def test_init_runs_once() -> None:
    assert SERVICES["init"]["restart"] == "no"


def test_health_checks_are_the_commands_for_that() -> None:
    tests = {name: SERVICES[name]["healthcheck"]["test"] for name in LONG_RUNNING}
    assert tests["worker"] == ["CMD", "merzim", "status", "--worker"]
    assert tests["beat"] == ["CMD", "merzim", "status", "--beat"]
    assert tests["postgresql"][:2] == ["CMD", "pg_isready"]
    assert "redis-cli ping" in tests["redis"][1]


def test_who_waits_for_whom() -> None:
    waits = {name: {n: c["condition"] for n, c in SERVICES[name].get("depends_on", {}).items()} for name in SERVICES}
    ready = "service_healthy"
    assert waits == {
        "postgresql": {},
        "redis": {},
        "init": {"postgresql": ready},
        "worker": {"postgresql": ready, "redis": ready, "init": "service_completed_successfully"},
        "beat": {"redis": ready},
    }


@pytest.mark.parametrize("name", OURS)
def test_every_setting_exists_and_can_be_read(name: str) -> None:
    for variable, value in environment(name).items():
        if variable.startswith(PREFIX) and not variable.endswith("_FILE"):
            PARSERS[variable.removeprefix(PREFIX).lower()](value, Path("/"))
    files = {v.removeprefix(PREFIX).removesuffix("_FILE").lower() for v in environment(name) if v.endswith("_FILE")}
    assert files <= set(PARSERS)


def test_settings_that_must_agree_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("MERZIM_WINDOW", "MERZIM_TIMEZONE"):
        assert environment("worker")[variable] == environment("beat")[variable]
    assert environment("worker")["REMAP_SIGTERM"] == "SIGQUIT"
    monkeypatch.setenv("MERZIM_BROKER_URL", "redis://localhost")
    soft = celery_app._configuration()["worker_soft_shutdown_timeout"]
    assert int(SERVICES["worker"]["stop_grace_period"].removesuffix("s")) > soft > 0


@each
def test_secrets_are_files_and_nobody_has_one_that_it_does_not_use(name: str) -> None:
    service = SERVICES[name]
    for setting in SECRET_SETTINGS:
        assert f"{PREFIX}{setting.upper()}" not in environment(name)
    text = " ".join([*environment(name).values(), service.get("command", "")])
    used = re.findall(r"/run/secrets/(\w+)", text)
    assert sorted(used) == sorted(service.get("secrets", []))
    assert {*used} <= set(FILE["secrets"])


def test_beat_knows_the_broker_only() -> None:
    assert SERVICES["beat"]["secrets"] == ["broker_url"]
    assert SERVICES["beat"]["networks"] == ["broker"]
    assert FILE["networks"]["broker"] == {"internal": True}
    assert "broker_url" not in SERVICES["init"]["secrets"]
    assert "owner_url" not in SERVICES["worker"]["secrets"]


def test_what_must_last_is_on_named_volumes() -> None:
    worker = environment("worker")
    volumes = [volume.split(":") for volume in SERVICES["worker"]["volumes"] if isinstance(volume, str)]
    named = {target: volume for volume, target in volumes}
    for setting, volume in {"SPOOL": "spool", "ARCHIVE_URL": "archive", "REPORTS": "reports"}.items():
        assert named[worker[f"MERZIM_{setting}"]] == volume
        assert volume in FILE["volumes"]
    assert SERVICES["postgresql"]["volumes"] == ["database:/var/lib/postgresql/data"]


def test_signs_of_life_are_in_memory() -> None:
    for name in ("worker", "beat"):
        assert environment(name)["MERZIM_PULSE"] in [mount.partition(":")[0] for mount in SERVICES[name]["tmpfs"]]


def test_the_policy_cannot_be_changed_from_inside_and_the_files_can() -> None:
    mounts = {m["target"]: m for m in SERVICES["worker"]["volumes"] if isinstance(m, dict)}
    assert mounts["/etc/merzim"]["read_only"] is True
    assert "read_only" not in mounts["/srv/files"]
    roots = json.loads(environment("worker")["MERZIM_FILES"])
    assert {str(Path(root).parent) for root in roots.values()} == {"/srv/files"}
