"""The broker's connection lost at the worst moment."""

from pathlib import Path
from typing import Any

import pytest
from kombu.connection import Connection
from kombu.entity import Queue

from tests.integration.broker import Broker
from worker.transport import Transport


def test_a_message_that_cannot_be_acknowledged_gives_its_place_free(tmp_path: Path) -> None:
    """Else the worker, which takes one at a time, would never look at its connection again."""
    broker = Broker(tmp_path).start()
    taken: list[Any] = []
    try:
        with Connection(broker.url, transport=Transport) as connection:
            queue = Queue("merzim")
            with connection.Producer() as producer:
                producer.publish({}, routing_key="merzim", declare=[queue])
            with connection.Consumer(
                [queue], callbacks=[lambda _, message: taken.append(message)], prefetch_count=1
            ) as consumer:
                connection.drain_events(timeout=5)
                assert len(taken) == 1
                assert not consumer.channel.qos.can_consume()
                broker.stop()
                with pytest.raises(connection.connection_errors):
                    taken[0].ack()
                assert consumer.channel.qos.can_consume()
                broker.start()
    finally:
        broker.stop()
