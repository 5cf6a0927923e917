"""A Redis of a test's own, which it may empty, stop and start again: the program on this machine, else from a wheel."""

import socket
import subprocess
from pathlib import Path

import redis

from tests.integration.night_support import wait_until
from tests.redis_program import redis_program


class Broker:
    """A server that keeps nothing on the disk, on a port that stays the same."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self.folder = folder
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """For MERZIM_BROKER_URL."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> "Broker":
        """Start it, and wait until it answers."""
        command = [redis_program(), "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self.process = subprocess.Popen(command, cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(self._answers)
        return self

    def stop(self) -> None:
        """Kill it; what it held is gone."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def client(self) -> "redis.Redis":
        """A connection."""
        return redis.Redis(port=self.port, socket_timeout=3)

    def length(self) -> int:
        """How many messages wait."""
        return int(self.client().llen("merzim"))

    def hints(self) -> int:
        """How many of them say that a run has work."""
        return sum(b'"merzim.batch"' in each for each in self.client().lrange("merzim", 0, -1))

    def _answers(self) -> bool:
        try:
            return bool(self.client().ping())
        except redis.RedisError:
            return False
