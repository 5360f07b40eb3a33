"""Who proposes the labels: the offline scorer, the user, or language models; one protocol, three implementations."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Optional, Protocol

from attrs import evolve, field, frozen

from gca_scanpy._judging import reasons
from gca_scanpy._judging.consensus import Ballot, Ladder, consensus
from gca_scanpy._judging.judge import Judgment
from gca_scanpy._judging.reasons import objection
from gca_scanpy._judging.samples import harmonized
from gca_scanpy._llm.ask import Answers, ask, error_of, reason_of, revised
from gca_scanpy._llm.asking import Asking, Question, Round, chunked, plan, prepare
from gca_scanpy._llm.cache import AnswerCache
from gca_scanpy._llm.gate import Gate
from gca_scanpy._llm.language_model import ChatModel
from gca_scanpy._llm.prompt import Plan
from gca_scanpy._llm.reply import vote
from gca_scanpy._reporting.report import cluster_report, described, level
from gca_scanpy._scoring import numbers
from gca_scanpy._scoring.case import Case, propose
from gca_scanpy._scoring.malignancy import names_a_disease
from gca_scanpy._steps import Verdict
from gca_scanpy.errors import ModelWarning, warn
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
        answers, of_second = self._ask_again(asked, self._ask(rounds), judge)
        verdicts = {verdict.cluster_id: verdict for verdict in offline}
        unanswered = []
        for case in asked:
            key, verdict = case.cluster_id, self._verdict(case, answers)
            if verdict is None:
                unanswered.append(key)
            verdicts[key] = verdict or evolve(verdicts[key], unavailable=reason_of(key, answers))
        warnings = [*self._report_failures(answers, len(asked), unanswered), *of_second]
        cost = self._cost([case.cluster_id for case in asked], answers, len(unanswered))
        models = tuple(name for name, answer in zip(self.models, answers) if answer.verdicts)
        return Proposals(tuple(verdicts[case.cluster_id] for case in cases), cost, tuple(warnings), models)

    def _ask(self, rounds: Sequence[Round]) -> list[Answers]:
        return ask(rounds, cache=self.cache, n_threads=self.asking.n_threads, gate=self.gate)

    def _ask_again(
        self, asked: Sequence[Case], answers: list[Answers], judge: Judge
    ) -> tuple[list[Answers], list[str]]:
        """The answers after each model was asked once more about its labels that were stopped, and warnings."""
        if not (self.asking.ask_again and asked):
            return answers, []
        rounds = [
            self._second(asked if answer.is_complete else (), model, answer.verdicts, judge)
            for model, answer in zip(self.chat_models, answers)
        ]
        both, warnings = [], []
        for r, first, second in zip(rounds, answers, self._ask(rounds)):
            both.append(revised(first, second, r, asked[0].index.lineages.ontology))
            if second.failures:
                warnings.append(second.complaint(r.model.name, len(r.question.objections), "second answer"))
        for message in warnings:
            warn(message, ModelWarning)
        return both, warnings

    def _second(self, cases: Sequence[Case], model: ChatModel, verdicts: Mapping[str, Verdict], judge: Judge) -> Round:
        """What a model is asked about its labels that the guardrails stop."""
        objections = {}
        for case in cases:
            judgment = judge(case, verdicts[case.cluster_id]) if case.cluster_id in verdicts else None
            if judgment is not None and judgment.status == "flagged":
                report = cluster_report(case, judgment, force_unknown=False)
                objections[case.cluster_id] = objection(case, report, judgment.rival)
        stopped = [case for case in cases if case.cluster_id in objections]
        question = evolve(self.question, objections=objections)
        return prepare(stopped, question, model, self.cache, self.asking.chunk_size)

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
        again = [self._longest_second(asked, r, judge) for r in rounds] if self.asking.ask_again else []
        return plan(rounds, [case.cluster_id for case in cases if case.cluster_id not in ids], again)

    def _longest_second(self, asked: Sequence[Case], first: Round, judge: Judge) -> Round:
        """What a model is asked once more if the guardrails stop all labels that it has yet to give."""
        known = self._second(asked, first.model, first.verdicts, judge)
        cases = [case for r in (first, known) for chunk in r.chunks for case in chunk]
        return evolve(first, chunks=chunked(cases, self.asking.chunk_size))

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
                messages.append(answer.complaint(name, n_asked))
        if unanswered and self.asking.on_error == "raise":
            raise error_of(answers, unanswered)("; ".join(messages))
        for message in messages:
            warn(message, ModelWarning)
        return tuple(messages)


def _with_votes(verdict: Verdict, one: Consensus) -> Verdict:
    return evolve(verdict, ontology_id=one.ontology_id, rationale=described(one), consensus=one)


def _is_unsure(verdict: Verdict, judgment: Judgment) -> bool:
    """Whether an offline verdict is not supported, advised against, or not of High confidence."""
    advised_against = reasons.ADVISORY.intersection(judgment.validation.flag_reasons)
    return judgment.status != "supported" or bool(advised_against) or level(verdict.confidence_score) != "High"
