"""merzim deployed as deploy/README.md says, on a database and under a role of the test's own."""

import os
import re
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import sqlalchemy as sa

from tests.acceptance.test_readme import boxes, script
from tests.integration.compose import ROOT, Compose, free_port
from tests.integration.engine import Engine, listening
from tests.integration.night_support import on_server


@contextmanager
def deployed(folder: Path, owner: str) -> Iterator[Engine]:
    """A clone, with no secret and no process yet; `owner` is the URL of the operator's database."""
    shutil.copyfile(ROOT / "docker-compose.yml", folder / "docker-compose.yml")
    shutil.copytree(ROOT / "config" / "policies", folder / "config" / "policies")
    role, port = f"merzim_deployed_{uuid.uuid4().hex}", free_port()
    limited = sa.make_url(owner).set(username=role, password="PASSWORD").render_as_string(hide_password=False)
    stand_ins = [
        (r"postgresql://agency:\w+@postgresql:5432/agency", owner),
        (r"postgresql://merzim:(\w+)@postgresql:5432/agency", limited.replace("PASSWORD", r"\1")),
        ("@redis:6379", f"@127.0.0.1:{port}"),
        (r"\b(ROLE|TO) \"?merzim\b\"?", rf"\1 {role}"),
    ]
    compose = Compose(folder, stand_ins, port)
    try:
        yield Engine(compose, owner)
    finally:
        compose.end()
        with psycopg.connect(owner, autocommit=True) as session:
            if session.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone():
                session.execute(f"DROP OWNED BY {role}")
                on_server(f"DROP ROLE {role}")


def guide(*steps: int) -> list[str]:
    """The boxes of these steps of the way with containers; without any, all boxes of that way."""
    text = (ROOT / "deploy" / "README.md").read_text("utf-8")
    way = text.partition("\n## With containers\n")[2].partition("\n## ")[0]
    chapters = re.split(r"^### ", way, flags=re.MULTILINE)[1:]
    chosen = [c for c in chapters if not steps or c.startswith(tuple(f"{step}. " for step in steps))]
    assert len(chosen) >= max(1, len(steps))
    return [box for chapter in chosen for box in boxes(chapter, "sh")]


def follow(engine: Engine, blocks: list[str]) -> str:
    """Type it into a shell; everything it said. AssertionError unless every line ends with 0."""
    with listening(engine) as programs:
        done = subprocess.run(
            ["bash", "-c", script(blocks)],
            cwd=engine.compose.folder,
            env={"PATH": f"{programs}:/usr/bin:/bin", "HOME": os.devnull},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=400,
        )
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout + done.stderr
