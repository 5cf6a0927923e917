"""Redis as kombu knows it, but for three things: a message that is none must not end the worker that takes it, nor may
a server that is out of memory, and a message that cannot be acknowledged must not leave it deaf."""

from queue import Empty
from typing import Any

from kombu.transport import redis, virtual
from redis.exceptions import OutOfMemoryError

from worker import logs
from worker.logs import log


class QoS(redis.QoS):
    """Gives the place of a message free though its acknowledgement fails. Celery only logs that; with one message at a
    time the worker would never ask for another, and so never notice that the connection is gone."""

    def ack(self, delivery_tag: str) -> None:
        """See kombu's QoS.ack."""
        try:
            super().ack(delivery_tag)
        except BaseException:
            virtual.QoS.ack(self, delivery_tag)
            raise


class Channel(redis.Channel):
    """Drops what cannot be read. Kombu takes it from the list and then raises, which Celery takes for the end of all
    things: whoever can write to the broker could stop every worker with one word."""

    QoS = QoS

    def _brpop_read(self, **options: Any) -> Any:
        known = set(self.qos._delivered) - set(self.qos._dirty)
        try:
            return super()._brpop_read(**options)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            log.warning("malformed message dropped", **logs.of_error(error))
            for tag in set(self.qos._delivered) - set(self.qos._dirty) - known:  # taken, and nobody will acknowledge it
                self.basic_reject(tag, requeue=False)
            raise Empty from None


class Transport(redis.Transport):
    """The Redis transport with that channel. A Redis out of memory comes back like one that was away; kombu takes its
    refusal for a mistake of ours, and Celery for the end of all things."""

    Channel = Channel
    connection_errors = (*redis.Transport.connection_errors, OutOfMemoryError)
