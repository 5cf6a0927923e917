"""The README keeps its word: every command in a box marked `sh` is executed, in order, in a temporary folder.

A line ends as its comment `# exit N` says, else with 0. Boxes marked `text` are shown only (they need root, cron or
other programs), and so may not contradict the program either: every verb that the README names exists.
"""

import os
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
BIN = Path(sys.executable).parent

SHOP = """
CREATE TABLE people (id INTEGER PRIMARY KEY, iin VARCHAR(12), email VARCHAR(80), phone VARCHAR(20),
    last_login_at TIMESTAMP, blocked_at TIMESTAMP);
CREATE TABLE orders (id INTEGER PRIMARY KEY, person_id INTEGER NOT NULL REFERENCES people (id), paid_at TIMESTAMP,
    closed_at TIMESTAMP);
"""


def boxes(text: str, language: str) -> list[str]:
    """The fenced boxes of one language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def script(blocks: list[str]) -> str:
    """One shell script; a line with `# exit N` must end with N."""
    annotated = re.compile(r"^(?P<command>[^#\n]+?) +# exit (?P<code>\d)$", re.MULTILINE)
    body = annotated.sub(r"code=0; \g<command> || code=$?; test $code -eq \g<code>", "\n".join(blocks))
    return f"set -euo pipefail\ntrap 'echo \"line $LINENO: $BASH_COMMAND\" >&2' ERR\n{body}"


def execute(commands: str, folder: Path, **environment: str) -> str:
    """Run it in the folder, with the program on the PATH; everything it said. AssertionError unless it ends with 0."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("MERZIM_")}
    done = subprocess.run(
        ["bash", "-c", commands],
        cwd=folder,
        env=inherited | {"PATH": f"{BIN}:{os.environ['PATH']}"} | environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, f"{done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    return done.stdout + done.stderr


def parts() -> tuple[str, str]:
    """Before the first day, on SQLite; and from it on, on PostgreSQL."""
    before, heading, after = README.partition("## The first day")
    assert heading
    return before, heading + after


def test_the_demonstration(tmp_path: Path) -> None:
    """What the README lets a newcomer try after `make demo`, whose own command is taken from the Makefile."""
    demo = re.search(r"^demo:.*?merzim (demo .*?)$", (ROOT / "Makefile").read_text(), re.DOTALL | re.MULTILINE)
    assert demo
    smaller = re.sub(r"--people \d+", "--people 20", demo[1])
    assert ".merzim-demo" in smaller
    blocks = boxes(parts()[0], "sh")
    assert blocks
    said = execute(script([f"merzim {smaller}\n", *blocks]), tmp_path)
    assert "stopped, as it should be" in said


def test_the_first_day(tmp_path: Path, postgresql_url: str) -> None:
    """From the keys to a restored copy, as the operator types it."""
    said = execute(script(boxes(parts()[1], "sh")), tmp_path, DATABASE_URL=postgresql_url)
    assert "This is the first run of the policy kpi." in said
    assert '"findings": []' in said
    assert '"done": true' in said
    assert (tmp_path / "offline" / "archive-identity.txt").stat().st_mode & 0o077 == 0
    assert (tmp_path / "merzim.env").stat().st_mode & 0o077 == 0
    assert "GRANT SELECT" in (tmp_path / "grants.sql").read_text()
    assert "<html" in (tmp_path / "night.html").read_text("utf-8")
    assert len(list((tmp_path / "reports").glob("*.html"))) == 1


def test_the_example_policy(tmp_path: Path) -> None:
    """`check` finds no error in it on the two tables it speaks of."""
    (policy,) = boxes(README, "yaml")
    (tmp_path / "policy.yaml").write_text(policy, "utf-8")
    with closing(sqlite3.connect(tmp_path / "shop.db")) as shop:
        shop.executescript(SHOP)
    settings = "merzim keys archive identity.txt > merzim.env\nmerzim keys signing signing.pem >> merzim.env\n"
    places = f"MERZIM_DATABASE_URL=sqlite:///{tmp_path}/shop.db\nMERZIM_POLICY=policy.yaml\nMERZIM_ARCHIVE_URL=archive"
    commands = f"{settings}cat >> merzim.env <<END\n{places}\nMERZIM_SPOOL=spool\nEND\n"
    verbs = "".join(f"merzim --env-file merzim.env {verb}\n" for verb in ("init", "check", "plan"))
    said = execute(script([commands + verbs]), tmp_path)
    assert '"errors": 0' in said
    assert '"stopped": {}' in said


def test_every_verb_that_is_named_exists() -> None:
    named = set(
        re.findall(r"merzim (?:--env-file \S+ )?([a-z]+)(?= [-a-z\"$<>|]|$|`)", "\n".join(boxes(README, r"\w+")))
    )
    listed = set(re.findall(r"^  (\w+) ", execute("merzim --help", ROOT).partition("Commands:")[2], re.MULTILINE))
    assert {"plan", "run", "hold"} <= named <= listed


@pytest.mark.parametrize("target", ["demo", "test", "install"])
def test_the_makefile_has_what_the_readme_names(target: str) -> None:
    assert f"make {target}" in README
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
