"""Puts the clusters to language models in chunks, and keeps what came back."""

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

GIVE_UP = 3  # questions without an answer in a row, after which a model is not asked any more
QUARTER = 4  # parts in which the clusters of a reply that could not be read are asked again


@frozen
class Answers:
    """Verdicts of one model by cluster id, and why the other clusters have none."""

    verdicts: Mapping[str, Verdict] = field(factory=dict)
    failures: Mapping[str, str] = field(factory=dict)
    invented: tuple[str, ...] = ()
    reasked: tuple[str, ...] = ()
    tokens: Mapping[str, float] = field(factory=dict)


@frozen
class _Task:
    """Clusters for one request; ``again`` where they were asked about before."""

    number: int
    chunk: tuple[Case, ...]
    again: bool = False


@frozen
class _Part:
    """What came of a task: verdicts, and why the other clusters have none.

    Attributes
    ----------
    ask_again
        Whether the fault was one of the reply, which another request may not have.
    too_long
        Whether the question was too long for the server, so that nothing was answered.
    """

    verdicts: Mapping[str, Verdict]
    missing: Mapping[str, str]
    invented: tuple[str, ...] = ()
    tokens: int = 0
    ask_again: bool = True
    too_long: bool = False


@define
class _Tally:
    """What a model has answered so far, and whether it is still asked."""

    round: Round
    verdicts: dict[str, Verdict] = field(factory=dict)
    failures: dict[str, str] = field(factory=dict)
    invented: set[str] = field(factory=set)
    reasked: dict[str, None] = field(factory=dict)
    tokens: dict[str, float] = field(factory=dict)
    closed: str = ""
    in_a_row: int = 0
    too_many: Optional[int] = None  # clusters of the smallest question that was too long
    lock: threading.Lock = field(factory=threading.Lock)

    def failed(self, error: ModelError) -> None:
        with self.lock:
            self.in_a_row += 1
            # What concerns every question alike is not tried on each of them.
            if not self.closed and (isinstance(error, (AccessError, BudgetError)) or self.in_a_row >= GIVE_UP):
                self.closed = str(error)

    def too_long(self, n_clusters: int) -> None:
        with self.lock:
            self.too_many = min(n_clusters, self.too_many or n_clusters)

    def answered(self) -> None:
        with self.lock:
            self.in_a_row = 0


def ask(rounds: Sequence[Round], *, cache: Optional[AnswerCache], n_threads: int, gate: Gate) -> list[Answers]:
    """The answers of each model. A cluster that cannot be answered is a failure with its reason, never a guess.

    An answer is in the cache as soon as it came, and is there when the run is interrupted.
    """
    tallies = [_Tally(r) for r in rounds]
    stray: list[BaseException] = []
    in_hand: list[tuple[_Task, Union[_Part, BaseException]]] = []

    def settle(task: _Task, outcome: Union[_Part, BaseException]) -> None:
        if isinstance(outcome, BaseException):
            stray.append(outcome)
            gate.stop.set()
            return
        _keep(tallies[task.number], task, outcome, cache)

    crew: Crew[_Task, _Part] = Crew(lambda task: _work(task, tallies[task.number], gate), n_threads)
    total = sum(len(chunk) for r in rounds for chunk in r.chunks)
    bar = _bar(total)
    try:
        for number, r in enumerate(rounds):
            for chunk in r.chunks:
                crew.submit(_Task(number, chunk))
        for task, outcome in crew.results():
            in_hand = [(task, outcome)]
            settle(task, outcome)
            in_hand = []
            if isinstance(outcome, _Part):
                again = _again(task, outcome)
                for chunk in again:
                    crew.submit(_Task(task.number, chunk, again=task.again or not outcome.too_long))
                if not outcome.too_long:
                    tallies[task.number].reasked.update((c.cluster_id, None) for chunk in again for c in chunk)
                bar.update(len(task.chunk) - sum(map(len, again)))
    finally:
        bar.close()
        gate.stop.set()
        # What came while the user pressed Ctrl-C was paid for, also what was just being kept.
        for task, outcome in (*in_hand, *crew.ready()):
            settle(task, outcome)
        crew.dismiss()
        for r in rounds:
            _close(r.model)
    if stray:
        raise stray[0]  # no outage of a model: the user's to see, once the answers are kept
    return [_answers(tally) for tally in tallies]


