"""What the Dockerfile copies is enough: the wheel that it builds is whole. Its own command, without an engine."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from tests.unit.test_deploy_dockerfile import ROOT, commands, sources, stages


def test_the_wheel_is_built_from_what_is_copied_and_has_everything(tmp_path: Path) -> None:
    for source in sorted(sources()):
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, tmp_path / source, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(ROOT / source, tmp_path / Path(source).name)
    (wheel,) = (command.split() for command in commands(stages()[0]) if command.startswith("pip wheel "))
    build = [sys.executable, "-m", *(word.replace("/wheels", str(tmp_path / "wheels")) for word in wheel)]
    subprocess.run(build, cwd=tmp_path, check=True, capture_output=True, timeout=120)
    (built,) = (tmp_path / "wheels").iterdir()
    packed = {name for name in zipfile.ZipFile(built).namelist() if ".dist-info/" not in name}
    files = [path for package in ("config", "tasks", "worker") for path in (ROOT / package).rglob("*")]
    assert packed == {str(p.relative_to(ROOT)) for p in files if p.is_file() and "__pycache__" not in p.parts}
