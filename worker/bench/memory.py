"""The most memory that a process has held."""

import re
import resource
from pathlib import Path


def peak_megabytes() -> int:
    """Of this process since it began. getrusage would also count the program that started it, so Linux is asked."""
    status = Path("/proc/self/status")
    if status.exists():
        found = re.search(r"^VmHWM:\s+(\d+) kB$", status.read_text("ascii"), re.MULTILINE)
        if found:
            return int(found[1]) // 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
