"""merzim as an operator starts it: a process, its exit code, and everything it said."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

MERZIM = Path(sys.executable).with_name("merzim")


@dataclass
class Program:
    """The program on one installation; `said` keeps stdout and stderr of every command for the residue search."""

    folder: Path
    said: list[str] = field(default_factory=list)

    def __call__(self, *arguments: str, exit_code: int = 0, stdin: str = "") -> str:
        """Run a verb and return its stdout. AssertionError when it ends with another exit code."""
        return self._run(["--env-file", str(self.folder / "merzim.env"), *arguments], exit_code, stdin)

    def json(self, *arguments: str, exit_code: int = 0, stdin: str = "") -> Any:
        """Run a verb that prints JSON."""
        return json.loads(self(*arguments, "--json", exit_code=exit_code, stdin=stdin))

    def demo(self, database_url: str | None) -> None:
        """Make an operator's database without people, in the installation's folder."""
        url = [] if database_url is None else ["--database-url", database_url]
        self._run(["demo", "--people", "0", "--seed", "1", "--dir", str(self.folder), "--no-run", *url], 0, "")

    def night(self, now: str) -> Any:
        """Look at the plan, approve exactly it, and run."""
        fingerprint = self.json("plan", "--now", now)["fingerprint"]
        return self.json("run", "--now", now, "--approve", fingerprint)

    def _run(self, arguments: list[str], exit_code: int, stdin: str) -> str:
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("MERZIM_", "PYTHONDONTWRITE"))}
        done = subprocess.run(
            [str(MERZIM), *arguments], input=stdin, capture_output=True, text=True, env=environment, timeout=120
        )
        self.said += [done.stdout, done.stderr]
        assert done.returncode == exit_code, f"merzim {' '.join(arguments)}: {done.returncode}\n{done.stderr[-3000:]}"
        return done.stdout
