"""Fewer requests after a server refused some for its rate: none for a while, then one, and more with each success.

Some servers count the requests that they refuse, so that threads that go on asking keep each other out.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Optional

from attrs import define, field

from gca_scanpy._llm.failures import LateError, TransientError
from gca_scanpy._llm.gate import Deadline, Gate

POLL = 0.2  # seconds after which a waiting request looks at its deadline


@define(eq=False)
class Throttle:
    """Every request to a server takes a turn.

    Attributes
    ----------
    backoff
        Seconds to wait after so many refusals in a row, if the server does not say.
    """

    backoff: Callable[[int], float]
    _until: float = field(default=float("-inf"), init=False)  # no request before this time
    _width: float = field(default=math.inf, init=False)  # requests that may be open
    _open: int = field(default=0, init=False)
    _refusals: int = field(default=0, init=False)  # in a row, without those that were open at the same time
    _changed: threading.Condition = field(factory=threading.Condition, init=False)

    @contextmanager
    def turn(self, gate: Gate, deadline: Deadline) -> Iterator[None]:
        """Around a request: wait until the server may take it, and learn from what becomes of it.

        Raises
        ------
        LateError
            If the deadline passes before that.
        """
        while not self._enter(gate, deadline):
            deadline.is_rated = True
            if deadline.left <= 0:
                msg = f"the server allows too few requests for an answer within {deadline.seconds:g} s"
                raise LateError(msg, "rate")
        try:
            yield
        except TransientError as error:
            self._leave(gate, error)
            raise
        except BaseException:
            self._leave(gate)
            raise
        with self._changed:
            self._width += 1
            self._refusals = 0
        self._leave(gate)

    def _enter(self, gate: Gate, deadline: Deadline) -> bool:
        """Whether a request may be sent, after a wait if it may not at once."""
        with self._changed:
            wait = self._until - gate.clock()
            if gate.stop.is_set() or (wait <= 0 and self._open < self._width):
                self._open += 1  # if the run was stopped, the gate refuses the request
                return True
            if wait <= 0:
                self._changed.wait(POLL)
        if wait > 0:
            gate.sleep(min(wait, max(0.0, deadline.left)))
        return False

    def _leave(self, gate: Gate, error: Optional[TransientError] = None) -> None:
        with self._changed:
            self._open -= 1
            if error is not None and error.cause == "rate":
                self._refusals = max(1, self._refusals + (self._open == 0))
                self._width = 1
                wait = max(error.retry_after or 0.0, self.backoff(self._refusals))
                self._until = max(self._until, gate.clock() + wait)
            self._changed.notify_all()
