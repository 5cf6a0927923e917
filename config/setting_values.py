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

from config.policy import Window

LOCK_TARGET_CEILING_MS = 250


def _url(text: str, folder: Path) -> str:
    if not re.match(r"[a-z][a-z0-9+]*://", text):
        raise ValueError("is not a URL")
    return text


def _schema(text: str, folder: Path) -> str:
    if not re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", text, re.ASCII):
        raise ValueError("is not a plain schema name of lower-case letters, digits and underscores")
    return text


def _path(text: str, folder: Path) -> Path:
    if "\n" in text:
        raise ValueError("is more than one line, not a path")
    return folder / text


def _archive_url(text: str, folder: Path) -> str:
    if "://" not in text:
        return str(_path(text, folder))
    url = urlsplit(text)
    if url.scheme != "file" or url.netloc not in ("", "localhost") or not unquote(url.path).startswith("/"):
        raise ValueError("is neither a directory nor a file:// URL with an absolute path")
    return text


def _recipients(text: str, folder: Path) -> tuple[str, ...]:
    lines = (line.partition("#")[0] for line in text.splitlines())
    recipients = tuple(word.strip() for line in lines for word in line.split(",") if word.strip())
    for number, recipient in enumerate(recipients, 1):
        if recipient.upper().startswith("AGE-SECRET-KEY-"):
            raise ValueError(f"holds a secret key as number {number}; keep that offline and give its public recipient")
        if not re.fullmatch(r"age1[0-9a-z]{20,}", recipient, re.ASCII):
            raise ValueError(f"holds something that is not an age recipient as number {number}")
    return recipients


def _folders(text: str, folder: Path) -> dict[str, Path]:
    try:
        roots = json.loads(text)
    except ValueError:
        raise ValueError("is not JSON") from None
    if not isinstance(roots, dict) or not all(isinstance(path, str) and path for path in roots.values()):
        raise ValueError("is not a JSON object from names of file roots to folders")
    return {name: folder / path for name, path in roots.items()}


def _milliseconds(text: str, folder: Path) -> int:
    if not re.fullmatch(r"\d{1,9}", text, re.ASCII) or not 1 <= int(text) <= LOCK_TARGET_CEILING_MS:
        raise ValueError(f"is not a whole number of milliseconds from 1 to {LOCK_TARGET_CEILING_MS}")
    return int(text)


def _window(text: str, folder: Path) -> Window:
    hours = re.fullmatch(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)", text, re.ASCII)
    if hours is None:
        raise ValueError("is not two times of day with a hyphen between them")
    start, end = (time(int(hours[i]), int(hours[i + 1])) for i in (1, 3))
    return Window(start=start, end=end)


def _zone(text: str, folder: Path) -> ZoneInfo:
    try:
        return ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("is not the name of a time zone") from None


def _sweep_seconds(text: str, folder: Path) -> int:
    if not re.fullmatch(r"\d{1,4}", text, re.ASCII) or not 1 <= int(text) <= 3600:
        raise ValueError("is not a whole number of seconds from 1 to 3600")
    return int(text)


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
}
