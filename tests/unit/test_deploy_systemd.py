"""The units: the same commands as in docker-compose.yml, stopped gently, with least rights; and somebody is told."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
UNITS = ROOT / "deploy" / "systemd"
PROGRAMS = "/opt/merzim/bin/"
OURS = ("merzim-worker@.service", "merzim-beat.service", "merzim-status.service")
LONG_RUNNING = OURS[:2]
HARDENING = {
    "NoNewPrivileges": "yes",
    "ProtectSystem": "strict",
    "ProtectHome": "yes",
    "PrivateTmp": "yes",
    "PrivateDevices": "yes",
    "ProtectKernelTunables": "yes",
    "ProtectKernelModules": "yes",
    "ProtectControlGroups": "yes",
    "RestrictAddressFamilies": "AF_UNIX AF_INET AF_INET6",
    "RestrictNamespaces": "yes",
    "RestrictSUIDSGID": "yes",
    "LockPersonality": "yes",
    "CapabilityBoundingSet": "",
    "SystemCallFilter": "@system-service",
    "UMask": "0077",
    "User": "merzim",
}


def unit(name: str) -> dict[str, list[str]]:
    """Its settings, each with all its values; the sections do not matter, as no name is in two of them."""
    found: dict[str, list[str]] = {}
    for line in (UNITS / name).read_text("utf-8").splitlines():
        if line and not line.startswith(("#", "[")):
            key, equals, value = line.partition("=")
            assert equals, line
            found.setdefault(key, []).append(value)
    return found


def one(name: str, key: str) -> str:
    (value,) = unit(name)[key]
    return value


def command(service: str) -> str:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))["services"]
    return str(services[service]["command"])


def test_the_commands_are_those_of_the_containers() -> None:
    """Workers on one machine besides need names of their own."""
    assert one("merzim-worker@.service", "ExecStart") == f"{PROGRAMS}{command('worker')} -n %i@%%h"
    assert one("merzim-beat.service", "ExecStart") == f"{PROGRAMS}{command('beat')}"


@pytest.mark.parametrize("name", LONG_RUNNING)
def test_who_runs_for_long_is_restarted_for_ever_and_stopped_gently(name: str) -> None:
    assert one(name, "Type") == "simple"
    assert one(name, "KillMode") == "mixed"  # Celery's children must not get SIGTERM: their slices would be cut off
    assert one(name, "Restart") == "always"
    assert one(name, "StartLimitIntervalSec") == "0"
    assert one(name, "RuntimeDirectory") == "merzim"
    assert one(name, "RuntimeDirectoryPreserve") == "yes"
    assert "MERZIM_PULSE=/run/merzim" in unit(name)["Environment"]


def test_the_worker_has_time_for_its_soft_shutdown() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))["services"]
    assert f"{one('merzim-worker@.service', 'TimeoutStopSec')}s" == services["worker"]["stop_grace_period"]
    assert "REMAP_SIGTERM=SIGQUIT" in unit("merzim-worker@.service")["Environment"]


@pytest.mark.parametrize("name", OURS)
def test_least_rights(name: str) -> None:
    assert {key: one(name, key) for key in HARDENING} == HARDENING
    assert {"MemoryMax", "TasksMax"} <= set(unit(name))


def test_only_the_worker_may_write() -> None:
    assert one("merzim-worker@.service", "ReadWritePaths") == "/var/lib/merzim"
    assert "ReadWritePaths" not in unit("merzim-beat.service")


def test_beat_cannot_read_the_addresses_of_the_database() -> None:
    assert "/etc/merzim/merzim.env" in one("merzim-beat.service", "InaccessiblePaths")
    assert "MERZIM_ENV_FILE=/etc/merzim/beat.env" in unit("merzim-beat.service")["Environment"]


def test_every_night_or_somebody_knows() -> None:
    assert one("merzim-status.service", "ExecStart") == f"{PROGRAMS}merzim --env-file /etc/merzim/merzim.env status"
    told = one("merzim-status.service", "OnFailure")
    assert told == "merzim-failed@%N.service"
    assert (UNITS / "merzim-failed@.service").exists()
    assert one("merzim-status.timer", "Persistent") == "true"
    assert re.fullmatch(r"\*-\*-\* 09:00:00 Asia/Almaty", one("merzim-status.timer", "OnCalendar"))


def test_what_the_guide_enables_can_be_enabled() -> None:
    guide = (ROOT / "deploy" / "README.md").read_text("utf-8")
    (names,) = re.findall(r"^systemctl enable --now (.+)$", guide, re.MULTILINE)
    files = [re.sub(r"@\w+", "@", name) for name in names.split()]
    wanted = [unit(file if "." in file else f"{file}.service")["WantedBy"] for file in files]
    assert wanted == [["multi-user.target"], ["multi-user.target"], ["timers.target"]]


def test_systemd_understands_them(tmp_path: Path) -> None:
    """Where there is systemd."""
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        return
    for path in UNITS.iterdir():
        text = path.read_text("utf-8").replace(PROGRAMS, f"{Path(sys.executable).parent}/")
        (tmp_path / path.name.replace("@.", "@one.")).write_text(text, "utf-8")
    names = sorted(str(path) for path in tmp_path.iterdir())
    done = subprocess.run([analyze, "verify", "--man=no", *names], capture_output=True, text=True, timeout=60)
    assert [line for line in done.stderr.splitlines() if "merzim" in line] == []
