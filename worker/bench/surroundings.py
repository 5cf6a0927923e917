"""What a bench does about where it runs: the installation around it, and signals."""

import logging
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from config.settings import PREFIX

SIGNALS = (signal.SIGINT, signal.SIGTERM)


def forget_settings() -> None:
    """Settings in the environment win over an env file, and would point a bench's night at the real database."""
    for name in [name for name in os.environ if name.upper().startswith(PREFIX)]:
        del os.environ[name]


@contextmanager
def interrupted_once() -> Iterator[None]:
    """Ctrl-C and SIGTERM end the block, with KeyboardInterrupt, and then count no more: a second one would leave
    behind what is being removed."""
    received: list[int] = []

    def interrupt(number: int, frame: object) -> None:
        received.append(number)
        logging.getLogger("sqlalchemy.pool").setLevel(logging.CRITICAL)  # tells of connections that it cut off
        for each in SIGNALS:
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt

    for number in SIGNALS:
        signal.signal(number, interrupt)
    try:
        yield
    except Exception:  # a driver that was interrupted may say something of its own
        if received:
            raise KeyboardInterrupt from None
        raise
