"""The README keeps its word: every command in a box marked `sh` is executed, in order, in a temporary folder.

A line ends as its comment `# exit N` says, else with 0. Boxes marked `text` are shown only (they need root, cron or
other programs), and so may not contradict the program either: every verb that the README names exists.
"""

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.integration.broker import Broker
from tests.integration.night_support import wait_until

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
        timeout=1200,
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


@pytest.fixture
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A Redis of the test's own."""
    broker = Broker(tmp_path_factory.mktemp("redis")).start()
    yield broker
    broker.stop()


def test_the_first_day(tmp_path: Path, postgresql_url: str, broker: Broker) -> None:
    """From the keys to a restored copy, as the operator types it; then a night by the workers that it names."""
    said = execute(script(boxes(parts()[1], "sh")), tmp_path, DATABASE_URL=postgresql_url, BROKER_URL=broker.url)
    assert "This is the first run of the policy kpi." in said
    assert '"findings": []' in said
    assert '"done": true' in said
    assert (tmp_path / "offline" / "archive-identity.txt").stat().st_mode & 0o077 == 0
    assert (tmp_path / "merzim.env").stat().st_mode & 0o077 == 0
    assert "GRANT SELECT" in (tmp_path / "grants.sql").read_text()
    assert "<html" in (tmp_path / "night.html").read_text("utf-8")
    assert len(list((tmp_path / "reports").glob("*.html"))) == 1
    scheduled_night(tmp_path)


def scheduled_night(folder: Path) -> None:
    """The README's beat and worker see a night through, in a window that is open now."""
    (box,) = [b for b in boxes(README, "text") if "celery -A" in b]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MERZIM_")}
    environment |= {"PATH": f"{BIN}:{os.environ['PATH']}", "MERZIM_SWEEP_SECONDS": "1"}
    policy = folder / "policy.yaml"
    text = re.sub(
        r"^window:.*$", 'window: {start: "00:00", end: "23:59"}', policy.read_text("utf-8"), flags=re.MULTILINE
    )
    policy.write_text(text, "utf-8")
    with (folder / "celery.log").open("wb") as log:
        shell = subprocess.Popen(
            ["bash", "-c", f"{box}\nwait"], cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True
        )
    try:
        runs = "merzim --env-file merzim.env status --json || true"
        done = ("night", "done")
        wait_until(lambda: done in [(r["kind"], r["state"]) for r in states(execute(runs, folder))], 300)
        execute("merzim --env-file merzim.env status --worker && merzim --env-file merzim.env status --beat", folder)
    finally:
        os.killpg(shell.pid, signal.SIGKILL)
        shell.wait()


def states(said: str) -> list[dict[str, str]]:
    runs: list[dict[str, str]] = json.loads(said)["runs"]
    return runs


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
