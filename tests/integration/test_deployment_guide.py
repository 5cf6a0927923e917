"""deploy/README.md keeps its word: every command of the way with containers is carried out, in order, from a clone to
services that wait for their first night, and their end."""

from pathlib import Path

import psycopg

from tests.integration.deployed import deployed, follow, guide


def test_the_way_with_containers(tmp_path: Path, postgresql_url: str) -> None:
    with deployed(tmp_path, postgresql_url) as engine:
        said = follow(engine, guide())
        assert '"problems": []' in said
        assert "celery@" in said
        assert engine.compose.processes == {}
        assert engine.compose.scribbles() == []
        assert [secret for secret in engine.compose.secrets() if secret in said] == []
    with psycopg.connect(postgresql_url) as owner:
        first, *nights = owner.execute("SELECT kind, state FROM merzim.run ORDER BY started_at").fetchall()
    assert first == ("run", "done")
    assert {kind for kind, _ in nights} <= {"night"}  # there is one if the test meets the policy's window
    assert "<html" in (tmp_path / "night.html").read_text("utf-8")
    assert 1 <= len(list((tmp_path / "volumes" / "reports").glob("*.html"))) <= 1 + len(nights)
    for private in ("secrets", "offline"):
        assert (tmp_path / private).stat().st_mode & 0o077 == 0
