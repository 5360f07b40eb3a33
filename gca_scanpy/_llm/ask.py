"""Asks language models about clusters in chunks, on a pool of threads, and stores their answers."""

from __future__ import annotations

import contextvars
import itertools
import queue
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any, Generic, Optional, TypeVar, Union

from attrs import evolve, field, frozen

from gca_scanpy import _codec
from gca_scanpy._events import progress_bar
from gca_scanpy._llm import prompt, reply
from gca_scanpy._llm.asking import Round
from gca_scanpy._llm.cache import AnswerCache
from gca_scanpy._llm.failures import DamagedError, TooLongError, TroubleError
from gca_scanpy._llm.gate import CancelledError, Deadline, Gate
from gca_scanpy._llm.language_model import Completion, LanguageModel, completion_of
from gca_scanpy._llm.progress import Outcome, Progress, Task, follow_up
from gca_scanpy._names.ontology import Ontology
from gca_scanpy._scoring.case import Case
from gca_scanpy._steps import Verdict
from gca_scanpy.errors import AccessError, BudgetError, ModelError, RefusalError, ReplyError
from gca_scanpy.model import AskedAgain

T = TypeVar("T")
R = TypeVar("R")
FIRST, NEXT, LAST = range(3)  # order of the tasks
POLL = 0.2  # seconds after which Ctrl-C takes effect on every platform


