"""docker-compose.yml without an engine: the commands, settings and health checks that stand in it, as processes here.

What a service is not given in the file it does not have: a path that is not mounted into it fails the test. Images,
users, limits and networks are the engine's; nothing here can try them.
"""

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.integration.night_support import wait_until
from tests.redis_program import redis_program

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
ABSOLUTE = re.compile(r'(?:(?<=["\s])|^)/\w[\w./-]*')


def compose_file() -> dict[str, Any]:
    """The file as YAML has it."""
    content: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
    return content


@dataclass
class Compose:
    """The services of the file. `folder` stands for the folder that the file is in, and holds what they mount."""

    folder: Path
    stand_ins: list[tuple[str, str]]  # patterns of names that only the containers' network knows -> what they are here
    port: int  # of redis; in its container it is the usual one
    changes: dict[str, str] = field(default_factory=dict)  # settings of this test, where the file sets them too
    processes: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)
    file: dict[str, Any] = field(default_factory=compose_file)

    def service(self, name: str) -> dict[str, Any]:
        """What the file says of it."""
        service: dict[str, Any] = self.file["services"][name]
        return service

    def start(self, name: str) -> None:
        """Its command, in the background, with a log of its own."""
        command = [self.here(name, word) for word in shlex.split(self.service(name)["command"])]
        if name == "redis":
            command = [redis_program(), *command[1:], "--port", str(self.port), "--bind", "127.0.0.1"]
        with self.log(name).open("ab") as log:
            self.processes[name] = subprocess.Popen(
                command,
                env=self.environment(name),
                cwd=self._scratch(name),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def run(self, name: str, *command: str) -> "subprocess.CompletedProcess[str]":
        """Its command, or another one in its place, to the end."""
        words = command or tuple(shlex.split(self.service(name)["command"]))
        return subprocess.run(
            [self.here(name, word) for word in words],
            env=self.environment(name),
            cwd=self._scratch(name),
            capture_output=True,
            text=True,
            timeout=120,
        )

    def in_order(self) -> list[str]:
        """All services, each after those that it depends on."""
        order: list[str] = []
        while len(order) < len(self.file["services"]):
            waiting = {n: s.get("depends_on", {}) for n, s in self.file["services"].items() if n not in order}
            free = [name for name, needed in waiting.items() if set(needed) <= set(order)]
            assert free, "services depend on each other in a circle"
            order += free
        return order

    def is_healthy(self, name: str) -> bool:
        """What its health check says."""
        form, *words = self.service(name)["healthcheck"]["test"]
        if form == "CMD-SHELL":
            words = ["sh", "-c", *(word.replace("$$", "$") for word in words)]
        return self.run(name, *words).returncode == 0

    def stop(self, name: str) -> int:
        """SIGTERM to its main process, as `init: true` does it; its exit code, before its time of grace is over."""
        process = self.processes.pop(name)
        process.terminate()
        grace = {"10s": 10, "30s": 30}[self.service(name)["stop_grace_period"]]
        wait_until(lambda: process.poll() is not None, grace)
        return process.wait()

    def end(self) -> None:
        """Kill whatever is left, with its children."""
        for process in self.processes.values():
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def log(self, name: str) -> Path:
        """What it wrote."""
        return self.folder / f"{name}.log"

    def environment(self, name: str) -> dict[str, str]:
        """All that it has, as in a container: nothing of this process's own."""
        settings = {key: self.here(name, value) for key, value in self.service(name).get("environment", {}).items()}
        changes = {key: value for key, value in self.changes.items() if key in settings}
        return {"PATH": f"{self._redis_cli()}:{BIN}:/usr/bin:/bin", **settings, **changes}

    def secrets(self) -> set[str]:
        """The passwords and the signing key, as whoever looks for them in logs and command lines needs them."""
        folder = self.folder / "secrets"
        passwords = set(re.findall(r"[0-9a-f]{48}", "".join(path.read_text("utf-8") for path in folder.iterdir())))
        return {*passwords, (folder / "signing.pem").read_text("utf-8").splitlines()[1]}

    def here(self, name: str, text: str) -> str:
        """A word of a command or a setting, with the containers' paths and hosts as they are here."""
        for pattern, stand_in in self.stand_ins:
            text = re.sub(pattern, stand_in, text)
        return ABSOLUTE.sub(lambda found: str(self.mounted(name, found[0])), text)

    def mounted(self, name: str, path: str) -> Path:
        """Where a path of the service lies here."""
        for target, source in self._mounts(name).items():
            if path == target or path.startswith(f"{target}/"):
                return source / path.removeprefix(target).lstrip("/")
        raise AssertionError(f"{path} is not mounted into {name}")

    def _mounts(self, name: str) -> dict[str, Path]:
        service = self.service(name)
        mounts = {f"/run/secrets/{secret}": self._secret(name, secret) for secret in service.get("secrets", [])}
        for mount in service.get("volumes", []):
            if isinstance(mount, str):
                volume, target = mount.split(":")
                assert volume in self.file["volumes"]
                mounts[target] = self.folder / "volumes" / volume
                mounts[target].mkdir(parents=True, exist_ok=True)
            else:
                mounts[mount["target"]] = self.folder / mount["source"]
                assert mounts[mount["target"]].is_dir(), mount["source"]
        for mount in service.get("tmpfs", []):
            target = mount.partition(":")[0]
            mounts[target] = self.folder / "tmpfs" / name / target.strip("/")
            mounts[target].mkdir(parents=True, exist_ok=True)
        return mounts

    def _secret(self, service: str, name: str) -> Path:
        """A copy for this service, with the hosts as they are here."""
        text = (self.folder / self.file["secrets"][name]["file"]).read_text("utf-8")
        for pattern, stand_in in self.stand_ins:
            text = re.sub(pattern, stand_in, text)
        copy = self.folder / "mounted" / service / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        if not copy.exists() or copy.read_text("utf-8") != text:
            copy.write_text(text, "utf-8")
        return copy

    def _scratch(self, name: str) -> Path:
        """The working folder: in the container it cannot be written to."""
        folder = self.folder / "scratch" / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _redis_cli(self) -> Path:
        """A folder with `redis-cli`, which not every machine has, and which must ask at the port of redis here."""
        program = self.folder / "programs" / "redis-cli"
        if not program.exists():
            program.parent.mkdir()
            client = f"redis.Redis(port={self.port}, password=os.environ['REDISCLI_AUTH'])"
            answer = f"'PONG' if {client}.execute_command(*sys.argv[1:]) else ''"
            program.write_text(f"#!{sys.executable}\nimport os, sys, redis\nprint({answer})\n")
            program.chmod(0o755)
        return program.parent

    def scribbles(self) -> list[Path]:
        """Files that services left where they cannot write."""
        return [path for path in (self.folder / "scratch").rglob("*") if path.is_file()]


def free_port() -> int:
    """A port that nobody uses."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
