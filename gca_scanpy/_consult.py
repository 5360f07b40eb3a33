"""Which clusters language models are asked about, and the verdict of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, Optional

from attrs import evolve, field, frozen

from gca_scanpy._judging import judge
from gca_scanpy._judging.vote import vote
from gca_scanpy._llm.ask import Answers, ask
from gca_scanpy._llm.cache import AnswerCache
from gca_scanpy._llm.chat import ChatModel
from gca_scanpy._llm.gate import Gate
from gca_scanpy._llm.question import Plan, Question, plan, prepare
from gca_scanpy._reporting.report import level
from gca_scanpy._scoring.index import MarkerIndex
from gca_scanpy._steps import ClusterMarkers, Verdict
from gca_scanpy.errors import ModelError, ModelWarning, warn
from gca_scanpy.model import Candidate

Escalate = Literal["all", "unsure"]
OnError = Literal["offline", "raise"]


@frozen(kw_only=True)
class Consultation:
    """How language models are asked.

    Attributes
    ----------
    escalate
        ``all`` clusters, or those that the offline scorer is ``unsure`` of.
    on_error
        Whether a cluster without an answer has the ``offline`` one, or the run is to ``raise``.
    """

    models: tuple[ChatModel, ...] = ()
    cache: Optional[AnswerCache] = None
    chunk_size: int = 16
    n_threads: int = 8
    escalate: Escalate = "all"
    on_error: OnError = "offline"
    max_requests: Optional[int] = None
    max_tokens: Optional[int] = None
    requests_per_minute: Optional[int] = None
    tokens_per_minute: Optional[int] = None
    dry_run: bool = False


@frozen
class Consulted:
    """Verdicts by cluster id, what asking cost, and what has to be said of it."""

    verdicts: Mapping[str, Verdict]
    gate: Gate
    reasked: int = 0
    unanswered: int = 0
    invented: tuple[str, ...] = ()
    tokens: Mapping[str, float] = field(factory=dict)
    warnings: tuple[str, ...] = ()


class PlannedInstead(Exception):  # noqa: N818 - no error: the way a dry run leaves the pipeline
    """Carries the plan of a dry run."""

    def __init__(self, made: Plan) -> None:
        super().__init__()
        self.plan = made


def consult(
    clusters: Sequence[ClusterMarkers],
    offline: Mapping[str, Verdict],
    unsure: Sequence[str],
    question: Question,
    index: MarkerIndex,
    how: Consultation,
) -> Consulted:
    """The verdicts of the clusters: of language models where they answer, the offline ones elsewhere.

    Parameters
    ----------
    unsure
        Ids of the clusters whose offline verdict is not sure.

    Raises
    ------
    ModelError
        Where a cluster has no answer and ``on_error`` is ``raise``.
    """
    asked = [c for c in clusters if c.genes and (how.escalate == "all" or c.cluster_id in unsure)]
    rounds = [prepare(asked, question, model, how.cache, how.chunk_size) for model in how.models]
    if how.dry_run:
        ids = {c.cluster_id for c in asked}
        raise PlannedInstead(plan(rounds, question, [c.cluster_id for c in clusters if c.cluster_id not in ids]))
    gate = Gate(how.max_requests, how.max_tokens, how.requests_per_minute, how.tokens_per_minute)
    answers = ask(rounds, question, cache=how.cache, n_threads=how.n_threads, gate=gate)
    names = [model.name for model in how.models]
    warnings = _told(names, answers, len(asked), how)
    verdicts = dict(offline)
    unanswered = 0
    for cluster in asked:
        key = cluster.cluster_id
        found = _verdict(key, names, answers, index)
        unanswered += found is None
        verdicts[key] = found or evolve(offline[key], unavailable=_reason(key, answers))
    return Consulted(
        verdicts,
        gate,
        reasked=sum(len(a.reasked) for a in answers),
        unanswered=unanswered,
        invented=tuple(sorted({i for a in answers for i in a.invented})),
        tokens={c.cluster_id: round(sum(a.tokens.get(c.cluster_id, 0.0) for a in answers), 1) for c in asked},
        warnings=warnings,
    )


def unsure_of(
    clusters: Sequence[ClusterMarkers],
    offline: Mapping[str, Verdict],
    candidates: Mapping[str, Sequence[Candidate]],
    index: MarkerIndex,
    tissues: Mapping[str, Sequence[str]],
    limits: judge.Limits,
) -> list[str]:
    """Ids of the clusters whose offline verdict is not supported, or not with High confidence."""
    unsure = []
    for cluster in clusters:
        key = cluster.cluster_id
        judged = judge.check(offline[key], cluster, candidates[key], index, tissues[key], limits)
        reasons = judge.ADVISORY.intersection(judged.validation.flag_reasons)
        if judged.status != "supported" or reasons or level(offline[key].confidence_score) != "High":
            unsure.append(key)
    return unsure


def _verdict(key: str, names: Sequence[str], answers: Sequence[Answers], index: MarkerIndex) -> Optional[Verdict]:
    found = {name: a.verdicts[key] for name, a in zip(names, answers) if key in a.verdicts}
    if len(names) == 1:
        return found.get(names[0])
    return vote(names, found, index.lineages.ontology)


def _reason(key: str, answers: Sequence[Answers]) -> str:
    return "; ".join(dict.fromkeys(a.failures[key] for a in answers if key in a.failures)) or "no answer"


def _told(names: Sequence[str], answers: Sequence[Answers], asked: int, how: Consultation) -> tuple[str, ...]:
    """Say which model left how many clusters unanswered, and why; raise where the user wants it."""
    messages = []
    for name, answer in zip(names, answers):
        if answer.failures:
            reasons = "; ".join(sorted(set(answer.failures.values()))[:3])
            messages.append(f"{name} gave no answer for {len(answer.failures)} of {asked} clusters: {reasons}")
    if messages and how.on_error == "raise":
        raise ModelError(messages[0])
    for message in messages:
        warn(message, ModelWarning)
    return tuple(messages)
