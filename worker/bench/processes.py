"""Processes of the bench's own: they say that they are ready, begin at a line, and print JSON in the end."""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from config.catalogue import text
from worker.bench.errors import BenchError

Process = subprocess.Popen[str]


@contextmanager
def started(module: str, commands: Sequence[Sequence[str]], secret: str = "") -> Iterator[list[Process]]:
    """One process of a module for each command, all ready; they do not outlive this block, however it ends. A secret
    is the first line that each is given: everybody may read the arguments of a process."""
    processes: list[Process] = []
    pipe = subprocess.PIPE
    try:
        for command in commands:
            program = [sys.executable, "-m", module, *command]
            process = subprocess.Popen(program, stdin=pipe, stdout=pipe, stderr=pipe, text=True)  # noqa: S603 - ourselves
            processes.append(process)
        for process in processes:
            if secret:
                give_line(process, secret)
            _expect_ready(process)
        yield processes
    finally:
        for process in processes:
            if process.poll() is None:
                process.kill()
            process.communicate()


def _expect_ready(process: Process) -> None:
    assert process.stdout is not None
    if process.stdout.readline().strip() != "ready":
        _fail(process)


def give_line(process: Process, line: str = "go") -> None:
    """A line on its standard input: it begins at one, or ends. Whether it still lives is seen by its answer."""
    assert process.stdin is not None
    with suppress(BrokenPipeError):
        process.stdin.write(f"{line}\n")
        process.stdin.flush()


def answer_of(process: Process) -> Any:
    """What it prints in the end. Raises BenchError with its last sentence if it fails."""
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        _fail(process)
    return json.loads(line)


def _fail(process: Process) -> None:
    _, said = process.communicate()
    last = said.strip().splitlines()[-1:] or [str(process.returncode)]
    raise BenchError(text("bench_refuses.process_failed", reason=last[0]))
