"""Putting [IIN], [EMAIL] and [PHONE] in place of what `find` finds, in text and in JSON of any depth."""

import json
from collections.abc import Sequence
from typing import Any

from worker.identifiers.iin import normalise_iin
from worker.identifiers.text import IdentifierKind, find

MARKERS: dict[IdentifierKind, str] = {"iin": "[IIN]", "email": "[EMAIL]", "phone": "[PHONE]"}


def redact(text: str, allow: Sequence[str] = ()) -> str:
    """The text with a marker for every identifier; text that is JSON is redacted leaf by leaf.

    Redacting twice is redacting once. What `allow` names (the operator's own contacts, clause 6.7) stays.
    JSON in which nothing was found keeps its spelling; otherwise it is written anew without spaces.
    """
    return _redact(text, allow, labelled=False)


def redact_json(value: Any, allow: Sequence[str] = (), key: str = "") -> Any:
    """The same JSON value with markers in its texts, numbers and keys; `key` is the name it stands under.

    Under a key that says iin a number that lost its leading zeros is an IIN too, and needs no checksum:
    every value of an IIN field is personal, valid or not.
    """
    if isinstance(value, dict):
        return _redact_keys({name: redact_json(leaf, allow, str(name)) for name, leaf in value.items()}, allow)
    if isinstance(value, list):
        return [redact_json(leaf, allow, key) for leaf in value]
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return value
    if isinstance(value, float):
        value = int(value) if value.is_integer() else value
    says_iin = "iin" in key.casefold() or "иин" in key.casefold() or "жсн" in key.casefold()
    if says_iin and normalise_iin(value) is not None:
        return MARKERS["iin"]
    written = str(value)
    redacted = _redact(written, allow, labelled=says_iin)
    return value if redacted == written else redacted


def _redact(text: str, allow: Sequence[str], labelled: bool) -> str:
    document = _as_json(text)
    if document is not None:
        redacted = redact_json(document, allow)
        same = redacted == document
        return text if same else json.dumps(redacted, ensure_ascii=False, separators=(",", ":"))
    # A marker is shorter than what it replaces: a label may come nearer to another number. Hence the loop.
    while spans := find(text, allow, labelled):
        pieces, place = [], 0
        for span in spans:
            pieces += [text[place : span.start], MARKERS[span.kind]]
            place = span.end
        text = "".join([*pieces, text[place:]])
    return text


def _as_json(text: str) -> Any:
    if text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _redact_keys(fields: dict[str, Any], allow: Sequence[str]) -> dict[str, Any]:
    clean: dict[str, Any] = {}
    for name, leaf in fields.items():
        marked = unique = _redact(name, allow, labelled=False)
        while unique in clean:
            unique = f"{marked} {len(clean)}"
        clean[unique] = leaf
    return clean
