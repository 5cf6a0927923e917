"""Figures from many measurements."""

import math
from collections.abc import Sequence


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that so many percent of all are not above; 0 where there is none."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)] if ordered else 0.0


PERCENTILES = {"p50": 50, "p99": 99, "p99_9": 99.9, "max": 100}


def latencies_in_short(milliseconds: Sequence[float]) -> dict[str, float]:
    """How many there were, and how long the slow ones took."""
    found = {name: round(percentile(milliseconds, percent), 2) for name, percent in PERCENTILES.items()}
    return {"visits": len(milliseconds), **found}
