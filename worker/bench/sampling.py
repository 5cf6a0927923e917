"""Where a process's time goes: its main thread is looked at every few milliseconds, from a thread of its own.

Nothing in merzim knows of it. What is counted is the innermost function of the pipeline, and whether the database
was being waited for and with which kind of statement.
"""

import re
import sys
import threading
from collections import Counter
from types import FrameType
from typing import Any

EVERY_SECONDS = 0.004
HAND_OVER_SECONDS = 0.0001
"""How soon Python hands over to who looks. By itself it does so after 5 ms, or where it waits for something: everything
computed would be taken for the wait after it."""
OURS = ("worker.pipeline.", "worker.ledger.", "worker.archive.", "worker.plan.")
STEPS = "worker.pipeline."
PLANNING = {"decide", "make_plan", "check_policy"}
DATABASE = re.compile(r"psycopg|pymysql|sqlalchemy[.]engine[.]default")
STATEMENTS = {
    "do_execute": "statement",
    "do_executemany": "statement",
    "execute": "query",
    "stream": "query",
    "copy": "statement",
}
COMMITS = ("do_commit", "commit")
VERB = re.compile(r"\s*(\w+)")
PYTHON = "python"
LEAST_SHARE = 0.002


class Sampler(threading.Thread):
    """Counts where the thread that makes it is: (step, function, what it waits for)."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._watched = threading.get_ident()
        self._stopped = threading.Event()
        self._usual = sys.getswitchinterval()
        self.seen: Counter[tuple[str, str, str]] = Counter()

    def run(self) -> None:
        """Look until stopped."""
        sys.setswitchinterval(HAND_OVER_SECONDS)
        while not self._stopped.wait(EVERY_SECONDS):
            frame = sys._current_frames().get(self._watched)
            if frame is not None:
                self.seen[place_of(frame)] += 1

    def stop(self) -> dict[str, Any]:
        """Shares of the time, the largest first: by step, and by function and kind of statement."""
        self._stopped.set()
        self.join()
        sys.setswitchinterval(self._usual)
        total = max(1, self.seen.total())
        steps: dict[str, dict[str, int]] = {}
        for (step, _, kind), count in self.seen.items():
            of_step = steps.setdefault(step, {"database": 0, PYTHON: 0})
            of_step[PYTHON if kind == PYTHON else "database"] += count
        by_step = [{"step": step} | {k: round(n / total, 4) for k, n in found.items()} for step, found in steps.items()]
        return {
            "steps": sorted(by_step, key=lambda found: -found["database"] - found[PYTHON]),
            "functions": [
                {"step": step, "function": function, "waits_for": kind, "share": round(count / total, 4)}
                for (step, function, kind), count in self.seen.most_common()
                if count >= total * LEAST_SHARE
            ],
        }


def place_of(frame: FrameType) -> tuple[str, str, str]:
    """The step (a module of the pipeline, or the plan as a whole), the innermost function of ours, and "python" or
    what the database was asked."""
    step, function, kind = "", "", PYTHON
    at: FrameType | None = frame
    while at is not None:
        module, name = at.f_globals.get("__name__", ""), at.f_code.co_name
        if not function and kind == PYTHON and DATABASE.match(module):
            kind = _asked(at, name)
        if not function and module.startswith(OURS):
            function = f"{module.removeprefix('worker.')}.{name}"
        if not step and module.startswith(STEPS):
            step = module.removeprefix(STEPS)
        if name in PLANNING:
            step = "plan"
        at = at.f_back
    return step, function, kind


def _asked(frame: FrameType, function: str) -> str:
    """COMMIT, or the first word of a statement; "python" where the driver only prepares one."""
    if function in COMMITS:
        return "COMMIT"
    statement = frame.f_locals.get(STATEMENTS.get(function, ""))
    if isinstance(statement, bytes):
        statement = statement.decode("utf-8", "replace")
    found = VERB.match(statement) if isinstance(statement, str) else None
    return found[1].upper() if found else PYTHON
