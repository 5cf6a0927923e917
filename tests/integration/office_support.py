"""A shop whose policy answers persons: requests taken and approved by people with accounts of their own."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from config.calendar_file import read_calendar
from tests.integration.small_operator import LATELY, SHOP, SHOP_POLICY, Operator, operator_on, people
from worker.ledger.decisions import Signer
from worker.office.deciding import approve, review
from worker.office.requesting import Ask, Stored, store_request

DEBT = "holds:\n  open debt: {exists: orders, where: \"what = 'owed'\", basis: law 94-V}\n"
IDENTIFIERS = """\
identifiers:
  iin: [people.iin, payments.payer_iin]
  email: [people.email, letters.email]
"""
ANSWERS = """\
erasure: {bases: [withdrawn consent, court order]}
requests:
  cancel window: 0 minutes
  erasure: {term: 15 days, basis: digital code}
  complaint: {term: 30 working days, basis: clause 6.2}
  block: {term: 1 working day, basis: law 94-V}
"""
OFFICE_POLICY = SHOP_POLICY.replace("links:\n", f"{DEBT}{IDENTIFIERS}links:\n") + ANSWERS


def office_on(dialect: str, folder: Path, policy: str = OFFICE_POLICY) -> Iterator[Operator]:
    """Five people who came lately, each with an order and a payment that the tax code keeps."""
    for operator in operator_on(dialect, folder, SHOP, policy):
        operator.sql(*people(1, 2, 3, 4, 5, seen_at=LATELY))
        for n in range(1, 6):
            operator.sql(
                f"INSERT INTO orders VALUES ({n}, {n}, 'a chair')",
                f"INSERT INTO payments VALUES ({n}, {n}, '9001{n:08d}', 'for a chair', '{LATELY}')",
            )
        yield operator


def account(operator: Operator, name: str) -> Signer:
    """Somebody with an account of that name."""
    assert operator.tools.sign is not None
    return Signer(name, "account", operator.tools.key_id, operator.tools.sign)


def ask(operator: Operator, operation: Any = "erasure", *numbers: int, by: str = "aigul", **more: Any) -> Stored:
    """A request about people, or other rows (`subjects`)."""
    subjects: Mapping[str, Sequence[Any]] = more.pop("subjects", {"people": [(n,) for n in numbers]})
    basis = "withdrawn consent" if operation == "erasure" else None
    values: dict[str, Any] = {"received": None, "checked": "passport seen", "reason": "a letter", "basis": basis}
    wish = Ask(operation, subjects, **{**values, **more})
    return store_request(operator.tools, operator.policy, wish, account(operator, by), read_calendar())


def say_yes(operator: Operator, stored: Stored, by: str = "bolat") -> Any:
    """Looked at and approved by somebody; the request as it is then."""
    signer = account(operator, by)
    found = review(operator.tools, operator.policy, stored.request.id, signer)
    assert found.void is None, found.void
    return approve(operator.tools, operator.policy, stored.request.id, stored.request.fingerprint, signer)


class Desk:
    """The program as people at the office use it, in a pipe; `said` is everything that it ever said."""

    def __init__(self, operator: Operator) -> None:
        self.operator = operator
        self.said: list[str] = []

    def __call__(self, *words: str, exit_code: int = 0, stdin: str = "", **settings: str) -> str:
        """Run `merzim WORDS`; what it said on both ways. AssertionError when it ends with another exit code."""
        program = Path(sys.executable).with_name("merzim")
        environment = {k: v for k, v in os.environ.items() if not k.startswith("MERZIM_")}
        done = subprocess.run(
            [str(program), "--env-file", str(self.operator.env_file), *words],
            input=stdin,
            capture_output=True,
            text=True,
            env=environment | settings,
            cwd=self.operator.folder,
            timeout=120,
        )
        self.said += [done.stdout, done.stderr]
        assert done.returncode == exit_code, f"{words}: {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-3000:]}"
        return done.stdout + done.stderr

    def json(self, *words: str, **more: Any) -> Any:
        """Run a verb whose standard output is JSON."""
        self(*words, **more)
        return json.loads(self.said[-2])

    def token(self, name: str) -> dict[str, str]:
        """Make somebody's token; the settings with which they use it."""
        word = self.operator.folder / f"{name}.word"
        word.write_text(f"the word of {name}")
        self("keys", "person", name, "--output", f"{name}.pem", stdin=f"the word of {name}\n")
        return {"MERZIM_TOKEN": f"{name}.pem", "MERZIM_TOKEN_PASSPHRASE_FILE": str(word)}
