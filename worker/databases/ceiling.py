"""How long a statement may take where the server bounds none that writes (MySQL): whoever takes longer is ended from
beside, by another session that says KILL QUERY. The statement then fails, its transaction is rolled back by the caller.

A process that is gone cannot end what it began: the server then finishes the statement, and rolls it back.
"""

import threading
import time
from contextlib import suppress
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

LOOK_SECONDS = 1.0
SECONDS = "merzim_ceiling"


class Ceiling:
    """Watches the statements of an engine's connections, each against what `allow` said of its connection."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._running: dict[int, tuple[float, object]] = {}  # session's number → when it must end, which statement
        self._thread: threading.Thread | None = None
        sa.event.listen(engine, "before_cursor_execute", self._begins)
        sa.event.listen(engine, "after_cursor_execute", self._ended)
        sa.event.listen(engine, "handle_error", self._failed)

    def allow(self, connection: sa.Connection, seconds: float | None) -> None:
        """Statements of this connection may take so long from now on; None: as long as they will."""
        connection.info[SECONDS] = seconds

    def _begins(self, connection: sa.Connection, cursor: Any, *_: Any) -> None:
        self._ended(connection, cursor)
        seconds = connection.info.get(SECONDS)
        if seconds is not None:
            self._running[_number(cursor)] = (time.monotonic() + seconds, object())
            self._watch()

    def _ended(self, _: sa.Connection, cursor: Any, *__: Any) -> None:
        self._running.pop(_number(cursor), None)

    def _failed(self, context: sa.engine.ExceptionContext) -> None:
        self._running.pop(_number(getattr(context.execution_context, "cursor", None)), None)

    def _watch(self) -> None:
        """One thread for all connections; a forked process makes its own."""
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._look, name="merzim ceiling", daemon=True)
            self._thread.start()

    def _look(self) -> None:
        while True:
            time.sleep(LOOK_SECONDS)
            for number, (end, statement) in list(self._running.items()):
                if time.monotonic() >= end:
                    self._end(number, statement)
            if not self._running:
                self._thread = None
                if not self._running:  # who began since has found no thread
                    return

    def _end(self, number: int, statement: object) -> None:
        with suppress(SQLAlchemyError), self._engine.connect() as other:  # cannot connect: at the next look
            if self._running.get(number, (0, None))[1] is statement:
                other.exec_driver_sql("KILL QUERY %s", (number,))
                self._running.pop(number, None)


def _number(cursor: Any) -> int:
    """The session's own; 0 where it is gone, which is nobody's."""
    driver = getattr(cursor, "connection", None)
    return int(driver.thread_id()) if driver is not None else 0
