"""`bench grow`: the same nights among few people and among many, with years of nights behind them."""

import math
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import sqlalchemy as sa

from worker.bench.bench import Bench
from worker.bench.cases import CASES, MAIN
from worker.bench.ground import engine_of, own_only, value
from worker.bench.past import a_day_later, add_nights, make_newly_due
from worker.bench.rows import Size, due
from worker.bench.sql import sql_of
from worker.bench.workers import night_of
from worker.bootstrap import install

NIGHTS = ("first", "nothing_due", "after_years")
ASKED = 3


def measure_growth(bench: Bench) -> dict[str, Any]:
    """Three nights on one size: the first; one with nothing due; and after five years of nights one with newly due
    people."""
    case = CASES[MAIN]
    approve = bench.approved(case)
    url, env_file = bench.installed(case)
    names = {"people": str(bench.size.people)}
    bench.tell("grow_first", names)
    found: dict[str, Any] = {"people": bench.size.people, "first": _night(bench, env_file, approve)}
    a_day_later(url)
    add_nights(env_file)
    bench.tell("grow_nothing", names)
    found["nothing_due"] = _nothing_due(bench, url, env_file)
    make_newly_due(url, bench.size)
    bench.tell("grow_years", names)
    found["after_years"] = _night(bench, env_file)
    return found


def _night(bench: Bench, env_file: Path, approve: str = "") -> dict[str, Any]:
    said = night_of(env_file, bench.size.now, approve, 1)
    return {
        "rows": said["rows"],
        "seconds": round(said["seconds"], 3),
        "planning_seconds": round(said["planned_seconds"], 3),
        "peak_memory_mb": said["peak_memory_mb"],
    }


def _nothing_due(bench: Bench, url: str, env_file: Path) -> dict[str, Any]:
    """A night with nothing due and the query that finds who is due, in turn: the medians after the first of each."""
    nights, by_hand = [], []
    for _ in range(1 + ASKED):
        nights.append(_night(bench, env_file))
        by_hand.append(_by_hand(url, env_file, bench.size))
    middle = sorted(nights[1:], key=lambda night: float(night["planning_seconds"]))[ASKED // 2]
    seconds = median(by_hand[1:])
    ratio = middle["planning_seconds"] / max(0.001, seconds)
    return middle | {"by_hand_seconds": round(seconds, 3), "plan_ratio": round(ratio, 2)}


def _by_hand(url: str, env_file: Path, size: Size) -> float:
    """Seconds of the query that finds who is due, with the same indexes."""
    own_only(sa.make_url(url))
    ledger = install(env_file).tools.ledger
    stone, hold = (ledger.schema + "." if ledger.schema else "") + ledger.tombstone.name, ledger.hold.fullname
    newest = sql_of(url).ago(size.now, "1100")
    query = f"""SELECT count(*) FROM people WHERE {due(sql_of(url), size)} AND people.blocked_at IS NULL
        AND NOT EXISTS (SELECT 1 FROM messages m WHERE m.person_id = people.id AND m.sent_at >= {newest})
        AND NOT EXISTS (SELECT 1 FROM people k WHERE k.iin = people.iin AND k.seen_at >= {newest})
        AND NOT EXISTS (SELECT 1 FROM {hold} h WHERE h.table_name = 'people' AND h.key_number = people.id
            AND h.released_at IS NULL)
        AND NOT EXISTS (SELECT 1 FROM {stone} t WHERE t.stage = 'bench/profile' AND t.key_number = people.id
            AND t.key_text = '')"""
    with engine_of(url) as engine:
        begun = time.perf_counter()
        assert value(engine, query) == 0, "the query by hand and the plan differ"
        return time.perf_counter() - begun


def exponents(found: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """log(t2 / t1) / log(n2 / n1) between the smallest size and the largest; 1 is in proportion."""
    small, large = found[0], found[-1]
    grown = math.log(large["people"] / small["people"])
    return {
        night: {
            what: round(math.log(max(0.001, large[night][what]) / max(0.001, small[night][what])) / grown, 2)
            for what in ("seconds", "planning_seconds")
        }
        for night in NIGHTS
    }
