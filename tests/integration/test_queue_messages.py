"""What messages hold, what forged ones can do, and what the processes write."""

import base64
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.integration.fleet import Fleet, open_fleet, window
from tests.integration.night_support import assert_all_done_once, wait_until
from worker.pipeline.beginning import Wish, begin

PEOPLE = range(1, 251)
UUID = re.compile(r"[0-9a-f]{32}")


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    """A few hundred people whose identifiers can be looked for."""
    with open_fleet(tmp_path, PEOPLE) as fleet:
        yield fleet


def message(task: str, arguments: list[Any], **headers: Any) -> dict[str, Any]:
    """As Celery puts it into Redis."""
    number = str(uuid4())
    body = base64.b64encode(json.dumps([arguments, {}, {}]).encode()).decode()
    properties = {
        "correlation_id": number,
        "delivery_mode": 2,
        "delivery_info": {"exchange": "", "routing_key": "merzim"},
        "priority": 0,
        "body_encoding": "base64",
        "delivery_tag": str(uuid4()),
    }
    whole = {"lang": "py", "task": task, "id": number, "root_id": number, "argsrepr": "()", "kwargsrepr": "{}"}
    return {
        "body": body,
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": {**whole, **headers},
        "properties": properties,
    }


def push(fleet: Fleet, *messages: Any) -> None:
    for each in messages:
        fleet.broker.client().lpush("merzim", each if isinstance(each, bytes) else json.dumps(each))


def swept(fleet: Fleet) -> int:
    return len(
        [e for e in fleet.said("worker") if e["event"].startswith("Task merzim.sweep") and "succeeded" in e["event"]]
    )


def test_messages_hold_only_ids(fleet: Fleet) -> None:
    """Nobody takes them here, so all that are sent can be looked at."""
    run_id = "0" * 32
    fleet.settle(WINDOW=window(-10, 120))
    fleet.beat()
    first = fleet.worker()
    wait_until(lambda: (fleet.state() == "open" and fleet.broker.length() > 0) or fleet.state() == "done")
    fleet.kill(first)
    run_id = fleet.nights()[0][0]
    push(fleet, message("merzim.batch", [run_id]))
    wait_until(lambda: fleet.broker.length() >= 2)
    for raw in fleet.broker.client().lrange("merzim", 0, -1):
        sent = json.loads(raw)
        arguments, named, _ = json.loads(base64.b64decode(sent["body"]))
        assert named == {}
        assert all(UUID.fullmatch(argument) for argument in arguments), arguments
        assert sent["headers"]["task"].startswith("merzim.")
        assert re.fullmatch(r"\(('[0-9a-f]{32}',)?\)|\('[0-9a-f]{32}',\)", sent["headers"]["argsrepr"])


def test_forged_doubled_ancient_and_malformed_messages_do_nothing(fleet: Fleet) -> None:
    """Outside the window nothing may start, whatever the messages say; and the worker lives on."""
    fleet.settle(WINDOW=window(-120, -60))
    before = fleet.club.rows()
    ancient = fleet.club.value("SELECT id FROM merzim.run")
    late = (datetime.now(UTC) - timedelta(days=400)).isoformat()
    nightly, sweep = message("merzim.nightly", []), message("merzim.sweep", [])
    push(
        fleet,
        nightly,
        nightly,
        message("merzim.nightly", [], expires=late),
        message("merzim.nightly", ["now", {"window": "00:00-24:00"}]),
        message("merzim.batch", [ancient]),
        message("merzim.batch", [ancient]),
        message("merzim.batch", ["0" * 32]),
        message("merzim.batch", ["'; DROP TABLE people; --"]),
        message("merzim.batch", []),
        message("merzim.batch", [None]),
        message("merzim.batch", [{"run_id": ancient}]),
        message("merzim.report", [ancient]),
        message("merzim.report", ["../../etc/passwd"]),
        message("merzim.report", [17, 18]),
        message("merzim.purge_everything", [ancient]),
        message("os.system", ["true"]),
        b"no message at all",
        b"\xff\xfe",
        b"[]",
        b"7",
        {},
        {"body": "", "properties": {}},
        {**nightly, "headers": None},
        {**nightly, "headers": {"task": ["merzim.nightly"]}},
        {**nightly, "properties": {**nightly["properties"], "delivery_tag": ["a"]}},
        {**nightly, "body": "not base64"},
        {**nightly, "body": base64.b64encode(b"[[], {").decode()},
        {**nightly, "content-type": "application/x-python-serialize"},
        sweep,
        sweep,
    )
    worker = fleet.worker()
    wait_until(lambda: fleet.broker.length() == 0 and swept(fleet) >= 3)
    fleet.beat()
    wait_until(lambda: swept(fleet) >= 5)
    assert worker.poll() is None
    assert fleet.nights() == []
    assert fleet.club.rows() == before
    assert fleet.club.value("SELECT count(*) FROM merzim.run") == 1


def test_a_run_that_somebody_began_by_hand_is_left_alone(fleet: Fleet) -> None:
    """Whoever stopped `merzim run` does not want the workers to go on with it."""
    fleet.settle(WINDOW=window(-120, -60))
    run = begin(fleet.club.tools, fleet.club.policy, Wish(datetime.now(UTC)))
    before = fleet.club.rows()
    push(fleet, message("merzim.batch", [run.id]), message("merzim.sweep", []))
    fleet.worker()
    wait_until(lambda: swept(fleet) >= 2)
    assert fleet.club.rows() == before
    assert [e["said"].split(" ")[0] for e in fleet.events("refused")] == ["This"]


def test_a_forged_message_inside_the_window_starts_the_night_that_was_due(fleet: Fleet) -> None:
    push(fleet, message("merzim.nightly", []), message("merzim.nightly", []))
    fleet.worker()
    wait_until(lambda: fleet.state() == "done", 120)
    assert len(fleet.nights()) == 1
    assert_all_done_once(fleet.club, PEOPLE)


def test_nothing_personal_is_in_what_the_processes_write(fleet: Fleet) -> None:
    """A trigger refuses one person with their IIN in the error; every log, page and message is searched."""
    fleet.club.execute(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'not %', OLD.iin USING ERRCODE = '23505', DETAIL = OLD.name; END $$"
    )
    fleet.club.execute(
        "CREATE TRIGGER refuse BEFORE UPDATE ON people FOR EACH ROW WHEN (OLD.id = 17) EXECUTE FUNCTION refuse()"
    )
    policy = fleet.folder / "club.yaml"
    text = policy.read_text("utf-8") + "triggers:\n  refuse: {writes: people}\n"
    policy.write_text(text, "utf-8")
    fleet.worker()
    fleet.beat()
    wait_until(lambda: fleet.state() in ("done_with_failures", "stopped"), 120)
    wait_until(lambda: bool(list((fleet.folder / "reports").glob("*.html"))))
    fleet.end()
    written = "".join(p.read_text("utf-8", "replace") for p in fleet.folder.rglob("*") if p.suffix in (".log", ".html"))
    written += repr(fleet.broker.client().lrange("merzim", 0, -1))
    assert "slice committed" in written
    committed = fleet.events("slice committed")
    assert all({"run", "batch", "slice"} <= set(event) for event in committed)
    for person in PEOPLE:
        assert f"8101013{person:05}" not in written
        assert not re.search(rf"\bName {person}\b", written)
