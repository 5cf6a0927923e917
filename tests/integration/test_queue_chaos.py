"""Workers and beat killed, Redis emptied and stopped while a night goes on: the end is a quiet night's."""

import os
import random
import threading
from functools import partial
from pathlib import Path

import pytest
import redis

from tests.integration.fleet import Fleet, open_fleet
from tests.integration.night_support import PATIENCE_SECONDS, assert_all_done_once, segments_without_entry, wait_until
from worker.celery_app import HINTS
from worker.ledger.signing import load_signing_key, public_pem
from worker.ledger.verify import verify

REPETITIONS = int(os.environ.get("MERZIM_TEST_CHAOS", "4"))
PEOPLE = range(1, 401)
MESSAGES = 3 * HINTS  # the most hints that may ever wait: two workers and a sweep may top them up at the same moment


class Watcher(threading.Thread):
    """Looks all the time at how many hints wait. (Sweeps wait too while no worker is there, one a second here.)"""

    def __init__(self, fleet: Fleet) -> None:
        super().__init__(daemon=True)
        self.fleet, self.longest, self.over = fleet, 0, threading.Event()

    def run(self) -> None:
        """Until it is told that it is over."""
        while not self.over.wait(0.02):
            try:
                self.longest = max(self.longest, self.fleet.broker.hints())
            except redis.RedisError:
                continue


def entries(fleet: Fleet) -> int:
    return int(fleet.club.value("SELECT count(*) FROM merzim.entry"))


def has_come_to(fleet: Fleet, reached: int) -> bool:
    """Whether there are so many entries, or will be no more."""
    return entries(fleet) >= reached or fleet.state() == "done"


def findings(fleet: Fleet) -> list[str]:
    """What is wrong with the ledger, but for what its template brings: a run that another key signed."""
    key = load_signing_key(fleet.club.signing_key)
    with fleet.club.tools.database.reading() as connection:
        return verify(connection, fleet.club.tools.ledger, [public_pem(key)])


@pytest.mark.parametrize("repetition", range(REPETITIONS))
def test_the_end_is_that_of_a_quiet_night(repetition: int, tmp_path: Path) -> None:
    chance = random.Random(repetition)
    with open_fleet(tmp_path, PEOPLE) as fleet:
        before = findings(fleet)
        watcher = Watcher(fleet)
        watcher.start()
        beat = fleet.beat()
        workers = [fleet.worker("one"), fleet.worker("two")]
        mishaps = ["empty", "empty", "empty", "stop", "beat", *["kill"] * 4]
        chance.shuffle(mishaps)
        for number, mishap in enumerate(mishaps):
            wait_until(partial(has_come_to, fleet, entries(fleet) + chance.randint(1, 2)))
            if mishap == "empty":
                fleet.broker.client().flushall()
            elif mishap == "stop":
                fleet.broker.stop()
                fleet.broker.start()
            elif mishap == "beat":
                fleet.kill(beat)
                beat = fleet.beat(f"again-{number}")
            else:
                which = chance.randrange(2)
                fleet.kill(workers[which])
                workers[which] = fleet.worker(f"{which}-{number}")
        wait_until(lambda: fleet.state() == "done", 4 * PATIENCE_SECONDS)
        assert len(fleet.nights()) == 1
        assert_all_done_once(fleet.club, PEOPLE)
        wait_until(lambda: segments_without_entry(fleet.club) == set())
        assert findings(fleet) == before
        watcher.over.set()
        watcher.join()
        assert watcher.longest <= MESSAGES
        print(f"most hints: {watcher.longest}")
