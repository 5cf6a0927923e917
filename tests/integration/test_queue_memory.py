"""Redis out of memory: it refuses every message, answers all the same, and loses nobody's night."""

from pathlib import Path

import pytest

from tests.integration.fleet import open_fleet
from tests.integration.night_support import assert_all_done_once, wait_until

PEOPLE = range(1, 251)


@pytest.mark.parametrize("moment", ["before the first message", "in the middle of the night"])
def test_a_night_goes_on_when_redis_has_memory_again(moment: str, tmp_path: Path) -> None:
    with open_fleet(tmp_path, PEOPLE) as fleet:
        redis = fleet.broker.client()
        if moment == "before the first message":
            redis.config_set("maxmemory", 1)
        worker, beat = fleet.worker(), fleet.beat()
        if moment == "in the middle of the night":
            wait_until(lambda: fleet.club.value("SELECT count(*) FROM merzim.entry") > 0)
            redis.config_set("maxmemory", 1)
        wait_until(lambda: any(b"'maxmemory'" in log.read_bytes() for log in tmp_path.glob("beat*.log")))
        redis.config_set("maxmemory", 0)
        wait_until(lambda: fleet.state() == "done", 180)
        assert (worker.poll(), beat.poll()) == (None, None)
        assert_all_done_once(fleet.club, PEOPLE)
