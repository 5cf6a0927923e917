"""How much a slice takes on: what fits into the target time, and less while the database is unwell."""

from dataclasses import dataclass

LEAST_UNITS, USUAL_UNITS, MOST_UNITS = 50, 200, 2_000
CEILING_SECONDS, ROOM = 0.25, 0.75
LOOK_SECONDS = 5.0


@dataclass
class Pace:
    """How many units a slice takes: as many as fit into the target time, with some room so that most slices do. A slice
    has a fixed cost, which fewer units only pay more often: below USUAL_UNITS only what took longer than
    CEILING_SECONDS is made smaller. While the database is unwell slices get smaller and never larger."""

    target_seconds: float
    units: int = USUAL_UNITS
    ailing: bool = False
    _next_look: float = 0.0

    def time_to_look(self, now: float) -> bool:
        """Whether to ask how the database is; `now` in seconds of a clock that never goes back."""
        if now < self._next_look:
            return False
        self._next_look = now + LOOK_SECONDS
        return True

    def looked(self, ailing: bool) -> None:
        """How the database is."""
        self.ailing = ailing
        if ailing and self.units > LEAST_UNITS:
            self.units = max(LEAST_UNITS, self.units // 2)

    def measured(self, seconds: float, taken: int) -> None:
        """A slice of `taken` units took so long."""
        if taken < self.units - self.units // 2:
            return  # a small batch: mostly its fixed cost
        if self.units < LEAST_UNITS:  # a smaller slice was only for finding the one that failed
            self.units = min(LEAST_UNITS, self.units * 2)
            return
        if self.ailing:
            self.units = max(LEAST_UNITS, taken // 2) if seconds > CEILING_SECONDS else self.units
            return
        least = LEAST_UNITS if seconds > CEILING_SECONDS else min(USUAL_UNITS, taken + taken // 2)
        fitting = int(taken * ROOM * self.target_seconds / max(seconds, 0.001))
        self.units = min(MOST_UNITS, max(least, taken // 2, min(fitting, taken + taken // 2)))

    def failed(self, taken: int) -> None:
        """A slice of `taken` units was rolled back: half as many."""
        self.units = max(1, taken // 2)
