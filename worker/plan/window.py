"""When nights may work: the hours of a policy's window, and which night a moment belongs to."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from config.policy import Policy, Window


@dataclass(frozen=True)
class Hours:
    """A window in its zone. A night bears the local date on which its window opened, also after midnight."""

    window: Window
    zone: ZoneInfo

    @classmethod
    def of(cls, policy: Policy, default: Window) -> "Hours":
        """The policy's own window, else the installation's; always in the policy's zone."""
        return cls(policy.window or default, ZoneInfo(policy.timezone))

    def night(self, now: datetime) -> date | None:
        """The date of the night whose window is open at `now` (aware); None while it is shut."""
        today = self.today(now)
        for day in (today, today - timedelta(days=1)):
            opens, ends = self.bounds(day)
            if opens <= now < ends:
                return day
        return None

    def bounds(self, night: date) -> tuple[datetime, datetime]:
        """The first moment of a night's window and the first after it, in UTC. An hour that the zone's clocks skip or
        repeat is taken as Python's datetime takes it: the window moves, it never opens twice."""
        last = night if self.window.end > self.window.start else night + timedelta(days=1)
        opens = datetime.combine(night, self.window.start, self.zone).astimezone(UTC)
        return opens, datetime.combine(last, self.window.end, self.zone).astimezone(UTC)

    def today(self, now: datetime) -> date:
        """The local date of `now`."""
        return now.astimezone(self.zone).date()

    def passed(self, now: datetime) -> date:
        """The date of the newest night whose window has ended at `now`."""
        today = self.today(now)
        return next(d for d in (today - timedelta(days=n) for n in range(3)) if self.bounds(d)[1] <= now)
