"""Pages on the disk: the report of a run where MERZIM_REPORTS says."""

import os
import secrets
from pathlib import Path

from worker.reports.as_html import render_html
from worker.reports.shapes import RunFacts


def save_page(folder: Path, facts: RunFacts) -> Path:
    """Write the run's page and return its path. It appears whole or not at all, also when two write it at once."""
    folder.mkdir(parents=True, exist_ok=True)
    page = folder / f"{facts.id}.html"
    part = folder / f".{facts.id}.{secrets.token_hex(4)}"
    part.write_text(render_html(facts), "utf-8")
    os.replace(part, page)
    return page
