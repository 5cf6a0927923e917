"""A database and a policy that merzim has never seen, taken the whole way: every verb, by its exit code and by what it
says, with every row of the operator's looked at before and after."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from tests.integration.small_operator import NOW, Operator, operator_on
from worker.cli.main import _told, app

HEAD = """\
policy: foreign
operator: Somebody else
timezone: Asia/Almaty
floor: {term: 3 years, basis: clause 5.3}
"""
STAGE = """\
stages:
  profile:
    from: subject
    term: 3 years
    basis: clause 5.3
    archive: {term: 30 days, basis: clause 3.4}
    tables:
"""
SECRETS = ("900101300014", "aigerim", "Әйгерім", "7011234567")  # what the people below are called


@dataclass
class Way:
    """What every verb printed, by verb."""

    operator: Operator
    printed: dict[str, str] = field(default_factory=dict)

    def merzim(self, *arguments: str, code: int | None = 0) -> str:
        """A verb in this process, as the program would run it; what it printed."""
        result = CliRunner().invoke(app, ["--env-file", str(self.operator.env_file), *arguments])
        found, said = result.exit_code, result.output
        if isinstance(result.exception, Exception):
            found = _told(result.exception)
        self.printed[" ".join(arguments[:2])] = said
        assert code is None or found == code, f"{arguments} ended with {found}:\n{said}"
        return said

    def check(self, code: int | None = 0) -> str:
        """What check says."""
        return self.merzim("check", code=code)

    def plan(self) -> dict[str, Any]:
        """The plan."""
        found: dict[str, Any] = json.loads(self.merzim("plan", "--json", "--now", NOW.isoformat(), code=None))
        return found

    def run(self, code: int | None = 0) -> dict[str, Any]:
        """The first run, approved."""
        approve = self.plan()["fingerprint"]
        said = self.merzim("run", "--json", "--now", NOW.isoformat(), "--approve", approve, code=code)
        found: dict[str, Any] = json.loads(said)
        return found

    def rest(self, key: str, before: dict[str, list[str]], code: int = 0) -> None:
        """Everything after the run: once more, which changes nothing; explain, the archive, the ledger, restore."""
        after = self.operator.contents()
        self.merzim("run", "--json", "--now", NOW.isoformat(), code=code)
        assert self.operator.contents() == after
        self.merzim("explain", "--key", key)
        identity = str(self.operator.identity_file)
        segments = [e["segment"] for e in json.loads(self.merzim("archive", "list", "--json"))]
        self.merzim("archive", "verify", "--identity", identity)
        self.merzim("ledger", "verify")
        self.merzim("report")
        for segment in reversed(segments):
            self.merzim("archive", "restore", segment, "--identity", identity)
            assert self.operator.contents() == after
            self.merzim("archive", "restore", segment, "--identity", identity, "--apply")
            after = self.operator.contents()
        assert self.operator.contents() == before
        for verb, said in self.printed.items():
            assert not [s for s in SECRETS if s in said], f"{verb} prints personal data:\n{said}"


@contextmanager
def way_of(dialect: str, folder: Path, schema: Sequence[str], policy: str) -> Iterator[Way]:
    """A foreign operator's database on a server, with merzim installed beside it."""
    folder.mkdir(exist_ok=True)
    for operator in operator_on(dialect, folder, schema, policy):
        yield Way(operator)
