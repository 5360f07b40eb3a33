"""Limits for requests: a gate that counts them, bounds them and can stop a run; deadlines; and a throttle per server.

After a server refused some requests for its rate, the throttle sends none for a while, then one, and more with each
success. Some servers count the requests that they refuse, so that threads that go on asking keep each other out.
"""

from __future__ import annotations

import copy
import math
import queue
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Optional, TypeVar, Union

from attrs import define, field

from gca_scanpy._llm.failures import LateError, TransientError
from gca_scanpy.errors import BudgetError, ModelError

MINUTE = 60.0  # seconds
GRACE = 0.5  # seconds after a deadline, in which a timeout of the connection may still raise its more precise error

T = TypeVar("T")


def _now() -> float:
    return monotonic()  # looked up at each call, so that a test can replace the clock


class CancelledError(ModelError):
    """The user stopped the run."""


class DeadlineError(Exception):
    """The deadline has passed."""


@define(eq=False)
class Gate:
    """Every request of a run passes the gate first, and so does every retry.

    Attributes
    ----------
    max_requests, max_tokens
        Limits for the whole run, or None. The tokens of unfinished requests are counted with their estimate.
    requests_per_minute, tokens_per_minute
        Limits, or None; a request waits until they allow it.
    stop
        Set this event to stop the run.
    clock
        The time in seconds.
    requests, retries
        Number of requests so far, and how many of them were retries.
    prompt_tokens, completion_tokens
        Tokens so far, as the servers counted them.
    took
        Seconds from sending a request to its reply or its failure, in the order in which they ended.
    """

    max_requests: Optional[int] = None
    max_tokens: Optional[int] = None
    requests_per_minute: Optional[int] = None
    tokens_per_minute: Optional[int] = None
    stop: threading.Event = field(factory=threading.Event)
    clock: Callable[[], float] = _now
    requests: int = field(default=0, init=False)
    prompt_tokens: int = field(default=0, init=False)
    completion_tokens: int = field(default=0, init=False)
    retries: int = field(default=0, init=False)
    took: list[float] = field(factory=list, init=False)
    _unsettled: int = field(default=0, init=False)  # estimated tokens of requests whose cost is not known
    _recent: deque[tuple[float, int]] = field(factory=deque, init=False)  # time and tokens, for the last minute
    _lock: threading.Lock = field(factory=threading.Lock, init=False)

    def admit(self, estimate: int) -> None:
        """Let a request of about ``estimate`` tokens pass, after waiting for the limits per minute.

        Raises
        ------
        BudgetError
            If the request would exceed ``max_requests`` or ``max_tokens``.
        CancelledError
            If the run was stopped.
        """
        while True:
            if self.stop.is_set():
                msg = "the run was stopped"
                raise CancelledError(msg)
            with self._lock:
                self._check_budget(estimate)
                delay = self._delay(estimate)
                if delay <= 0:
                    self.requests += 1
                    self._unsettled += estimate
                    self._recent.append((self.clock(), estimate))
                    return
            self.sleep(min(delay, 1.0))

    def settle(self, estimate: int, prompt_tokens: int = 0, completion_tokens: int = 0) -> None:
        """Replace the estimate of a request with its counted tokens."""
        with self._lock:
            self.prompt_tokens += prompt_tokens
            self.completion_tokens += completion_tokens
            # If a server does not count tokens, the estimate stays, so that max_tokens still applies.
            if prompt_tokens + completion_tokens > 0:
                self._unsettled -= estimate

    @contextmanager
    def request(self, estimate: int) -> Iterator[float]:
        """Around one request of about ``estimate`` tokens: admit it and time it; gives the seconds that it waited.

        A request that gets no reply costs no tokens, so its estimate is removed.

        Raises
        ------
        BudgetError, CancelledError
            As :meth:`admit`.
        """
        asked = self.clock()
        self.admit(estimate)
        start = self.clock()
        try:
            yield start - asked
        except BaseException:
            with self._lock:
                self._unsettled -= estimate
            raise
        finally:
            with self._lock:
                self.took.append(round(self.clock() - start, 4))

    def sleep(self, seconds: float) -> None:
        """Wait before a request may be sent, or is sent again; shorter if the run is stopped."""
        self.stop.wait(seconds)

    def retried(self) -> None:
        """Count a request that is sent again."""
        with self._lock:
            self.retries += 1

    def _check_budget(self, estimate: int) -> None:
        if self.max_requests is not None and self.requests >= self.max_requests:
            msg = f"max_requests={self.max_requests} is reached; raise it to send more"
            raise BudgetError(msg)
        spent = self.prompt_tokens + self.completion_tokens + self._unsettled
        if self.max_tokens is not None and spent + estimate > self.max_tokens:
            msg = (
                f"max_tokens={self.max_tokens} would be exceeded: {spent} tokens are used, and the next request needs "
                f"about {estimate}; raise it to send more"
            )
            raise BudgetError(msg)

    def _delay(self, estimate: int) -> float:
        """Seconds until the limits per minute may let a request pass."""
        now = self.clock()
        while self._recent and now - self._recent[0][0] >= MINUTE:
            self._recent.popleft()
        if not self._recent:
            return 0.0  # a request that is larger than the limit is sent alone
        until_next = MINUTE - (now - self._recent[0][0])
        if self.requests_per_minute is not None and len(self._recent) >= self.requests_per_minute:
            return until_next
        recent = sum(tokens for _, tokens in self._recent)
        if self.tokens_per_minute is not None and recent + estimate > self.tokens_per_minute:
            return until_next
        return 0.0


