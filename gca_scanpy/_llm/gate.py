"""What a run may send and until when: bounds on requests and tokens, limits per minute, deadlines, a way to stop it."""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Optional, TypeVar, Union

from attrs import define, field

from gca_scanpy.errors import BudgetError, ModelError

MINUTE = 60.0  # seconds


class CancelledError(ModelError):
    """The run was stopped by its user."""


@define(eq=False)
class Gate:
    """Every request of a run passes here first, retries too.

    Attributes
    ----------
    max_requests, max_tokens
        Bounds of the whole run, or None. Tokens of requests under way count as estimated.
    requests_per_minute, tokens_per_minute
        Limits, or None; a request waits for its turn.
    took
        Seconds from sending a request to its reply or its fault, in the order in which they ended.
    """

    max_requests: Optional[int] = None
    max_tokens: Optional[int] = None
    requests_per_minute: Optional[int] = None
    tokens_per_minute: Optional[int] = None
    stop: threading.Event = field(factory=threading.Event)
    clock: Callable[[], float] = time.monotonic
    requests: int = field(default=0, init=False)
    prompt_tokens: int = field(default=0, init=False)
    completion_tokens: int = field(default=0, init=False)
    retries: int = field(default=0, init=False)
    took: list[float] = field(factory=list, init=False)
    _open: int = field(default=0, init=False)
    _recent: deque[tuple[float, int]] = field(factory=deque, init=False)
    _lock: threading.Lock = field(factory=threading.Lock, init=False)

    def admit(self, estimate: int) -> None:
        """Let a request of about so many tokens pass; waits where a limit per minute says so.

        Raises
        ------
        BudgetError
            Where the request would pass ``max_requests`` or ``max_tokens``.
        """
        while True:
            if self.stop.is_set():
                msg = "stopped"
                raise CancelledError(msg)
            with self._lock:
                self._within_budget(estimate)
                wait = self._wait(estimate)
                if wait <= 0:
                    self.requests += 1
                    self._open += estimate
                    self._recent.append((self.clock(), estimate))
                    return
            self.stop.wait(min(wait, 1.0))

    def settle(self, estimate: int, prompt_tokens: int = 0, completion_tokens: int = 0) -> None:
        """Put what a request cost in the place of its estimate."""
        with self._lock:
            self.prompt_tokens += prompt_tokens
            self.completion_tokens += completion_tokens
            # What a server does not count stays estimated, so that the bound holds with it too.
            if prompt_tokens + completion_tokens > 0:
                self._open -= estimate

    def release(self, estimate: int) -> None:
        """Take back the estimate of a request that had no reply."""
        with self._lock:
            self._open -= estimate

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Keep how long a request takes that was admitted."""
        start = self.clock()
        try:
            yield
        finally:
            with self._lock:
                self.took.append(round(self.clock() - start, 4))

    def retried(self) -> None:
        """Count a request that is sent again."""
        with self._lock:
            self.retries += 1

    def _within_budget(self, estimate: int) -> None:
        if self.max_requests is not None and self.requests >= self.max_requests:
            msg = f"max_requests={self.max_requests} is reached"
            raise BudgetError(msg)
        spent = self.prompt_tokens + self.completion_tokens + self._open
        if self.max_tokens is not None and spent + estimate > self.max_tokens:
            msg = f"max_tokens={self.max_tokens} would be passed: {spent} used, about {estimate} more to ask"
            raise BudgetError(msg)

    def _wait(self, estimate: int) -> float:
        """Seconds until the limits per minute let a request pass."""
        now = self.clock()
        while self._recent and now - self._recent[0][0] >= MINUTE:
            self._recent.popleft()
        if not self._recent:
            return 0.0  # a request larger than the limit is sent alone
        until_next = MINUTE - (now - self._recent[0][0])
        if self.requests_per_minute is not None and len(self._recent) >= self.requests_per_minute:
            return until_next
        recent = sum(tokens for _, tokens in self._recent)
        if self.tokens_per_minute is not None and recent + estimate > self.tokens_per_minute:
            return until_next
        return 0.0


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
