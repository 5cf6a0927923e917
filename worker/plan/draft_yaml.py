"""Pieces of YAML as a person would write them: plain where that is safe, quoted where it is not."""

import json
import re
import textwrap
from collections.abc import Iterable, Sequence

from config.marks import MARK

WIDTH = 118
_PLAIN = re.compile(r"[^\W_](?:[\w ./\-]*\w)?|_[\w./\-]*\w")
_NULLS = {"null"}


def scalar(value: str) -> str:
    """A text that the policy's reader reads as exactly this."""
    return value if _is_plain(value) else _quoted(value)


def undecided(value: str = "") -> str:
    """A guess behind the mark; the mark alone where there is nothing to guess."""
    marked = f"{MARK} {value}".strip()
    return marked if not value or _is_plain(value) else _quoted(marked)


def undecided_sentence(value: str) -> str:
    """A guess in words of our own, alone behind its key, where commas mean nothing to YAML."""
    return f"{MARK} {value}" if _is_plain(value.replace(",", "")) else undecided(value)


def _is_plain(value: str) -> bool:
    return bool(_PLAIN.fullmatch(value)) and value.lower() not in _NULLS and value.split(" ")[0] != MARK


def _quoted(value: str) -> str:
    written = json.dumps(value, ensure_ascii=False)
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in written)


def listed(start: str, items: Iterable[str], remark: str = "") -> list[str]:
    """`start [a, b]` in as many lines as it takes, a remark behind the last."""
    lines, line = [], f"{start}["
    inner = " " * (len(start) - len(start.lstrip()) + 2)
    for place, item in enumerate(items):
        piece = item if place == 0 else f", {item}"
        if len(line) + len(piece) + 1 > WIDTH and place:
            lines.append(f"{line},")
            line = f"{inner}{item}"
        else:
            line += piece
    lines.append(f"{line}]")
    if remark:
        lines[-1] = remarked(lines[-1], remark)
    return lines


def braces(**values: str) -> str:
    """A mapping of short values in one line."""
    return "{" + ", ".join(f"{word}: {value}" for word, value in values.items()) + "}"


def remarked(line: str, remark: str) -> str:
    """A line with a remark behind it."""
    return f"{line:<48} # {_one_line(remark)}"


def comment(sentence: str, indent: int = 0) -> list[str]:
    """A sentence as comment lines."""
    start = " " * indent + "# "
    lines: Sequence[str] = textwrap.wrap(_one_line(sentence), WIDTH - len(start), break_long_words=False)
    return [start + line for line in lines]


def _one_line(sentence: str) -> str:
    """Names may hold line breaks, and those would end the comment."""
    return "".join(c if c.isprintable() else "?" for c in sentence)
