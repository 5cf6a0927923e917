"""A database and a policy that merzim has never seen, taken the whole way: every verb, by its exit code and by what it
says, with every row of the operator's looked at before and after."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.integration.small_operator import LATELY, LONG_AGO, NOW, Operator, operator_on
from worker.cli.main import _told, app

# SQLAlchemy 2.1 has not yet told its own MONEY and DOMAIN how they compare; that is no business of ours.
QUIET = pytest.mark.filterwarnings("ignore:Type object .*OperatorClass:DeprecationWarning")
OLD, NEW = LONG_AGO, LATELY
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
PEOPLE = HEAD + "subject: {table: people, key: id}\nclock: [people.seen_at]\n" + STAGE
SECRETS = ("991231490611", "aigerim", "Әйгерім")  # what the people of these databases are called


def people(columns: str, values: str, *more: str) -> list[str]:
    """A table of people: 1 and 2 are due, 3 is not. `#` in the values is the person's number; `more` comes after the
    table and before its rows."""
    seen = {1: OLD, 2: OLD, 3: NEW}
    rows = [f"INSERT INTO people VALUES ({i}, '{at}', {values.replace('#', str(i))})" for i, at in seen.items()]
    return [f"CREATE TABLE people (id INTEGER PRIMARY KEY, seen_at TIMESTAMP, {columns})", *more, *rows]


def rule(treated: str, keep: str = "id, seen_at", table: str = "people") -> str:
    """A line of a stage's tables."""
    return f"      {table}: {{depersonalise: {{keep: [{keep}], {treated}}}}}\n"


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

    def sentences(self, severity: str = "error") -> list[str]:
        """What check says."""
        found = json.loads(self.merzim("check", "--json", code=None))["problems"]
        return [p["sentence"] for p in found if p["severity"] == severity]

    def run(self, code: int = 0) -> None:
        """The first run, approved."""
        now = ("--now", NOW.isoformat())
        approve = json.loads(self.merzim("plan", "--json", *now, code=None))["fingerprint"]
        self.merzim("run", "--json", *now, "--approve", approve, code=code)

    def whole(self, key: str, *expected: tuple[str, list[tuple[Any, ...]]], code: int = 0) -> None:
        """The whole way: check, plan, run; each query gives what was computed by hand; once more, which changes
        nothing; explain, archive, ledger and report; restore, after which every row is as it was."""
        before = self.operator.contents()
        assert self.sentences() == []
        self.run(code)
        for query, rows in expected:
            assert self.operator.rows(query) == rows
        after = self.operator.contents()
        self.merzim("run", "--json", "--now", NOW.isoformat(), code=code)
        assert self.operator.contents() == after
        self.merzim("explain", "--key", key)
        self.merzim("ledger", "verify")
        self.merzim("report")
        self._restore(after)
        assert self.operator.contents() == before
        for verb, said in self.printed.items():
            assert not [s for s in SECRETS if s in said], f"{verb} prints personal data:\n{said}"

    def _restore(self, after: dict[str, list[str]]) -> None:
        identity = ("--identity", str(self.operator.identity_file))
        segments = [e["segment"] for e in json.loads(self.merzim("archive", "list", "--json"))]
        assert segments
        self.merzim("archive", "verify", *identity)
        for segment in reversed(segments):
            self.merzim("archive", "restore", segment, *identity)
            assert self.operator.contents() == after
            self.merzim("archive", "restore", segment, *identity, "--apply")
            after = self.operator.contents()


@contextmanager
def way_of(dialect: str, folder: Path, schema: Sequence[str], policy: str) -> Iterator[Way]:
    """A foreign operator's database on a server, with merzim installed beside it."""
    folder.mkdir(exist_ok=True)
    for operator in operator_on(dialect, folder, schema, policy):
        yield Way(operator)


def refusal(dialect: str, folder: Path, schema: Sequence[str], policy: str) -> str:
    """The only sentence with which check refuses; the plan then refuses too, and nothing is changed."""
    with way_of(dialect, folder, schema, policy) as way:
        (sentence,) = way.sentences()
        way.merzim("check", code=2)
        way.merzim("run", "--now", NOW.isoformat(), code=2)
        return sentence
