"""Redis as kombu knows it, but for one thing: a message that is none must not end the worker that takes it."""

from queue import Empty
from typing import Any

import structlog
from kombu.transport import redis

from worker import logs

log = structlog.get_logger()


class Channel(redis.Channel):
    """Drops what cannot be read. Kombu takes it from the list and then raises, which Celery takes for the end of all
    things: whoever can write to the broker could stop every worker with one word."""

    def _brpop_read(self, **options: Any) -> Any:
        known = set(self.qos._delivered) - set(self.qos._dirty)
        try:
            return super()._brpop_read(**options)  # type: ignore[no-untyped-call]  # kombu's is not typed
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            log.warning("malformed message dropped", **logs.of_error(error))
            for tag in set(self.qos._delivered) - set(self.qos._dirty) - known:  # taken, and nobody will acknowledge it
                self.basic_reject(tag, requeue=False)  # type: ignore[no-untyped-call]  # kombu's is not typed
            raise Empty from None


class Transport(redis.Transport):
    """The Redis transport with that channel."""

    Channel = Channel