def _bar(total: int) -> Any:
    """A progress bar, on a terminal and in a notebook; none where everything was in the cache.

    tqdm's own variable ``TQDM_DISABLE`` is heeded, which an argument would outrank.
    """
    from tqdm.auto import tqdm

    off = not total or bool(os.environ.get("TQDM_DISABLE"))
    return tqdm(total=total, desc="language model", unit="cluster", leave=False, disable=True if off else None)


def _keep(tally: _Tally, task: _Task, part: _Part, cache: Optional[AnswerCache]) -> None:
    # By the caller's thread, whose warnings point at the user's line.
    for cluster_id, verdict in part.verdicts.items():
        if cache:
            cache.put(tally.round.keys[cluster_id], _codec.verdict_to_plain(verdict))
    tally.verdicts.update(part.verdicts)
    tally.failures.update(part.missing)
    tally.invented.update(part.invented)
    for cluster in task.chunk:
        tally.tokens[cluster.cluster_id] = tally.tokens.get(cluster.cluster_id, 0.0) + part.tokens / len(task.chunk)


def _again(task: _Task, part: _Part) -> tuple[tuple[Case, ...], ...]:
    """How the clusters that a reply left out are asked once more: alone, or in quarters where most are missing.

    A question that was too long is halved until it is short enough.
    """
    if part.too_long and len(task.chunk) > 1:
        return chunked(task.chunk, -(-len(task.chunk) // 2))
    if task.again or not part.ask_again or not part.missing:
        return ()
    left = [c for c in task.chunk if c.cluster_id in part.missing]
    few = len(left) * 2 <= len(task.chunk)
    return chunked(left, 1 if few else -(-len(left) // QUARTER))


def _work(task: _Task, tally: _Tally, gate: Gate) -> _Part:
    ids = [c.cluster_id for c in task.chunk]
    if tally.closed:
        return _Part({}, dict.fromkeys(ids, tally.closed), ask_again=False)
    if tally.too_many is not None and len(ids) > 1 and len(ids) >= tally.too_many:
        return _Part({}, dict.fromkeys(ids, "the question is too long"), too_long=True)
    try:
        completion = _complete(tally.round, task.chunk, gate)
    except TooLongError as error:
        tally.too_long(len(ids))
        if len(ids) == 1:
            tally.failed(error)
        return _Part({}, dict.fromkeys(ids, str(error)), ask_again=False, too_long=True)
    except ModelError as error:
        again = isinstance(error, ReplyError)
        if again:
            tally.answered()
        elif not isinstance(error, CancelledError):
            tally.failed(error)
        return _Part({}, dict.fromkeys(ids, str(error)), ask_again=again)
    tally.answered()
    tokens = completion.prompt_tokens + completion.completion_tokens
    try:
        parsed = reply.parse(completion.text, [case.markers for case in task.chunk])
    except ReplyError as error:
        return _Part({}, dict.fromkeys(ids, str(error)), tokens=tokens)
    return _Part({v.cluster_id: v for v in parsed.verdicts}, parsed.missing, parsed.invented, tokens)


def _complete(asked: Round, chunk: Sequence[Case], gate: Gate) -> Completion:
    model, messages = asked.model, asked.question.messages(chunk)
    schema = prompt.reply_schema([c.cluster_id for c in chunk])
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


def _answers(tally: _Tally) -> Answers:
    verdicts = {**tally.round.verdicts, **tally.verdicts}
    return Answers(
        verdicts=verdicts,
        failures={key: reason for key, reason in tally.failures.items() if key not in verdicts},
        invented=tuple(sorted(tally.invented)),
        reasked=tuple(tally.reasked),
        tokens={key: round(count, 1) for key, count in tally.tokens.items()},
    )
