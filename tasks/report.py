"""merzim.report: the page of a run that is closed, made from the ledger; made again, it is the same."""

from worker.celery_app import installation, task
from worker.logs import log
from worker.reports.facts import counts, policy_of, run_facts
from worker.reports.pages import save_page


@task("merzim.report")
def report(run_id: str) -> None:
    """Write the page into MERZIM_REPORTS, if that is set, and the numbers into the log."""
    here = installation()
    with here.tools.database.reading() as connection:
        facts = run_facts(connection, here.tools.ledger, policy_of(connection, here.tools.ledger, run_id), run_id)
    if here.settings.reports is not None:
        save_page(here.settings.reports, facts)
    log.info("run reported", run=facts.id, state=facts.state, **counts(facts))