class Crew(Generic[T, R]):
    """At most ``n_threads`` threads. They are daemons: one that waits for a server does not keep the program alive."""

    def __init__(self, work: Callable[[T], R], n_threads: int) -> None:
        self._work = work
        self._n_threads = n_threads
        self._threads: list[threading.Thread] = []
        # Ordered by the two numbers, the second of which no other entry has. None ends a thread.
        self._todo: queue.PriorityQueue[tuple[int, int, Optional[tuple[T]]]] = queue.PriorityQueue()
        self._numbers = itertools.count()
        self._done: queue.SimpleQueue[tuple[T, Union[R, BaseException]]] = queue.SimpleQueue()
        self._pending = 0

    def submit(self, task: T, *, first: bool = False) -> None:
        """Add a task; one that is ``first`` is worked on before the others that wait.

        Only the thread that reads :meth:`results` may call this.
        """
        self._pending += 1
        self._todo.put((FIRST if first else NEXT, next(self._numbers), (task,)))
        if len(self._threads) < min(self._n_threads, self._pending):
            run = contextvars.copy_context().run  # log lines of the thread keep the request id of the run
            thread = threading.Thread(target=run, args=(self._run,), name=f"gca-{len(self._threads)}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def results(self) -> Iterator[tuple[T, Union[R, BaseException]]]:
        """Each finished task with its result or its exception, until no task is left."""
        while self._pending:
            try:
                finished = self._done.get(timeout=POLL)
            except queue.Empty:
                continue
            self._pending -= 1
            yield finished

    def ready(self) -> Iterator[tuple[T, Union[R, BaseException]]]:
        """Finished tasks that were not read yet, without waiting for others."""
        while True:
            try:
                finished = self._done.get_nowait()
            except queue.Empty:
                return
            self._pending -= 1
            yield finished

    def dismiss(self) -> None:
        """Let each thread end after its current task."""
        for _ in self._threads:
            self._todo.put((LAST, next(self._numbers), None))

    def _run(self) -> None:
        while True:
            _, _, task = self._todo.get()
            if task is None:
                return
            try:
                outcome: Union[R, BaseException] = self._work(task[0])
            except BaseException as error:  # the reader decides what to do with it
                outcome = error
            self._done.put((task[0], outcome))


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
        Number of clusters that a reply left out and that were asked about again.
    tokens
        Tokens by cluster id.
    """

    verdicts: Mapping[str, Verdict] = field(factory=dict)
    failures: Mapping[str, ModelError] = field(factory=dict)
    invented: tuple[str, ...] = ()
    reasked: int = 0
    tokens: Mapping[str, float] = field(factory=dict)

    @property
    def is_complete(self) -> bool:
        """Whether the model works: what it left unanswered, it answered with something that could not be used."""
        return all(isinstance(error, (RefusalError, ReplyError)) for error in self.failures.values())

    def complaint(self, model: str, n_asked: int, what: str = "answer") -> str:
        """How many clusters the model left unanswered, and why."""
        why = "; ".join(sorted(set(map(str, self.failures.values())))[:3])
        return f"{model} gave no {what} for {len(self.failures)} of {n_asked} clusters: {why}"


def ask(
    rounds: Sequence[Round],
    *,
    cache: Optional[AnswerCache],
    n_threads: int,
    gate: Gate,
    on_answer: Optional[Callable[[Case, Verdict], object]] = None,
) -> list[Answers]:
    """Ask each model about its clusters, the first of them while the chunks of the others are still made.

    A cluster without an answer is a failure with its reason, never a guess. Each answer is cached as soon as it
    arrives, so that an interrupted run keeps it.

    Parameters
    ----------
    on_answer
        Called in this thread with each answer, while others are awaited.

    Raises
    ------
    BaseException
        Whatever a model raises except :class:`~gca_scanpy.errors.ModelError`, after the other answers are cached.
    """
    gate.stop.clear()  # a run may ask a second time
    progress = [Progress(r) for r in rounds]
    errors: list[BaseException] = []
    unsettled: list[tuple[Task, Union[Outcome, BaseException]]] = []

    def settle(task: Task, outcome: Union[Outcome, BaseException]) -> None:
        if isinstance(outcome, BaseException):
            errors.append(outcome)
            gate.stop.set()
            return
        _store(progress[task.round_index], task, outcome, cache)

    crew: Crew[Task, Outcome] = Crew(lambda task: _work(task, progress[task.round_index], gate), n_threads)
    try:
        n_clusters = 0
        for index, r in enumerate(rounds):
            for chunk in r.chunks:
                _submit(crew, progress[index], Task(index, chunk))
                n_clusters += len(chunk)
        with closing(progress_bar(n_clusters, "language model", "cluster")) as bar:
            for task, outcome in crew.results():
                unsettled = [(task, outcome)]
                settle(task, outcome)
                unsettled = []
                if isinstance(outcome, Outcome):
                    bar.update(len(task.chunk) - _resubmit(crew, progress[task.round_index], task, outcome))
                    if on_answer is not None:
                        _pass_on(task, outcome, on_answer)
    finally:
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


def _submit(crew: Crew[Task, Outcome], progress: Progress, task: Task) -> None:
    progress.submitted(task)
    # Questions about fewer clusters show sooner whether the model can answer at all.
    crew.submit(task, first=task.is_retry and task.is_untried)


def _resubmit(crew: Crew[Task, Outcome], progress: Progress, task: Task, outcome: Outcome) -> int:
    """Submit the clusters that have to be asked about again; returns their number."""
    progress.submitted(task, -1)
    tasks = follow_up(task, outcome, progress)
    for one in tasks:
        _submit(crew, progress, one)
        if one.is_retry:
            progress.reasked.update(case.cluster_id for case in one.chunk)
    return sum(len(one.chunk) for one in tasks)


def _pass_on(task: Task, outcome: Outcome, on_answer: Callable[[Case, Verdict], object]) -> None:
    for case in task.chunk:
        if case.cluster_id in outcome.verdicts:
            on_answer(case, outcome.verdicts[case.cluster_id])


def _store(progress: Progress, task: Task, outcome: Outcome, cache: Optional[AnswerCache]) -> None:
    # Runs in the caller's thread, so that warnings point at the user's line.
    if cache:
        for cluster_id, verdict in outcome.verdicts.items():
            cache.put(progress.round.keys[cluster_id], _codec.verdict_to_plain(verdict))
    progress.verdicts.update(outcome.verdicts)
    progress.failures.update(outcome.missing)
    progress.invented.update(outcome.invented)
    for case in task.chunk:
        tokens = progress.tokens.get(case.cluster_id, 0.0)
        progress.tokens[case.cluster_id] = tokens + outcome.tokens / len(task.chunk)


def _work(task: Task, progress: Progress, gate: Gate) -> Outcome:
    """Send a question, unless it is known that the model would not answer."""
    model = progress.round.model
    deadline = task.deadline or (model.deadline(gate) if isinstance(model, LanguageModel) else None)
    while progress.stop_error is None:
        if progress.is_too_long(task):
            return Outcome.failed(task, TooLongError("the question is too long"))
        try:
            with progress.working():
                completion = _complete(progress.round, task, gate, deadline)
        except ModelError as error:
            _record(error, task, progress, gate, deadline)
            if isinstance(error, TroubleError) and progress.is_down:
                continue  # no other question has better prospects
            return Outcome.failed(task, error, deadline=deadline)
        outcome = _read(task, completion)
        unusable = "" if outcome.verdicts else str(next(iter(outcome.missing.values())))
        progress.record_reply(unusable, gate.clock())
        return outcome
    return Outcome.failed(task, progress.stop_error)


def _record(error: ModelError, task: Task, progress: Progress, gate: Gate, deadline: Optional[Deadline]) -> None:
    """Note a failure of a question."""
    if isinstance(error, ReplyError) and not isinstance(error, DamagedError):
        progress.record_reply(str(error), gate.clock())  # the server works, although the text cannot be read
    elif isinstance(error, TroubleError):
        progress.record_trouble(deadline)
    elif not isinstance(error, CancelledError):
        progress.record_failure(error, len(task.chunk), deadline)


def _read(task: Task, completion: Completion) -> Outcome:
    """The verdicts in a reply."""
    tokens = completion.prompt_tokens + completion.completion_tokens
    try:
        parsed = reply.parse(completion.text, [case.markers for case in task.chunk])
    except ReplyError as error:
        return Outcome.failed(task, error, tokens=tokens)
    missing = {key: ReplyError(reason) for key, reason in parsed.missing.items()}
    return Outcome({v.cluster_id: v for v in parsed.verdicts}, missing, parsed.invented, tokens)


def _complete(asked: Round, task: Task, gate: Gate, deadline: Optional[Deadline]) -> Completion:
    model, chunk = asked.model, task.chunk
    messages = asked.question.messages(chunk, task.problems)
    schema = prompt.reply_schema([case.cluster_id for case in chunk])
    if isinstance(model, LanguageModel) and deadline is not None:
        return model.attempt(messages, schema, gate, deadline)
    estimate = prompt.estimate(messages, len(chunk))
    with gate.request(estimate):
        completion = completion_of(model.complete(messages, schema), model)
    gate.settle(estimate, completion.prompt_tokens, completion.completion_tokens)
    return completion


def _close(model: Any) -> None:
    if isinstance(model, LanguageModel):
        model.close()


def _answers(progress: Progress) -> Answers:
    verdicts = {**progress.round.verdicts, **progress.verdicts}
    return Answers(
        verdicts=verdicts,
        failures={key: reason for key, reason in progress.failures.items() if key not in verdicts},
        invented=tuple(sorted(progress.invented)),
        reasked=len(progress.reasked),
        tokens={key: round(count, 1) for key, count in progress.tokens.items()},
    )


def revised(first: Answers, second: Answers, asked: Round, ontology: Ontology) -> Answers:
    """The answers of a model that was asked again about some labels; a label without a second answer stays.

    Whatever the second answer is, it keeps both.
    """
    verdicts = dict(first.verdicts)
    for key, objection in asked.question.objections.items():
        if isinstance(second.failures.get(key), BudgetError):
            continue  # it was not asked
        was, now = first.verdicts[key], second.verdicts.get(key)
        both = [reply.answer(asked.model.name, verdict, ontology) for verdict in (was, now)]
        record = AskedAgain(both[0], both[1], objection.reasons, objection.contrast)
        verdicts[key] = evolve(now or was, asked_again=(record,))
    return Answers(
        verdicts=verdicts,
        failures=first.failures,
        invented=tuple(sorted({*first.invented, *second.invented})),
        reasked=first.reasked + second.reasked,
        tokens={
            key: round(first.tokens.get(key, 0.0) + second.tokens.get(key, 0.0), 1)
            for key in {**first.tokens, **second.tokens}
        },
    )


def error_of(answers: Sequence[Answers], unanswered: Sequence[str]) -> type[ModelError]:
    """The class of error that describes the failures: the first that applies, what ends a run before what does not."""
    errors = [answer.failures[key] for key in unanswered for answer in answers if key in answer.failures]
    kinds = (AccessError, BudgetError, RefusalError, ReplyError)
    return next((kind for kind in kinds if any(isinstance(error, kind) for error in errors)), ModelError)


def reason_of(cluster_id: str, answers: Sequence[Answers]) -> str:
    reasons = dict.fromkeys(str(a.failures[cluster_id]) for a in answers if cluster_id in a.failures)
    return "; ".join(reasons) or "no answer"
