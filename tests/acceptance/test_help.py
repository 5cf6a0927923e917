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


def modules_of(*words: str) -> set[str]:
    """What `merzim WORDS` imports."""
    program = [sys.executable, "-X", "importtime", MERZIM, *words]
    imported = subprocess.run(program, capture_output=True, text=True, timeout=60, check=False).stderr
    return {line.rpartition("|")[2].strip() for line in imported.splitlines()}


def test_help_is_quick_since_it_imports_nothing_heavy() -> None:
    """Counted in modules, not in seconds, so that a busy machine does not fail it."""
    loaded = modules_of("--help")
    assert "worker.cli.main" in loaded
    assert not loaded & {"sqlalchemy", "pydantic", "faker", "rich", "structlog", "psycopg", "cryptography", "celery"}


def test_status_is_quick_since_it_imports_only_what_it_asks(tmp_path: Path) -> None:
    """It is asked often, by health checks too."""
    settings = tmp_path / "merzim.env"
    subprocess.run([MERZIM, "demo", "--people", "20", "--dir", tmp_path, "--no-run"], check=True, capture_output=True)
    loaded = modules_of("--env-file", str(settings), "status", "--json")
    assert "worker.reports.standing" in loaded
    assert not loaded & {"faker", "phonenumbers", "celery", "alembic", "sqlglot", "rich", "structlog", "pyrage"}
    assert not loaded & {"psycopg", "pymysql", "sqlalchemy.dialects.postgresql", "sqlalchemy.dialects.mysql"}
