"""What the guide's commands find in place of `docker`: the few of its words that stand there, carried out on processes
by the test that started them. A word that is not known here ends the guide's test."""

import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from multiprocessing.connection import Connection, Listener
from pathlib import Path
from threading import Thread

import psycopg

from tests.integration import asking
from tests.integration.compose import BIN, ROOT, Compose
from tests.integration.night_support import wait_until

OWNER = "postgresql"  # the service that the test's own database stands for
Answer = tuple[int, str, str]  # exit code, standard output, standard error
OPTIONS = {"--rm", "-T", "--detach", "--wait"}


class Engine:
    """Carries out what `docker` is asked for."""

    def __init__(self, compose: Compose, owner: str) -> None:
        self.compose, self.owner = compose, owner

    def docker(self, words: Sequence[str], stdin: str) -> Answer:
        """One call of `docker`."""
        verb, *rest = words
        if verb == "run":
            return self._image(rest)
        assert verb == "compose", words
        act: Callable[[list[str], str], Answer] = getattr(self, f"_{rest[0]}")
        return act([word for word in rest[1:] if word not in OPTIONS], stdin)

    def _image(self, words: list[str]) -> Answer:
        """A command of the image in the working folder, which is mounted."""
        image = self.compose.service("worker")["image"]
        program, *arguments = words[words.index(image) + 1 :]
        return _answer(
            subprocess.run([str(BIN / program), *arguments], cwd=self.compose.folder, capture_output=True, text=True)
        )

    def _run(self, words: list[str], stdin: str) -> Answer:
        service, *command = words
        return _answer(self.compose.run(service, *command))

    def _exec(self, words: list[str], stdin: str) -> Answer:
        service, *command = words
        if service == OWNER:
            user = self.compose.service(OWNER)["environment"]["POSTGRES_USER"]
            assert command == ["psql", "-U", user, "--set", "ON_ERROR_STOP=1"]
            with psycopg.connect(self.owner) as session:
                session.execute(self.compose.here(service, stdin).encode())
            return 0, "", ""
        assert self.compose.processes[service].poll() is None, f"{service} has ended"
        return self._run(words, stdin)

    def _up(self, words: list[str], stdin: str) -> Answer:
        """Every service of the file, or those that are named, each when those that it depends on are as it asks."""
        for service in words or self.compose.in_order():
            if service == "init":
                answer = self._run([service], stdin)
                assert answer[0] == 0, answer
            elif service != OWNER:
                self.compose.start(service)
                wait_until(partial(self.compose.is_healthy, service))
        return 0, "", ""

    def _stop(self, words: list[str], stdin: str) -> Answer:
        for service in list(self.compose.processes):
            self.compose.stop(service)
        return 0, "", ""

    def _build(self, words: list[str], stdin: str) -> Answer:
        return 0, "", ""

    _ps = _build

    def _logs(self, words: list[str], stdin: str) -> Answer:
        *options, worker, beat = words
        assert options == ["--tail", "20"]
        return 0, "".join(self.compose.log(name).read_text("utf-8") for name in (worker, beat)), ""


def _answer(done: "subprocess.CompletedProcess[str]") -> Answer:
    return done.returncode, done.stdout, done.stderr


@contextmanager
def listening(engine: Engine) -> Iterator[Path]:
    """A folder with a program `docker`, which asks the engine."""
    listener = Listener()
    Thread(target=_serve, args=(listener, engine), daemon=True).start()
    folder = engine.compose.folder / "bin"
    folder.mkdir(exist_ok=True)
    program = folder / "docker"
    ask = f'PYTHONPATH="{ROOT}" exec "{sys.executable}" -m {asking.__name__} "{listener.address}" "$@"'
    program.write_text(f"#!/bin/sh\n{ask}\n")
    program.chmod(0o755)
    yield folder
    listener.close()


def _serve(listener: "Listener", engine: Engine) -> None:
    while True:
        try:
            asking = listener.accept()
        except OSError:
            return  # closed
        _serve_one(asking, engine)


def _serve_one(asking: "Connection", engine: Engine) -> None:
    with asking:
        words, stdin = asking.recv()
        try:
            asking.send(engine.docker(words, stdin))
        except Exception as error:
            asking.send((125, "", f"docker {' '.join(words)}: {type(error).__name__}: {error}\n"))
