"""When a question is given up."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from typing import TypeVar, Union

from attrs import define, field

T = TypeVar("T")
GRACE = 0.5  # seconds in which the limits of the connection itself may speak first, whose errors say more


class DeadlineError(Exception):
    """The deadline has passed."""


@define(eq=False)
class Deadline:
    """Seconds for one question, with everything that is sent for it.

    Attributes
    ----------
    seconds
        How long the question may take.
    """

    seconds: float
    _end: float = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._end = time.monotonic() + self.seconds

    @property
    def left(self) -> float:
        """Seconds until the deadline; below 0 where it has passed."""
        return self._end - time.monotonic()

    def put_off(self, seconds: float) -> None:
        """Move the deadline: what a limit per minute makes a question wait is not the server's."""
        self._end += seconds

    def bound(self, work: Callable[[], T]) -> T:
        """What the work returns or raises.

        In a thread of its own. A connection's limits are for each read, so a header that trickles in, a slow
        handshake or a name that is being looked up knows no end; a thread that is left behind is a daemon.

        Raises
        ------
        DeadlineError
            Where the work is not done at the deadline.
        """
        done: queue.SimpleQueue[Union[tuple[T], BaseException]] = queue.SimpleQueue()

        def run() -> None:
            try:
                done.put((work(),))
            except BaseException as error:  # raised below, where it is waited for
                done.put(error)

        threading.Thread(target=run, name="gca-exchange", daemon=True).start()
        try:
            outcome = done.get(timeout=max(0.0, self.left) + GRACE)
        except queue.Empty:
            outcome = DeadlineError()
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome[0]
