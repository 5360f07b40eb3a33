"""Who proposes the labels: the offline scorer, the user, or language models; one protocol, three implementations."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Optional, Protocol

from attrs import evolve, field, frozen

from gca_scanpy._judging import reasons
from gca_scanpy._judging.consensus import Ballot, Ladder, consensus
from gca_scanpy._judging.judge import Judgment
from gca_scanpy._judging.samples import harmonized
from gca_scanpy._llm.ask import Answers, ask
from gca_scanpy._llm.asking import Asking, Plan, Question, Round, plan, prepare
from gca_scanpy._llm.cache import AnswerCache
from gca_scanpy._llm.gate import Gate
from gca_scanpy._llm.language_model import ChatModel
from gca_scanpy._llm.reply import vote
from gca_scanpy._reporting.report import described, level
from gca_scanpy._scoring import numbers
from gca_scanpy._scoring.case import Case, propose
from gca_scanpy._scoring.malignancy import names_a_disease
from gca_scanpy._steps import Verdict
from gca_scanpy.errors import (
    AccessError,
    BudgetError,
    ModelError,
    ModelWarning,
    RefusalError,
    ReplyError,
    warn,
)
from gca_scanpy.model import Consensus, Telemetry

Judge = Callable[[Case, Verdict], Judgment]


@frozen
class Proposals:
    """A verdict for each case, in the order of the cases, and what the language models cost.

    Attributes
    ----------
    models
        Names of the language models that answered for any cluster, for the provenance.
    """

    verdicts: tuple[Verdict, ...]
    cost: Telemetry = field(factory=Telemetry)
    warnings: tuple[str, ...] = ()
    models: tuple[str, ...] = ()


class Proposer(Protocol):
    """Proposes a label for every case.

    Attributes
    ----------
    models
        Names of the language models that may be asked.
    """

    @property
    def models(self) -> tuple[str, ...]:
        """Names of the language models."""
        ...

    def propose(self, cases: Sequence[Case], judge: Judge) -> Proposals:
        """Give a verdict for each case.

        Parameters
        ----------
        judge
            The guardrails, which remember their judgments.
        """
        ...

    def plan(self, cases: Sequence[Case], judge: Judge) -> Plan:
        """What :meth:`propose` would send."""
        ...


class _SendsNothing:
    """What proposers have in common that need no language model."""

    @property
    def models(self) -> tuple[str, ...]:
        """No model is asked."""
        return ()

    def plan(self, cases: Sequence[Case], judge: Judge) -> Plan:
        """Nothing is sent."""
        del judge
        return plan((), [case.cluster_id for case in cases])


@frozen
class Offline(_SendsNothing):
    """The offline scorer."""

    def propose(self, cases: Sequence[Case], judge: Judge) -> Proposals:
        """The best justified term of each cluster."""
        del judge
        return Proposals(tuple(map(propose, cases)))


@frozen
class Given(_SendsNothing):
    """The user's own labels, to be checked.

    Attributes
    ----------
    labels
        Label by cluster id, with the share of the cluster's labeled cells that have it, 0 to 1.
    """

    labels: Mapping[str, tuple[str, float]]

    def propose(self, cases: Sequence[Case], judge: Judge) -> Proposals:
        """The label that was given for each cluster, empty if there was none."""
        del judge
        return Proposals(tuple(map(self._verdict, cases)))

    def _verdict(self, case: Case) -> Verdict:
        label, share = self.labels.get(case.cluster_id, ("", 0.0))
        ontology = case.index.lineages.ontology
        reading = ontology.read(label, case.tissues)
        term = reading.ontology_id
        score = case.levels.probability(term or label) if label else 0.0
        if names_a_disease(term, case.index.lineages):  # genes raise no more than a suspicion
            score = min(score, round(numbers.NUMBERS.high - 0.01, 4))
        caveats = [f"{share:.0%} of the cluster's labeled cells have this label"] if label and share < 1 else []
        if term and reading.is_partial:
            left = ", ".join(word.text for word in reading.aside)
            caveats.append(f"The label was read as {ontology.label(term)!r}" + (f", without {left}" if left else ""))
        return Verdict(case.cluster_id, label, term, score, "user", "The label was given.", caveats=tuple(caveats))


@frozen
class Harmonized(_SendsNothing):
    """The offline scorer, with one name for the same kind of cell in samples that were clustered apart.

    Attributes
    ----------
    samples
        The sample by cluster id.
    agreement
        Share of the samples with a kind of cell that must support its name, 0 to 1.
    """

    samples: Mapping[str, str]
    agreement: float

    def propose(self, cases: Sequence[Case], judge: Judge) -> Proposals:
        """The names of the clusters whose own labels the guardrails let stand, and the verdicts of the others."""
        if not cases:
            return Proposals(())
        verdicts = [propose(case) for case in cases]
        judged = [judge(case, verdict) for case, verdict in zip(cases, verdicts)]
        supported = [judgment.status == "supported" for judgment in judged]
        certainty, lineages = cases[0].limits.certainty, cases[0].index.lineages
        return Proposals(harmonized(verdicts, supported, self.samples, self.agreement, certainty, lineages))


@frozen
class Agreed(_SendsNothing):
    """The labels on which several columns agree, to be checked.

    Attributes
    ----------
    ballots
        The votes by cluster id.
    min_agreement
        Agreement that a label must have, 0 to 1.
    ladder
        The terms that can be the answer.
    warnings
        Warnings about the labels, for the report.
    """

    ballots: Mapping[str, Sequence[Ballot]]
    min_agreement: float
    ladder: Ladder
    warnings: tuple[str, ...] = ()

    def propose(self, cases: Sequence[Case], judge: Judge) -> Proposals:
        """The consensus of each cluster, checked as a label that was given."""
        agreed = {
            case.cluster_id: consensus(
                self.ballots[case.cluster_id], self.min_agreement, self.ladder, case.levels.probability
            )
            for case in cases
        }
        labels = {key: (one.label, 1.0) for key, one in agreed.items()}
        verdicts = Given(labels).propose(cases, judge).verdicts
        return Proposals(tuple(_with_votes(one, agreed[one.cluster_id]) for one in verdicts), warnings=self.warnings)


@frozen
class Asked:
    """Language models; a cluster that they leave unanswered gets the offline verdict, marked as such.

    Attributes
    ----------
    asking
        Which clusters are asked about, and within which bounds.
    chat_models
        The models themselves.
    question
        What is the same for every cluster.
    gate
        Bounds and counts of what is sent.
    """

    asking: Asking
    chat_models: tuple[ChatModel, ...]
    question: Question
    cache: Optional[AnswerCache]
    gate: Gate

    @property
    def models(self) -> tuple[str, ...]:
        """Names of the models, the user's first choice first."""
        return tuple(model.name for model in self.chat_models)

    def propose(self, cases: Sequence[Case], judge: Judge) -> Proposals:
        """The verdicts of the models where they answer.

        Raises
        ------
        ModelError
            If no model answered a cluster and ``on_error`` is ``raise``.
        """
        offline, asked, rounds = self._prepare(cases, judge)
        answers = ask(rounds, cache=self.cache, n_threads=self.asking.n_threads, gate=self.gate)
        verdicts = {verdict.cluster_id: verdict for verdict in offline}
        unanswered = []
        for case in asked:
            key, verdict = case.cluster_id, self._verdict(case, answers)
            if verdict is None:
                unanswered.append(key)
            verdicts[key] = verdict or evolve(verdicts[key], unavailable=_reason(key, answers))
        warnings = self._report_failures(answers, len(asked), unanswered)
        cost = self._cost([case.cluster_id for case in asked], answers, len(unanswered))
        models = tuple(name for name, answer in zip(self.models, answers) if answer.verdicts)
        return Proposals(tuple(verdicts[case.cluster_id] for case in cases), cost, warnings, models)

    def _cost(self, asked: Sequence[str], answers: Sequence[Answers], unanswered: int) -> Telemetry:
        gate, cache = self.gate, self.cache
        return Telemetry(
            cache_hits=cache.hits if cache else 0,
            cache_misses=cache.misses if cache else 0,
            requests=gate.requests,
            prompt_tokens=gate.prompt_tokens,
            completion_tokens=gate.completion_tokens,
            retries=gate.retries,
            reasked=sum(a.reasked for a in answers),
            unanswered=unanswered,
            invented_clusters=tuple(sorted({i for a in answers for i in a.invented})),
            cluster_tokens={key: round(sum(a.tokens.get(key, 0.0) for a in answers), 1) for key in asked},
            request_seconds=tuple(gate.took),
        )

    def plan(self, cases: Sequence[Case], judge: Judge) -> Plan:
        """What :meth:`propose` would send."""
        _, asked, rounds = self._prepare(cases, judge)
        ids = {case.cluster_id for case in asked}
        return plan(rounds, [case.cluster_id for case in cases if case.cluster_id not in ids])

    def _prepare(self, cases: Sequence[Case], judge: Judge) -> tuple[list[Verdict], list[Case], list[Round]]:
        """The offline verdicts, the cases to ask about, and for each model what is left to ask."""
        offline = [propose(case) for case in cases]
        everything = self.asking.escalate == "all"
        asked = [
            case
            for case, verdict in zip(cases, offline)
            if case.markers.genes and (everything or _is_unsure(verdict, judge(case, verdict)))
        ]
        rounds = [
            prepare(asked, self.question, model, self.cache, self.asking.chunk_size) for model in self.chat_models
        ]
        return offline, asked, rounds

    def _verdict(self, case: Case, answers: Sequence[Answers]) -> Optional[Verdict]:
        key = case.cluster_id
        by_model = {name: a.verdicts[key] for name, a in zip(self.models, answers) if key in a.verdicts}
        if len(self.models) == 1:
            return by_model.get(self.models[0])
        return vote(self.models, by_model, case.index.lineages.ontology)

    def _report_failures(self, answers: Sequence[Answers], n_asked: int, unanswered: Sequence[str]) -> tuple[str, ...]:
        """Warn which model left how many clusters unanswered, and why; raise if the user wants that."""
        messages = []
        for name, answer in zip(self.models, answers):
            if answer.failures:
                why = "; ".join(sorted(set(map(str, answer.failures.values())))[:3])
                messages.append(f"{name} gave no answer for {len(answer.failures)} of {n_asked} clusters: {why}")
        if unanswered and self.asking.on_error == "raise":
            raise _public(answers, unanswered)("; ".join(messages))
        for message in messages:
            warn(message, ModelWarning)
        return tuple(messages)


def _with_votes(verdict: Verdict, one: Consensus) -> Verdict:
    return evolve(verdict, ontology_id=one.ontology_id, rationale=described(one), consensus=one)


def _public(answers: Sequence[Answers], unanswered: Sequence[str]) -> type[ModelError]:
    """The class of error that describes the failures: the first that applies, what ends a run before what does not."""
    errors = [answer.failures[key] for key in unanswered for answer in answers if key in answer.failures]
    kinds = (AccessError, BudgetError, RefusalError, ReplyError)
    return next((kind for kind in kinds if any(isinstance(error, kind) for error in errors)), ModelError)


def _is_unsure(verdict: Verdict, judgment: Judgment) -> bool:
    """Whether an offline verdict is not supported, advised against, or not of High confidence."""
    advised_against = reasons.ADVISORY.intersection(judgment.validation.flag_reasons)
    return judgment.status != "supported" or bool(advised_against) or level(verdict.confidence_score) != "High"


def _reason(cluster_id: str, answers: Sequence[Answers]) -> str:
    reasons = dict.fromkeys(str(a.failures[cluster_id]) for a in answers if cluster_id in a.failures)
    return "; ".join(reasons) or "no answer"