@define(eq=False)
class Deadline:
    """The time limit of one question, including all its retries, and how the question has fared so far.

    Attributes
    ----------
    seconds
        Time that the question may take.
    clock
        The time in seconds, as that of the gate.
    since
        When the question, or the one that it was split off, was asked.
    started
        When the time began to run: when the question was sent first.
    failures
        Number of requests for it that failed.
    resume
        The next request is not sent before this time; 0 if the last one did not fail.
    is_rated
        Whether the server's rate is why it was not answered so far.
    """

    seconds: float
    clock: Callable[[], float] = _now
    since: float = field(init=False)
    started: float = field(init=False)
    failures: int = field(default=0, init=False)
    resume: float = field(default=0.0, init=False)
    is_rated: bool = field(default=False, init=False)
    _end: Optional[float] = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        self.since = self.started = self.clock()

    def begin(self) -> None:
        """Let the time run, unless it does already."""
        if self._end is None:
            self.started = self.clock()
            self._end = self.started + self.seconds

    @property
    def left(self) -> float:
        """Seconds until the deadline; below 0 if it has passed."""
        return self.seconds if self._end is None else self._end - self.clock()

    @property
    def wait(self) -> float:
        """Seconds until the next request may be sent; below 0 if that time has passed."""
        return self.resume - self.clock()

    def extend(self, seconds: float) -> None:
        """Move the deadline: the time that a question waits for a limit per minute is not the server's fault."""
        if self._end is not None:
            self._end += seconds

    def of_part(self) -> Deadline:
        """The same time limit for a part of the question, which was not sent before."""
        part = copy.copy(self)
        part.failures, part.resume = 0, 0.0
        return part

    def renewed(self, resume: float = 0.0) -> Deadline:
        """The whole time once more; it begins with the next request, which is not sent before ``resume``."""
        again = Deadline(self.seconds, self.clock)
        again.resume = resume
        return again

    def run(self, work: Callable[[], T]) -> T:
        """Run ``work`` in its own thread until the deadline, and return or raise what it returns or raises.

        The timeouts of a connection apply to each read, so a slow handshake, a name lookup, or a header that arrives
        byte by byte can take forever. A thread that misses the deadline is a daemon, so it does not keep the program
        alive.

        Raises
        ------
        DeadlineError
            If the work is not done at the deadline.
        """
        done: queue.SimpleQueue[Union[tuple[T], BaseException]] = queue.SimpleQueue()

        def target() -> None:
            try:
                done.put((work(),))
            except BaseException as error:  # raised below, in the waiting thread
                done.put(error)

        threading.Thread(target=target, name="gca-exchange", daemon=True).start()
        try:
            outcome = done.get(timeout=max(0.0, self.left) + GRACE)
        except queue.Empty:
            outcome = DeadlineError()
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome[0]


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
