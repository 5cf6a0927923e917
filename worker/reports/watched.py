"""Holds by hand that somebody should look at: those that end soon, and those older than the policy's review period."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Protocol, TypeVar
from zoneinfo import ZoneInfo

from config.policy import Policy

SOON = timedelta(days=14)


class Dated(Protocol):
    """A hold: when it was placed, and its end if it has one; naive UTC."""

    @property
    def placed_at(self) -> datetime: ...

    @property
    def ends_at(self) -> datetime | None: ...


T = TypeVar("T", bound=Dated)


def ending_soon(holds: Iterable[T], at: datetime) -> list[T]:
    """Those that end within SOON of `at` (naive UTC), the first to end first."""
    found = [(h.ends_at, h) for h in holds if h.ends_at is not None and at < h.ends_at <= at + SOON]
    return [h for _, h in sorted(found, key=lambda pair: pair[0])]


def to_review(holds: Iterable[T], at: datetime, policy: Policy) -> list[T]:
    """Those that are older than the policy's review period at `at` (naive UTC), the oldest first; none without one."""
    term = policy.review.holds
    if term is None:
        return []
    today = _day(at, policy)
    return sorted((h for h in holds if term.kept_until(_day(h.placed_at, policy)) < today), key=lambda h: h.placed_at)


def _day(utc: datetime, policy: Policy) -> date:
    return utc.replace(tzinfo=UTC).astimezone(ZoneInfo(policy.timezone)).date()
