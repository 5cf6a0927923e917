"""`python -m tests.promises`: break each promise by hand, on a copy of this folder, and see its test go red."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.promises.breakages import BREAKAGES, Breakage

ROOT = Path(__file__).parents[2]
SEEN_TO_FAIL = 1  # pytest's exit code when tests ran and some failed
LEFT_OUT = shutil.ignore_patterns(".*", "__pycache__")


def main() -> int:
    """One line for each; 1 if a breakage went unnoticed."""
    unnoticed = 0
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "merzim"
        shutil.copytree(ROOT, copy, ignore=LEFT_OUT)
        for each in BREAKAGES:
            noticed = tried(copy, each)
            unnoticed += not noticed
            print(f"{each.promise:>2}  {'red' if noticed else 'NOT NOTICED':<12}{each.test}", flush=True)
    return min(unnoticed, 1)


def tried(copy: Path, breakage: Breakage) -> bool:
    """Whether the test fails while the code is broken."""
    file = copy / breakage.file
    whole = file.read_text("utf-8")
    file.write_text(whole.replace(breakage.keeps, breakage.breaks), "utf-8")
    try:
        program = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", breakage.test]
        environment = {**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(program, cwd=copy, env=environment, capture_output=True, check=False)
        return done.returncode == SEEN_TO_FAIL
    finally:
        file.write_text(whole, "utf-8")


if __name__ == "__main__":
    sys.exit(main())
