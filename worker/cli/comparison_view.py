"""What `merzim plan --compare` shows on a terminal."""

from config.catalogue import text
from worker.cli.output import print_table, say
from worker.office.comparing_plans import Comparison


def show_comparison(found: Comparison) -> None:
    """Who becomes due and who no longer, by stage and table; then in words where less is kept."""
    rows = [[s.stage, t.table, t.newly, t.no_longer, t.unchanged] for s in found.stages for t in s.tables]
    columns = ["stage", "table", "newly_due", "no_longer_due", "unchanged"]
    print_table(text("verb_plan.comparison", policy=found.policy), columns, rows, whole=("table",))
    for stage in found.stages:
        newly, no_longer = len(stage.newly), len(stage.no_longer)
        if newly or no_longer:
            say(text("verb_plan.change", stage=stage.stage, unit=stage.unit, newly=newly, no_longer=no_longer))
    if not any(s.newly or s.no_longer for s in found.stages):
        say(text("verb_plan.no_change"))
    for stage in found.stages:
        if stage.stopped is not None:
            say(text("verb_plan.stopped", stage=stage.stage, reason=stage.stopped))
    for phrase in found.shorter:
        say(text("verb_plan.shorter", phrase=phrase))
