"""Asks language models about clusters in chunks, and stores their answers."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from typing import Any, Optional, Union

from attrs import define, field, frozen

from gca_scanpy import _codec
from gca_scanpy._llm import prompt, reply
from gca_scanpy._llm.cache import AnswerCache
from gca_scanpy._llm.crew import Crew
from gca_scanpy._llm.failures import TooLongError
from gca_scanpy._llm.gate import CancelledError, Gate
from gca_scanpy._llm.language_model import Completion, LanguageModel
from gca_scanpy._llm.question import Round, chunked
from gca_scanpy._scoring.case import Case
from gca_scanpy._steps import Verdict
from gca_scanpy.errors import AccessError, BudgetError, ModelError, ReplyError

MAX_FAILURES = 3  # questions in a row without an answer, after which a model is not asked any more
MAX_UNUSABLE = 20  # replies without a usable answer, after which a model that never gave one is not asked any more
N_PARTS = 4  # chunks into which the clusters of an unreadable reply are split


@frozen
class Answers:
    """Verdicts of one model by cluster id, and why the other clusters have none.

    Attributes
    ----------
    failures
        Reason by cluster id.
    invented
        Cluster ids that the model answered although they do not exist.
    reasked
        Ids of the clusters that a reply left out and that were asked about again.
    tokens
        Tokens by cluster id.
    """

    verdicts: Mapping[str, Verdict] = field(factory=dict)
    failures: Mapping[str, str] = field(factory=dict)
    invented: tuple[str, ...] = ()
    reasked: tuple[str, ...] = ()
    tokens: Mapping[str, float] = field(factory=dict)


@frozen
class _Task:
    """A request to send.

    Attributes
    ----------
    round_index
        Index of the model's round.
    chunk
        The clusters of the request.
    is_retry
        Whether an earlier reply left these clusters out.
    problems
        What was wrong with the earlier reply, by cluster id.
    """

    round_index: int
    chunk: tuple[Case, ...]
    is_retry: bool = False
    problems: Mapping[str, str] = field(factory=dict)


@frozen
class _Outcome:
    """The result of a task: verdicts, and why the other clusters have none.

    Attributes
    ----------
    missing
        Reason by cluster id.
    may_retry
        Whether the reply was at fault, so that another request may succeed.
    too_long
        Whether the question was too long for the server, so that nothing was answered.
    """

    verdicts: Mapping[str, Verdict]
    missing: Mapping[str, str]
    invented: tuple[str, ...] = ()
    tokens: int = 0
    may_retry: bool = True
    too_long: bool = False


@define
class _Progress:
    """The answers of a model so far, and whether it is still asked.

    Attributes
    ----------
    stop_reason
        Why the model is not asked any more; empty while it is.
    n_failures
        Questions in a row without an answer.
    n_unusable
        Number of replies without a usable answer.
    was_usable
        Whether any reply had a usable answer.
    too_many
        Number of clusters in the smallest question that was too long; None if none was.
    """

    round: Round
    verdicts: dict[str, Verdict] = field(factory=dict)
    failures: dict[str, str] = field(factory=dict)
    invented: set[str] = field(factory=set)
    reasked: dict[str, None] = field(factory=dict)
    tokens: dict[str, float] = field(factory=dict)
    stop_reason: str = ""
    n_failures: int = 0
    n_unusable: int = 0
    was_usable: bool = False
    too_many: Optional[int] = None
    lock: threading.Lock = field(factory=threading.Lock)

    def record_failure(self, error: ModelError) -> None:
        with self.lock:
            self.n_failures += 1
            # An error that would stop every question alike is not repeated for each of them.
            stops_all = isinstance(error, (AccessError, BudgetError)) or self.n_failures >= MAX_FAILURES
            if stops_all and not self.stop_reason:
                self.stop_reason = str(error)

    def record_too_long(self, n_clusters: int) -> None:
        with self.lock:
            self.too_many = min(n_clusters, self.too_many or n_clusters)

    def record_reply(self, reason: str = "") -> None:
        """Note that the model answers; ``reason`` is why nothing of its reply could be used, or empty.

        A model that refuses in words, or cannot write JSON, would otherwise be asked about every cluster.
        """
        with self.lock:
            self.n_failures = 0
            self.was_usable = self.was_usable or not reason
            self.n_unusable += bool(reason)
            if not self.was_usable and self.n_unusable >= MAX_UNUSABLE and not self.stop_reason:
                self.stop_reason = f"none of its {self.n_unusable} replies could be used; the last one: {reason}"


def ask(rounds: Sequence[Round], *, cache: Optional[AnswerCache], n_threads: int, gate: Gate) -> list[Answers]:
    """Ask each model about its clusters.

    A cluster without an answer is a failure with its reason, never a guess. Each answer is cached as soon as it
    arrives, so that an interrupted run keeps it.

    Raises
    ------
    BaseException
        Whatever a model raises except :class:`~gca_scanpy.errors.ModelError`, after the other answers are cached.
    """
    progress = [_Progress(r) for r in rounds]
    errors: list[BaseException] = []
    unsettled: list[tuple[_Task, Union[_Outcome, BaseException]]] = []

    def settle(task: _Task, outcome: Union[_Outcome, BaseException]) -> None:
        if isinstance(outcome, BaseException):
            errors.append(outcome)
            gate.stop.set()
            return
        _store(progress[task.round_index], task, outcome, cache)

    crew: Crew[_Task, _Outcome] = Crew(lambda task: _work(task, progress[task.round_index], gate), n_threads)
    bar = _bar(sum(len(chunk) for r in rounds for chunk in r.chunks))
    try:
        for index, r in enumerate(rounds):
            for chunk in r.chunks:
                crew.submit(_Task(index, chunk))
        for task, outcome in crew.results():
            unsettled = [(task, outcome)]
            settle(task, outcome)
            unsettled = []
            if isinstance(outcome, _Outcome):
                bar.update(len(task.chunk) - _resubmit(crew, progress[task.round_index], task, outcome))
    finally:
        bar.close()
        gate.stop.set()
        # Answers that arrived while the user pressed Ctrl-C are paid for, so they are stored too.
        for task, outcome in (*unsettled, *crew.ready()):
            settle(task, outcome)
        crew.dismiss()
        for r in rounds:
            _close(r.model)
    if errors:
        raise errors[0]  # a defect of the model object, not an outage
    return [_answers(one) for one in progress]


def _resubmit(crew: Crew[_Task, _Outcome], progress: _Progress, task: _Task, outcome: _Outcome) -> int:
    """Submit the clusters that have to be asked about again; returns their number."""
    chunks = _retries(task, outcome)
    for chunk in chunks:
        problems = {case.cluster_id: outcome.missing[case.cluster_id] for case in chunk}
        is_retry = task.is_retry or not outcome.too_long
        # Questions about fewer clusters show sooner whether the model can answer at all.
        crew.submit(
            _Task(task.round_index, chunk, is_retry, task.problems if outcome.too_long else problems), first=is_retry
        )
    if not outcome.too_long:
        progress.reasked.update((case.cluster_id, None) for chunk in chunks for case in chunk)
    return sum(map(len, chunks))


def _bar(total: int) -> Any:
    """A progress bar on a terminal or in a notebook; a disabled one if nothing is left to ask.

    ``TQDM_DISABLE`` is read here, because the argument ``disable`` would override it.
    """
    from tqdm.auto import tqdm

    disabled = not total or bool(os.environ.get("TQDM_DISABLE"))
    return tqdm(total=total, desc="language model", unit="cluster", leave=False, disable=True if disabled else None)


def _store(progress: _Progress, task: _Task, outcome: _Outcome, cache: Optional[AnswerCache]) -> None:
    # Runs in the caller's thread, so that warnings point at the user's line.
    for cluster_id, verdict in outcome.verdicts.items():
        if cache:
            cache.put(progress.round.keys[cluster_id], _codec.verdict_to_plain(verdict))
    progress.verdicts.update(outcome.verdicts)
    progress.failures.update(outcome.missing)
    progress.invented.update(outcome.invented)
    for case in task.chunk:
        tokens = progress.tokens.get(case.cluster_id, 0.0)
        progress.tokens[case.cluster_id] = tokens + outcome.tokens / len(task.chunk)


def _retries(task: _Task, outcome: _Outcome) -> tuple[tuple[Case, ...], ...]:
    """The chunks to ask about again.

    The clusters that a reply left out are asked about once more: one by one, or in quarters if they are more than
    half of the chunk. A question that was too long is halved until it is short enough.
    """
    if outcome.too_long and len(task.chunk) > 1:
        return chunked(task.chunk, -(-len(task.chunk) // 2))
    if task.is_retry or not outcome.may_retry or not outcome.missing:
        return ()
    missing = [case for case in task.chunk if case.cluster_id in outcome.missing]
    few = len(missing) * 2 <= len(task.chunk)
    return chunked(missing, 1 if few else -(-len(missing) // N_PARTS))


def _work(task: _Task, progress: _Progress, gate: Gate) -> _Outcome:
    """Send a task, unless it is known that the model would not answer."""
    ids = [case.cluster_id for case in task.chunk]
    if progress.stop_reason:
        return _Outcome({}, dict.fromkeys(ids, progress.stop_reason), may_retry=False)
    if progress.too_many is not None and len(ids) > 1 and len(ids) >= progress.too_many:
        return _Outcome({}, dict.fromkeys(ids, "the question is too long"), too_long=True)
    try:
        completion = _complete(progress.round, task, gate)
    except TooLongError as error:
        progress.record_too_long(len(ids))
        if len(ids) == 1:
            progress.record_failure(error)
        return _Outcome({}, dict.fromkeys(ids, str(error)), may_retry=False, too_long=True)
    except ModelError as error:
        may_retry = isinstance(error, ReplyError)
        if may_retry:
            progress.record_reply(str(error))
        elif not isinstance(error, CancelledError):
            progress.record_failure(error)
        return _Outcome({}, dict.fromkeys(ids, str(error)), may_retry=may_retry)
    tokens = completion.prompt_tokens + completion.completion_tokens
    try:
        parsed = reply.parse(completion.text, [case.markers for case in task.chunk])
    except ReplyError as error:
        progress.record_reply(str(error))
        return _Outcome({}, dict.fromkeys(ids, str(error)), tokens=tokens)
    progress.record_reply("" if parsed.verdicts else next(iter(parsed.missing.values())))
    return _Outcome({v.cluster_id: v for v in parsed.verdicts}, parsed.missing, parsed.invented, tokens)


def _complete(asked: Round, task: _Task, gate: Gate) -> Completion:
    model, chunk = asked.model, task.chunk
    messages = asked.question.messages(chunk, task.problems)
    schema = prompt.reply_schema([case.cluster_id for case in chunk])
    if isinstance(model, LanguageModel):
        return model.complete(messages, schema, gate)
    estimate = prompt.estimate(messages, len(chunk))
    gate.admit(estimate)
    try:
        with gate.timed():
            completion = model.complete(messages, schema)
    except BaseException:
        gate.release(estimate)
        raise
    gate.settle(estimate, completion.prompt_tokens, completion.completion_tokens)
    return completion


def _close(model: Any) -> None:
    if isinstance(model, LanguageModel):
        model.close()


def _answers(progress: _Progress) -> Answers:
    verdicts = {**progress.round.verdicts, **progress.verdicts}
    return Answers(
        verdicts=verdicts,
        failures={key: reason for key, reason in progress.failures.items() if key not in verdicts},
        invented=tuple(sorted(progress.invented)),
        reasked=tuple(progress.reasked),
        tokens={key: round(count, 1) for key, count in progress.tokens.items()},
    )
