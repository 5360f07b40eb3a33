"""Log events of a run: sent to the standard ``logging`` module, or to structlog if the program has configured it.

This module configures no logger. Each event carries the request id of its run, and facts as name-value pairs.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token
from datetime import datetime, timezone
from typing import Any

LOGGER = logging.getLogger("gca_scanpy")
_REQUEST: ContextVar[str] = ContextVar("gca_scanpy_request", default="")


def bind(request_id: str) -> Token[str]:
    """Give the events of this thread or task a request id, until the token is passed to :func:`unbind`."""
    return _REQUEST.set(request_id)


def unbind(token: Token[str]) -> None:
    """Undo :func:`bind`."""
    _REQUEST.reset(token)


def info(event: str, **facts: Any) -> None:
    """Log the start or the end of a run."""
    _log(logging.INFO, event, facts)


def debug(event: str, **facts: Any) -> None:
    """Log one step of a run."""
    _log(logging.DEBUG, event, facts)


class Clock:
    """Times the steps of a run and logs each step when it ends.

    Attributes
    ----------
    seconds
        Duration by step, in seconds.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time the body of the ``with`` block."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = round(time.perf_counter() - start, 4)
            debug("step", step=name, seconds=self.seconds[name])


def now() -> str:
    """The current time in UTC, in ISO 8601 to the second."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


def _log(level: int, event: str, facts: dict[str, Any]) -> None:
    if _REQUEST.get():
        facts = {"request_id": _REQUEST.get(), **facts}
    # An unconfigured structlog prints to stdout, which is for results. A configured one is already imported.
    structlog = sys.modules.get("structlog")
    if structlog is not None and structlog.is_configured():
        # Use the method of the level's name: not every structlog logger accepts a number.
        getattr(structlog.get_logger(LOGGER.name), logging.getLevelName(level).lower())(event, **facts)
    elif LOGGER.isEnabledFor(level):
        text = " ".join(f"{name}={_format(value)}" for name, value in facts.items())
        LOGGER.log(level, "%s: %s", event, text, extra=facts, stacklevel=3)


def _format(value: Any) -> str:
    """The value as text without spaces and line breaks, so that one event stays on one line."""
    text = str(value)
    return text if text.isprintable() and " " not in text else repr(text)
