"""One worker of a measured night, in a process of its own: `python -m worker.bench.process night|join ENV_FILE NOW
FINGERPRINT PROFILE`. It says that it is ready, waits for a line, works, and prints what it measured as JSON."""

import json
import logging
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from worker import logs
from worker.bench.beside import moment
from worker.bench.ground import own_only
from worker.bench.memory import peak_megabytes
from worker.bench.sampling import Sampler
from worker.bootstrap import install
from worker.ledger.runs import BY_HAND
from worker.office.identity import by_account
from worker.pipeline.beginning import Wish
from worker.pipeline.night import carry_on, night, workplace
from worker.pipeline.tools import Tools
from worker.pipeline.work import Progress
from worker.telling import foreseen

LOOK_SECONDS = 0.02


@dataclass
class Watch:
    """How long every slice's transaction was open: from its begin to the word that it is committed."""

    begun: float = 0.0
    slices: list[float] = field(default_factory=list)
    rows: int = 0

    def listen(self, engine: sa.Engine) -> None:
        """Note every begin."""
        sa.event.listen(engine, "begin", self._on_begin)

    def _on_begin(self, connection: sa.Connection) -> None:
        self.begun = time.perf_counter()

    def committed(self, progress: Progress) -> None:
        """A slice is committed."""
        self.slices.append(round((time.perf_counter() - self.begun) * 1000, 1))
        self.rows = progress.rows


def main(role: str, env_file: str, now: str, approve: str, profile: str) -> None:
    """The worker, until the run is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process of a terminal; the bench ends this one
    logs.configure(logging.ERROR)
    installation = install(Path(env_file))
    tools, policy = installation.tools, installation.policy()
    own_only(tools.database.engine.url)
    with tools.database.reading():  # the first connection is nobody's work
        pass
    watch = Watch()
    watch.listen(tools.database.engine)
    print("ready", flush=True)
    sys.stdin.readline()
    sampler = Sampler() if profile == "profile" else None
    if sampler is not None:
        sampler.start()
    begun, clock, cpu = time.time(), time.perf_counter(), time.process_time()
    if role == "night":
        wish = Wish(moment(now), approve=approve or None, signer=by_account(tools))
        night(tools, policy, wish, watch=watch.committed)
    else:
        _join(tools, policy.name, watch.committed)
    said = {
        "seconds": time.perf_counter() - clock,
        "cpu_seconds": time.process_time() - cpu,
        "rows": watch.rows,
        "slices": watch.slices,
        "profile": sampler.stop() if sampler is not None else None,
        "peak_memory_mb": peak_megabytes(),
        "run": _run(tools, policy.name, begun),
    }
    print(json.dumps(said), flush=True)


def _join(tools: Tools, policy_name: str, watch: Callable[[Progress], None]) -> None:
    """As a worker joins that a message has told of the run."""
    from worker.ledger.runs import find_open_run

    while True:
        with tools.database.writing() as connection:
            run = find_open_run(connection, tools.ledger, policy_name, BY_HAND)
        if run is not None:
            carry_on(workplace(tools, run, watch=watch))
            return
        if _run(tools, policy_name, 0)["state"] not in ("none", "open"):  # so short that it is over already
            return
        time.sleep(LOOK_SECONDS)


def _run(tools: Tools, policy_name: str, begun: float) -> dict[str, Any]:
    """How the run stands, and how long it was planned."""
    table = tools.ledger.run
    query = sa.select(table.c.state, table.c.reason, table.c.started_at).where(table.c.policy_name == policy_name)
    query = query.order_by(table.c.started_at.desc()).limit(1)
    with tools.database.reading() as connection:
        found = connection.execute(query).first()
    if found is None:
        return {"state": "none", "reason": None, "planned_seconds": 0.0}
    started = moment(str(found.started_at)).timestamp()
    return {"state": found.state, "reason": found.reason, "planned_seconds": max(0.0, started - begun)}


def _guarded(arguments: list[str]) -> int:
    try:
        main(*arguments)
    except Exception as error:
        sentences = foreseen(error)
        if sentences is None:
            raise
        print("\n".join(sentences), file=sys.stderr)
        return 3
    return 0


if __name__ == "__main__":
    raise SystemExit(_guarded(sys.argv[1:]))
