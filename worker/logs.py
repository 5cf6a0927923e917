"""Logs: one JSON object a line on standard error, with ids and counts; never a value of a row.

That is why an exception's own text is left out: a database's message may quote the row that it refuses. What is logged
of an error is its class, the place in the code, and our own sentence where there is one.

structlog brings Rich along, which takes longer to import than most verbs need: it is imported where somebody logs.
"""

import logging
import sys
from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from structlog.typing import Processor

QUIET_LIBRARIES = ("kombu", "amqp", "alembic", "faker")


def configure(level: int) -> None:
    """Log everything from `level` on, our own events and those of the libraries, in one form."""
    import structlog

    ours: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _without_values,
    ]
    render = structlog.processors.JSONRenderer(ensure_ascii=False)
    structlog.configure(
        processors=[*ours, render],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),  # as it is when something is said
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=ours,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render],
        )
    )
    _put(handler, level)


def configure_at_first(level: int) -> None:
    """The same, but only when there is something to log: most verbs have nothing to say."""
    _put(_AtFirst(level), level)


def _put(handler: logging.Handler, level: int) -> None:
    logging.basicConfig(level=max(level, logging.INFO), handlers=[handler], force=True)
    for library in QUIET_LIBRARIES:
        logging.getLogger(library).setLevel(logging.WARNING)


class _AtFirst(logging.Handler):
    """Stands where `configure` was put off; its level keeps nothing back, the real handler decides."""

    def __init__(self, later: int) -> None:
        super().__init__()
        self.later = later

    def emit(self, record: logging.LogRecord) -> None:
        """Give the library's event to the real handler."""
        configure(self.later)
        logging.getLogger().handle(record)


class _Log:
    """Our own events: structlog's logger, looked for when something is said."""

    def __getattr__(self, method: str) -> Any:
        for handler in logging.getLogger().handlers:
            if isinstance(handler, _AtFirst):
                configure(handler.later)
        import structlog

        return getattr(structlog.get_logger(), method)


log = _Log()


def of_error(error: BaseException) -> dict[str, str]:
    """What may be logged of an error: its class and the innermost place in the code."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}" if trace else "?"
    return {"error": type(error).__name__, "where": where}


def _without_values(logger: Any, name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """In place of a traceback, which ends with the exception's text; and only the first line of what is said."""
    info = event.pop("exc_info", None)
    record = event.get("_record")
    if record is not None and record.exc_info:
        info, record.exc_info, record.exc_text = record.exc_info, None, None
    if info is True:
        info = sys.exc_info()
    error = info[1] if isinstance(info, tuple) else info
    if isinstance(event.get("event"), str):  # Celery quotes whole messages, on lines of their own
        event["event"] = event["event"].partition("\n")[0]
    return {**event, **of_error(error)} if isinstance(error, BaseException) else event
