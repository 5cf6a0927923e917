"""redact: free text and JSON without IINs, e-mail addresses and telephones."""

from collections.abc import Sequence
from random import Random
from typing import Any

import sqlalchemy as sa

from config.catalogue import text
from worker.identifiers.redaction import redact, redact_json
from worker.strategies.base import Strategy


class Redact(Strategy):
    """[IIN], [EMAIL] and [PHONE] in place of what they name. Names and the operator's contacts stay.

    SQL cannot recognise what is left, so `looks_done` there says yes to everything: compare with what was
    written, or ask `is_done`.
    """

    name = "redact"
    summary = text("strategy_does.redact")
    types = frozenset({"text", "json"})
    made_in = "python"
    proves_done = False

    def make(
        self,
        values: Sequence[Any],
        argument: str | None,
        random: Random,
        allow: Sequence[str] = (),
        column_name: str = "",
    ) -> list[Any]:
        """See Strategy."""
        return [_redacted(value, allow) for value in values]

    def looks_done(self, column: sa.ColumnElement[Any], argument: str | None, dialect: str) -> sa.ColumnElement[bool]:
        """See Strategy."""
        return sa.or_(column.is_(None), column.is_not(None))

    def is_done(self, value: Any, argument: str | None, allow: Sequence[str] = ()) -> bool:
        """See Strategy."""
        return bool(value == _redacted(value, allow))


def _redacted(value: Any, allow: Sequence[str]) -> Any:
    if not isinstance(value, str):
        return redact_json(value, allow)
    redacted = redact(value, allow)
    # a@b.kz is shorter than its marker: a full column must still take the text. Cut JSON would be no JSON.
    return redacted if value.lstrip()[:1] in ("{", "[") else redacted[: len(value)]
