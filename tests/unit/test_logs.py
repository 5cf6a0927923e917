"""Logs that are configured only when somebody logs look like those that were configured at once."""

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from worker import logs


@pytest.fixture(autouse=True)
def put_off() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    logs.configure_at_first(logging.WARNING)
    yield
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, str]]:
    out, err = capsys.readouterr()
    assert out == ""
    return [json.loads(line) for line in err.splitlines()]


def test_a_library_that_logs_first_is_heard_once_and_without_its_error(capsys: pytest.CaptureFixture[str]) -> None:
    try:
        raise ValueError("a row of somebody")
    except ValueError:
        logging.getLogger("some.library").exception("it failed")
    logging.getLogger("some.library").warning("again")
    first, second = lines(capsys)
    assert (first["event"], first["error"], second["event"]) == ("it failed", "ValueError", "again")


def test_what_merzim_logs_first_is_json_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    logs.log.info("nothing that matters")
    logs.log.warning("the database is unwell", run="r1")
    (only,) = lines(capsys)
    assert (only["event"], only["level"], only["run"]) == ("the database is unwell", "warning", "r1")


def test_quiet_libraries_are_quiet_from_the_beginning(capsys: pytest.CaptureFixture[str]) -> None:
    logging.getLogger("alembic.runtime").info("what it is about to do")
    assert lines(capsys) == []
