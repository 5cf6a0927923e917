"""The archive's mount hangs: the night does not hang with it, its segments wait in the spool, and each is stored once
when it answers again."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.races.judging import Archive, check_ledger
from tests.integration.small_operator import LONG_AGO, PEOPLE_POLICY, Operator, operator_on
from worker.archive import patience, store
from worker.archive.durable import sync_file
from worker.archive.errors import ArchiveError
from worker.pipeline.sweep import sweep


@pytest.fixture
def operator(tmp_path: Path) -> Iterator[Operator]:
    for made in operator_on("sqlite", tmp_path, policy=PEOPLE_POLICY):
        made.sql(f"INSERT INTO people VALUES (1, '810101300121', NULL, 'Name', NULL, '{LONG_AGO}', NULL)")
        made.accustom()
        yield made


def test_the_night_goes_on_without_it(operator: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    answers, asked = threading.Event(), threading.Event()

    def hanging(descriptor: int) -> None:
        asked.set()
        answers.wait()
        sync_file(descriptor)

    with monkeypatch.context() as patched:
        patched.setattr(store, "sync_file", hanging)
        patched.setattr(patience, "STORE_SECONDS", 0.2)
        with pytest.raises(ArchiveError, match=r"has not answered for \S+ minutes"):
            operator.usual_night()
        assert asked.is_set()
        spool = operator.tools.spool
        assert spool is not None
        assert len(spool.names()) == 1
    assert operator.one("SELECT name FROM people") == ""
    assert len(operator.ledger("entry")) == 1

    answers.set()  # and whoever was left behind goes on at the same time
    sweep(operator.tools)
    assert operator.usual_night().state == "done"
    assert spool.names() == []
    (entry,) = operator.ledger("entry")
    assert list(Archive(operator).of(entry["attempt"])) == [("people", 1)]
    check_ledger(operator)
