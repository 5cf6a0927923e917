"""Holds and blocks that somebody should think of, in words: lines of their own in every form of the report."""

from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from worker.reports.shapes import HoldFacts
from worker.reports.wording import Words

HOLDS_SHOWN = 20


class Watched:
    """Says them in the words of one report."""

    def __init__(self, words: Words) -> None:
        self._words, self._facts, self._text = words, words.facts, words.text

    def lines(self) -> list[str]:
        """Everything: blocked people, holds that end soon, holds to review."""
        return [*self.blocked(), *self.ending(), *self.to_review()]

    def blocked(self) -> list[str]:
        """The people whom the law blocks, if there are any."""
        count = self._facts.blocked
        return [self._text("watched.blocked", n=count)] if count else []

    def ending(self) -> list[str]:
        """Holds that end soon, one a line."""
        holds = self._facts.holds_ending
        shown = [(h, h.ends_at) for h in holds[:HOLDS_SHOWN] if h.ends_at is not None]
        lines = [self._text("watched.ending", hold=self._hold(h), day=self._day(end)) for h, end in shown]
        return [*lines, *self._more(holds)]

    def to_review(self) -> list[str]:
        """Holds that are older than the policy's review period, one a line."""
        holds, term = self._facts.holds_to_review, self._facts.review_term
        shown = holds[:HOLDS_SHOWN]
        lines = [self._text("watched.review", hold=self._hold(h), day=self._day(h.placed_at), term=term) for h in shown]
        return [*lines, *self._more(holds)]

    def _hold(self, hold: HoldFacts) -> str:
        covers = self._text(f"hold.{hold.scope}", table=hold.table, key=hold.key)
        return self._text("watched.hold", id=hold.id, covers=covers)

    def _day(self, utc: datetime) -> str:
        local = utc.replace(tzinfo=UTC).astimezone(ZoneInfo(self._facts.timezone))
        return self._words.catalogue.day(local.date())

    def _more(self, holds: Sequence[HoldFacts]) -> list[str]:
        count = len(holds) - HOLDS_SHOWN
        return [self._text("watched.more", n=count)] if count > 0 else []
