"""Log events of a run: sent to structlog if the program has configured it, otherwise to the standard ``logging``.

Nothing is configured or imported here. Each event has the request id of its run, and facts as names and values.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar, Token
from typing import Any, Optional

LOGGER = logging.getLogger("gca_scanpy")
_REQUEST: ContextVar[str] = ContextVar("gca_scanpy_request", default="")


def bind(request_id: str) -> Token[str]:
    """Give the events of this thread or task a request id, until :func:`unbind` is called with the token."""
    return _REQUEST.set(request_id)


def unbind(token: Token[str]) -> None:
    """Take the request id away again."""
    _REQUEST.reset(token)


def info(event: str, **facts: Any) -> None:
    """Log the start or the end of a run."""
    _emit(logging.INFO, event, facts)


def debug(event: str, **facts: Any) -> None:
    """Log a step of a run."""
    _emit(logging.DEBUG, event, facts)


def _emit(level: int, event: str, facts: dict[str, Any]) -> None:
    if _REQUEST.get():
        facts = {"request_id": _REQUEST.get(), **facts}
    # Unconfigured, structlog would print to stdout, which is for results; configured, it is imported already.
    structlog = sys.modules.get("structlog")
    if structlog is not None and structlog.is_configured():
        # By the name of the level: not every logger of structlog takes it as a number.
        getattr(structlog.get_logger(LOGGER.name), logging.getLevelName(level).lower())(event, **facts)
    elif LOGGER.isEnabledFor(level):
        text = " ".join(f"{name}={_shown(value)}" for name, value in facts.items())
        LOGGER.log(level, "%s: %s", event, text, extra=facts, stacklevel=3)


def _shown(value: Any) -> str:
    text = str(value)
    return text if text.isprintable() and " " not in text else repr(text)  # one event, one line


class Clock:
    """Seconds by step, those of earlier steps included; each step is logged when it ends."""

    def __init__(self, seconds: Optional[Mapping[str, float]] = None) -> None:
        self.seconds = dict(seconds or {})

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time what is inside the ``with`` block."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = round(time.perf_counter() - start, 4)
            debug("step", step=name, seconds=self.seconds[name])
