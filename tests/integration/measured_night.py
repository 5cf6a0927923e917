"""A night in a process of its own, so that its memory can be measured: `python -m tests.integration.measured_night
ENV_FILE POLICY`. Prints what the run did and the most memory that the process held, in megabytes."""

import json
import logging
import re
import sys
from pathlib import Path

import structlog

from config.loader import load_policy
from tests.integration.small_operator import NOW
from worker.bootstrap import install
from worker.pipeline.beginning import Wish
from worker.pipeline.night import night


def main(env_file: str, policy: str) -> None:
    """The night."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    outcome = night(install(Path(env_file)).tools, load_policy(Path(policy).read_text("utf-8"), policy), Wish(NOW))
    # getrusage would also count what the process was before it became this program: the tests themselves.
    (peak,) = re.findall(r"^VmHWM:\s+(\d+) kB$", Path("/proc/self/status").read_text("ascii"), re.MULTILINE)
    megabytes = int(peak) // 1024
    done = outcome.progress
    print(json.dumps({"state": outcome.state, "slices": done.slices, "rows": done.rows, "megabytes": megabytes}))


if __name__ == "__main__":
    main(*sys.argv[1:])
