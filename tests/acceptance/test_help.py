"""Whoever asks for help gets an example, from every verb."""

import re
import subprocess
import sys
from pathlib import Path

MERZIM = str(Path(sys.executable).with_name("merzim"))


def help_of(*words: str) -> str:
    """What `merzim WORDS --help` prints."""
    done = subprocess.run([MERZIM, *words, "--help"], capture_output=True, text=True, timeout=60, check=True)
    assert done.stderr == ""
    return done.stdout


def commands(text: str) -> list[str]:
    """The names below `Commands:`, each with a sentence that was not cut off."""
    below = text.partition("Commands:\n")[2]
    lines = re.findall(r"^  (\w+)  +(\S.*)$", below, re.MULTILINE)
    assert all(not sentence.endswith("...") for _, sentence in lines), below
    assert len(lines) == len(below.splitlines()), below
    return [name for name, _ in lines]


def test_every_verb_shows_an_example_of_itself() -> None:
    waiting: list[tuple[str, ...]] = [()]
    seen = []
    while waiting:
        words = waiting.pop()
        text = help_of(*words)
        example = text.partition("Example: ")[2]
        assert re.match(rf"merzim .*?{' '.join(words)}\b", example, re.DOTALL), text
        seen.append(words)
        waiting += [(*words, name) for name in commands(text)]
    assert len(seen) > 20


def test_help_is_quick_since_it_imports_nothing_heavy() -> None:
    """Counted in modules, not in seconds, so that a busy machine does not fail it."""
    program = [sys.executable, "-X", "importtime", MERZIM, "--help"]
    imported = subprocess.run(program, capture_output=True, text=True, timeout=60, check=True).stderr
    loaded = {line.rpartition("|")[2].strip() for line in imported.splitlines()}
    assert "worker.cli.main" in loaded
    assert not loaded & {"sqlalchemy", "pydantic", "faker", "rich", "structlog", "psycopg", "cryptography", "celery"}
