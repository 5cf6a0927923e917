"""The README's table names every setting there is, and no other."""

import re
from pathlib import Path

from config.settings import PREFIX, Settings


def test_the_table_has_every_setting() -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
    listed = re.findall(rf"^\| `{PREFIX}(\w+)` \|", readme, re.MULTILINE)
    assert sorted(listed) == sorted(name.upper() for name in Settings.model_fields)
