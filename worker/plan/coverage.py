"""The policy against the live schema: every check that needs no question to the database."""

from collections.abc import Collection

from worker.plan.check_cascades import check_cascades
from worker.plan.check_clock import check_clock
from worker.plan.check_ground import Ground
from worker.plan.check_keys import check_keys
from worker.plan.check_links import check_links
from worker.plan.check_lost_links import check_lost_links
from worker.plan.check_names import check_names
from worker.plan.check_surroundings import check_surroundings
from worker.plan.check_treatments import check_treatments
from worker.plan.check_triggers import check_triggers
from worker.plan.check_unnamed import check_unnamed
from worker.plan.check_unusual import check_unusual


def check_coverage(
    ground: Ground,
    stages_seen: Collection[str] = (),
    file_roots: Collection[str] | None = None,
    copies_possible: bool = True,
) -> None:
    """Put every problem into `ground`. `file_roots`: names with a folder, None when that is not asked."""
    check_names(ground)
    check_unnamed(ground)
    check_keys(ground)
    check_treatments(ground)
    check_clock(ground)
    check_links(ground)
    check_lost_links(ground)
    check_cascades(ground)
    check_triggers(ground)
    check_unusual(ground)
    check_surroundings(ground, stages_seen, file_roots, copies_possible)
