"""A store that does not answer. A mount hangs inside the operating system, where nothing interrupts it: whoever waits
has to leave it behind."""

from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from threading import Thread
from typing import TypeVar

from config.catalogue import text
from worker.archive.errors import ArchiveError

STORE_SECONDS = 600.0
T = TypeVar("T")


def within_patience(place: Path, work: Callable[[], T]) -> T:
    """What the work gives. Raises ArchiveError after ten minutes; should the work go on after all, it is as if another
    process did it at the same time, so it must be such that two may."""
    found: Future[T] = Future()
    Thread(target=_carry_out, args=(work, found), daemon=True).start()  # does not keep the process from ending
    try:
        return found.result(STORE_SECONDS)
    except TimeoutError:
        if found.done():
            raise  # its own
        raise ArchiveError(text("storage.silent", place=place, minutes=f"{STORE_SECONDS / 60:g}")) from None


def _carry_out(work: Callable[[], T], found: "Future[T]") -> None:
    try:
        found.set_result(work())
    except BaseException as error:
        found.set_exception(error)
