"""The GRANT statements for the least-privilege role."""

import pytest

from worker.ledger.errors import LedgerError
from worker.ledger.grants import grants


def test_entries_and_seals_may_only_be_read_and_added_to() -> None:
    statements = grants("merzim", "worker", {})
    assert 'GRANT SELECT, INSERT ON "merzim"."entry" TO "worker";' in statements
    assert 'GRANT SELECT, INSERT ON "merzim"."seal" TO "worker";' in statements


def test_operator_tables_get_what_was_asked_and_no_more() -> None:
    statements = grants("merzim", "worker", {"crm.users": {"UPDATE", "SELECT"}, "payments": {"SELECT"}})
    assert 'GRANT USAGE ON SCHEMA "crm" TO "worker";' in statements
    assert 'GRANT SELECT, UPDATE ON "crm"."users" TO "worker";' in statements
    assert 'GRANT SELECT ON "payments" TO "worker";' in statements
    assert not [s for s in statements if "ALL" in s or "TRUNCATE" in s or ("payments" in s and "UPDATE" in s)]


def test_names_are_quoted() -> None:
    statements = grants('a"b', "r; DROP", {'s.t"x': {"SELECT"}})
    assert 'GRANT SELECT ON "s"."t""x" TO "r; DROP";' in statements
    assert 'GRANT USAGE ON SCHEMA "a""b" TO "r; DROP";' in statements


@pytest.mark.parametrize("rights", [{"ALL"}, {"SELECT", "TRUNCATE"}, set()])
def test_other_privileges_are_refused(rights: set[str]) -> None:
    with pytest.raises(LedgerError):
        grants("merzim", "worker", {"users": rights})
