"""The questions to one model: what was answered, and what becomes of a question that failed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Optional, Union

from attrs import define, evolve, field, frozen

from gca_scanpy._llm.asking import Round, chunked
from gca_scanpy._llm.failures import PATIENCE, DamagedError, LateError, TooLongError, TroubleError
from gca_scanpy._llm.gate import CancelledError, Deadline
from gca_scanpy._llm.language_model import LanguageModel
from gca_scanpy._scoring.case import Case
from gca_scanpy._steps import Verdict
from gca_scanpy.errors import AccessError, BudgetError, ModelError, RefusalError, ReplyError

MAX_FAILURES = 5  # questions in a row without an answer, after which the model is at fault: a question and its parts
MAX_UNUSABLE = 20  # replies without a usable answer, after which a model that never gave one is not asked any more
N_PARTS = 4  # into which a question is split that failed


@frozen
class Task:
    """A question to send.

    Attributes
    ----------
    round_index
        Index of the model's round.
    chunk
        The clusters of the question.
    is_retry
        Whether an earlier reply left these clusters out.
    deadline
        The time limit, if the question or the one that it is a part of was sent before.
    problems
        What was wrong with the earlier reply, by cluster id.
    is_untried
        Whether this very question was not sent before.
    """

    round_index: int
    chunk: tuple[Case, ...]
    is_retry: bool = False
    deadline: Optional[Deadline] = None
    problems: Mapping[str, str] = field(factory=dict)
    is_untried: bool = True


@frozen
class Outcome:
    """The result of a task: verdicts, and why the other clusters have none.

    Attributes
    ----------
    missing
        Reason by cluster id.
    error
        Why no reply could be read; None if one could.
    deadline
        The time limit of the question, if it was sent.
    """

    verdicts: Mapping[str, Verdict] = field(factory=dict)
    missing: Mapping[str, ModelError] = field(factory=dict)
    invented: tuple[str, ...] = ()
    tokens: int = 0
    error: Optional[ModelError] = None
    deadline: Optional[Deadline] = None

    @classmethod
    def failed(cls, task: Task, error: ModelError, *, tokens: int = 0, deadline: Optional[Deadline] = None) -> Outcome:
        """The outcome without any verdict."""
        missing = {case.cluster_id: error for case in task.chunk}
        return cls(missing=missing, tokens=tokens, error=error, deadline=deadline)


@define
class Progress:
    """The answers of a model so far, and whether it is still asked.

    Attributes
    ----------
    stop_error
        Why the model is not asked any more; None while it is.
    n_pending, n_untried
        Questions that were submitted and have no outcome yet, and those of them that were not sent before.
    n_open
        Questions that a thread works on.
    n_failures
        Questions in a row that failed for good.
    n_troubles
        Questions in a row for which the server fails at the moment.
    n_unusable
        Number of replies without a usable answer.
    was_usable
        Whether any reply had a usable answer.
    answered_at
        Time of the last answer.
    too_many
        Number of clusters in the smallest question that was too long; None if none was.
    """

    round: Round
    verdicts: dict[str, Verdict] = field(factory=dict)
    failures: dict[str, ModelError] = field(factory=dict)
    invented: set[str] = field(factory=set)
    reasked: set[str] = field(factory=set)
    tokens: dict[str, float] = field(factory=dict)
    stop_error: Optional[ModelError] = None
    n_pending: int = 0
    n_untried: int = 0
    n_open: int = 0
    n_failures: int = 0
    n_troubles: int = 0
    n_unusable: int = 0
    was_usable: bool = False
    answered_at: float = float("-inf")
    too_many: Optional[int] = None
    lock: threading.Lock = field(factory=threading.Lock)

    def submitted(self, task: Task, change: int = 1) -> None:
        """Count a question that was submitted, or with ``change=-1`` one that has an outcome."""
        self.n_pending += change
        self.n_untried += change if task.is_untried else 0

    @property
    def is_down(self) -> bool:
        """Whether the server fails for so many questions that no single one is the cause."""
        return self.n_troubles >= MAX_FAILURES

    @contextmanager
    def working(self) -> Iterator[None]:
        """Around the work on a question."""
        with self.lock:
            self.n_open += 1
        try:
            yield
        finally:
            with self.lock:
                self.n_open -= 1

    def record_reply(self, reason: str, now: float) -> None:
        """Note that the model answers; ``reason`` is why nothing of its reply could be used, or empty.

        A model that refuses in words, or cannot write JSON, would otherwise be asked about every cluster.
        """
        with self.lock:
            self.n_failures = self.n_troubles = 0
            self.answered_at = now
            self.was_usable = self.was_usable or not reason
            self.n_unusable += bool(reason)
            if not self.was_usable and self.n_unusable >= MAX_UNUSABLE and self.stop_error is None:
                msg = f"none of its {self.n_unusable} replies could be used; the last one: {reason}"
                self.stop_error = ReplyError(msg)

    def record_trouble(self, deadline: Optional[Deadline]) -> None:
        """Note that the server fails for a question, once for each question."""
        with self.lock:
            self.n_troubles += deadline is not None and deadline.failures == PATIENCE

    def record_failure(self, error: ModelError, n_clusters: int, deadline: Optional[Deadline]) -> None:
        """Note a question that failed, and stop asking the model if every question would fail."""
        with self.lock:
            if isinstance(error, TooLongError):
                self.too_many = min(n_clusters, self.too_many or n_clusters)
                if n_clusters > 1:
                    return
            self.n_failures += 1
            in_a_row = self.n_failures >= MAX_FAILURES + self.n_open  # an open question may still be answered
            silent = isinstance(error, LateError) and deadline is not None and self.answered_at < deadline.started
            if (silent or in_a_row or isinstance(error, (AccessError, BudgetError))) and self.stop_error is None:
                self.stop_error = error

    def is_too_long(self, task: Task) -> bool:
        """Whether it is known that the server does not accept so many clusters."""
        return self.too_many is not None and len(task.chunk) > 1 and len(task.chunk) >= self.too_many


def follow_up(task: Task, outcome: Outcome, progress: Progress) -> tuple[Task, ...]:
    """The questions to ask after an outcome; none if it is final.

    The clusters that a reply left out are asked about once more: one by one, or in quarters if they are more than
    half of the question. A question that failed is split, because one of its clusters may be the cause.
    """
    error = outcome.error
    if progress.stop_error is not None or isinstance(error, CancelledError):
        return ()
    if error is None:
        missing = [case for case in task.chunk if case.cluster_id in outcome.missing]
        few = len(missing) * 2 <= len(task.chunk)
        return () if task.is_retry else _again(task, outcome, missing, len(missing) if few else N_PARTS)
    if isinstance(error, (TroubleError, LateError)) and outcome.deadline is not None:
        return _after_trouble(task, error, outcome.deadline, progress)
    if isinstance(error, TooLongError):
        return _split(task, 2)
    if isinstance(error, ReplyError) and not isinstance(error, DamagedError):
        is_final = task.is_retry and len(task.chunk) == 1
        return () if is_final else _again(task, outcome, task.chunk, N_PARTS)
    # What another object raises says nothing about the question, unless it says so.
    concerns_question = isinstance(error, RefusalError) or isinstance(progress.round.model, LanguageModel)
    return _split(task, N_PARTS) if concerns_question else ()


def _after_trouble(
    task: Task, error: Union[TroubleError, LateError], deadline: Deadline, progress: Progress
) -> tuple[Task, ...]:
    """Ask a part of the question, the same question later, or not any more.

    If the server answered another question meanwhile, this one is the cause of the failures. If it did not, only the
    deadline ends the attempts, and another question is sent first to find out what the cause is.
    """
    has_answered = progress.answered_at > deadline.since
    is_late = isinstance(error, LateError)
    if error.cause == "silence":
        return ()
    if error.cause == "rate":  # the other questions used up the rate
        waits = has_answered and deadline.wait < deadline.seconds
        return (evolve(task, deadline=deadline.renewed(deadline.resume), is_untried=False),) if waits else ()
    # A busy server may be busy with the other questions.
    if has_answered and (is_late or progress.n_pending == 0 or error.cause != "busy"):
        return _split(task, N_PARTS, deadline.renewed)
    if progress.n_untried == 0 and len(task.chunk) > 1:
        return _split(task, N_PARTS, deadline.of_part)
    return (evolve(task, deadline=deadline, is_untried=False),)


def _split(task: Task, n_parts: int, deadline: Optional[Callable[[], Deadline]] = None) -> tuple[Task, ...]:
    """The parts of a question, each with a time limit of its own; none if it is about one cluster."""
    parts = _parts(task, task.chunk, n_parts) if len(task.chunk) > 1 else ()
    return tuple(evolve(part, deadline=deadline() if deadline else None) for part in parts)


def _again(task: Task, outcome: Outcome, cases: Sequence[Case], n_parts: int) -> tuple[Task, ...]:
    """Questions that say what was wrong with the reply."""
    problems = {key: str(reason) for key, reason in outcome.missing.items()}
    return _parts(evolve(task, is_retry=True, problems=problems, deadline=None), cases, n_parts)


def _parts(task: Task, cases: Sequence[Case], n_parts: int) -> tuple[Task, ...]:
    size = max(1, -(-len(cases) // max(1, n_parts)))
    return tuple(_part(task, chunk) for chunk in chunked(cases, size))


def _part(task: Task, chunk: tuple[Case, ...]) -> Task:
    ids = {case.cluster_id for case in chunk}
    problems = {key: reason for key, reason in task.problems.items() if key in ids}
    return evolve(task, chunk=chunk, problems=problems, is_untried=True)
