"""What the text of each setting may be: one parser and one example a setting.

A parser takes the text and the folder at which relative paths start; its ValueError ends a sentence that begins with
the setting's name.
"""

import json
import re
from collections.abc import Callable
from datetime import time
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from config.catalogue import text
from config.policy import Window

LOCK_TARGET_CEILING_MS = 250


def _url(written: str, folder: Path) -> str:
    if not re.match(r"[a-z][a-z0-9+]*://", written):
        raise ValueError(text("setting_problem.no_url"))
    return written


def _schema(written: str, folder: Path) -> str:
    if not re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", written, re.ASCII):
        raise ValueError(text("setting_problem.no_schema"))
    return written


def _path(written: str, folder: Path) -> Path:
    if "\n" in written:
        raise ValueError(text("setting_problem.no_path"))
    return folder / written


def _archive_url(written: str, folder: Path) -> str:
    if "://" not in written:
        return str(_path(written, folder))
    url = urlsplit(written)
    if url.scheme != "file" or url.netloc not in ("", "localhost") or not unquote(url.path).startswith("/"):
        raise ValueError(text("setting_problem.no_folder"))
    return written


def _recipients(written: str, folder: Path) -> tuple[str, ...]:
    lines = (line.partition("#")[0] for line in written.splitlines())
    recipients = tuple(word.strip() for line in lines for word in line.split(",") if word.strip())
    for number, recipient in enumerate(recipients, 1):
        if recipient.upper().startswith("AGE-SECRET-KEY-"):
            raise ValueError(text("setting_problem.secret_key", number=str(number)))
        if not re.fullmatch(r"age1[0-9a-z]{20,}", recipient, re.ASCII):
            raise ValueError(text("setting_problem.no_recipient", number=str(number)))
    return recipients


def _folders(written: str, folder: Path) -> dict[str, Path]:
    try:
        roots = json.loads(written)
    except ValueError:
        raise ValueError(text("setting_problem.no_json")) from None
    if not isinstance(roots, dict) or not all(isinstance(path, str) and path for path in roots.values()):
        raise ValueError(text("setting_problem.no_folders"))
    return {name: folder / path for name, path in roots.items()}


def _milliseconds(written: str, folder: Path) -> int:
    if not re.fullmatch(r"\d{1,9}", written, re.ASCII) or not 1 <= int(written) <= LOCK_TARGET_CEILING_MS:
        raise ValueError(text("setting_problem.no_milliseconds", most=str(LOCK_TARGET_CEILING_MS)))
    return int(written)


def _window(written: str, folder: Path) -> Window:
    hours = re.fullmatch(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)", written, re.ASCII)
    if hours is None:
        raise ValueError(text("setting_problem.no_window"))
    start, end = (time(int(hours[i]), int(hours[i + 1])) for i in (1, 3))
    return Window(start=start, end=end)


def _zone(written: str, folder: Path) -> ZoneInfo:
    try:
        return ZoneInfo(written)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(text("setting_problem.no_zone")) from None


def _sweep_seconds(written: str, folder: Path) -> int:
    if not re.fullmatch(r"\d{1,4}", written, re.ASCII) or not 1 <= int(written) <= 3600:
        raise ValueError(text("setting_problem.no_seconds", most="3600"))
    return int(written)


PARSERS: dict[str, Callable[[str, Path], Any]] = {
    "database_url": _url,
    "ledger_schema": _schema,
    "policy": _path,
    "archive_url": _archive_url,
    "archive_recipients": _recipients,
    "spool": _path,
    "signing_key": _path,
    "files": _folders,
    "reports": _path,
    "lock_target_ms": _milliseconds,
    "broker_url": _url,
    "window": _window,
    "timezone": _zone,
    "sweep_seconds": _sweep_seconds,
    "pulse": _path,
    "calendar": _path,
    "token": _path,
    "token_passphrase": lambda written, folder: written,
}

EXAMPLES = {
    "database_url": "postgresql+psycopg://merzim@localhost/agency",
    "ledger_schema": "merzim",
    "policy": "/etc/merzim/policy.yaml",
    "archive_url": "/var/lib/merzim/archive",
    "archive_recipients": "age1…,age1…",
    "spool": "/var/lib/merzim/spool",
    "signing_key": "/run/secrets/merzim-signing-key.pem",
    "files": '{"scans": "/srv/agency/scans"}',
    "reports": "/var/lib/merzim/reports",
    "lock_target_ms": "50",
    "broker_url": "redis://localhost:6379/0",
    "window": "01:30-06:00",
    "timezone": "Asia/Almaty",
    "sweep_seconds": "60",
    "pulse": "/run/merzim",
    "calendar": "/etc/merzim/calendar.yaml",
    "token": "/home/aigul/merzim-token.pem",
    "token_passphrase": "…",
}
