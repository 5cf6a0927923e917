"""RabbitMQ as the broker: nothing but the URL differs."""

import os
from pathlib import Path

from kombu.connection import Connection

from tests.integration.fleet import Fleet
from tests.integration.night_support import assert_all_done_once, open_club, wait_until

RABBITMQ = os.environ.get("MERZIM_TEST_RABBITMQ_URL", "amqp://guest:guest@127.0.0.1:5672//")
PEOPLE = range(1, 201)


class RabbitMQ:
    """As much of a broker as a fleet asks for."""

    url = RABBITMQ


def test_a_night_over_rabbitmq(tmp_path: Path) -> None:
    with Connection(RABBITMQ, connect_timeout=5) as connection:
        connection.ensure_connection(max_retries=1)
    with open_club(tmp_path) as club:
        club.add_many(PEOPLE)
        fleet = Fleet(club, RabbitMQ(), tmp_path).settle()  # type: ignore[arg-type]  # only its URL is asked for
        try:
            fleet.worker()
            fleet.beat()
            wait_until(lambda: fleet.state() == "done", 120)
        finally:
            fleet.end()
        assert_all_done_once(club, PEOPLE)
