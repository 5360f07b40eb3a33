"""Proposes the labels of language models: which clusters they are asked about, and what their answers come to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Optional

from attrs import evolve, frozen

from gca_scanpy._judging.reasons import objection
from gca_scanpy._llm.ask import Answers, ask, error_of, reason_of, revised
from gca_scanpy._llm.asking import Asking, Question, Round, chunked, plan, prepare
from gca_scanpy._llm.cache import AnswerCache, open_cache
from gca_scanpy._llm.gate import Gate
from gca_scanpy._llm.language_model import ChatModel
from gca_scanpy._llm.prompt import Plan
from gca_scanpy._llm.reply import vote
from gca_scanpy._reporting.report import cluster_report, final_score, level
from gca_scanpy._request import Judge, Proposals
from gca_scanpy._scoring.case import Case, propose
from gca_scanpy._settings import Settings
from gca_scanpy._steps import Verdict
from gca_scanpy.errors import ModelWarning, warn
from gca_scanpy.model import Telemetry


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

    @classmethod
    def of(cls, asking: Asking, species: str, database_sha256: str, settings: Settings) -> Asked:
        """The proposer that asks so, with the servers, the cache and the rates of the settings."""
        return cls(
            asking,
            asking.resolve(settings),
            Question(species, asking.context, database_sha256),
            open_cache(asking.cache, settings.cache_dir),
            Gate(asking.max_requests, asking.max_tokens, settings.requests_per_minute, settings.tokens_per_minute),
        )

    @property
    def models(self) -> tuple[str, ...]:
        """Names of the models, the user's first choice first."""
        return tuple(model.name for model in self.chat_models)

    def propose(self, cases: Iterable[Case], judge: Judge) -> Proposals:
        """The verdicts of the models where they answer.

        The first clusters are asked about while the next ones are scored, and answers are judged while others are
        awaited.

        Raises
        ------
        ModelError
            If no model answered a cluster and ``on_error`` is ``raise``.
        """
        offer = cache(propose)  # an offline verdict is made for a cluster that needs one
        every, asked, rounds = self._prepare(cases, judge, offer)
        # Several models answer a cluster together; what is judged then is not known yet.
        is_final = len(rounds) == 1 or self.asking.ask_again
        answers, of_second = self._ask_again(asked, self._ask(rounds, judge if is_final else None), judge)
        verdicts, unanswered, to_ask = [], [], frozenset(asked)
        for case in every:
            verdict = self._verdict(case, answers) if case in to_ask else offer(case)
            if verdict is None:
                unanswered.append(case.cluster_id)
                verdict = evolve(offer(case), unavailable=reason_of(case.cluster_id, answers))
            verdicts.append(verdict)
        warnings = [*self._report_failures(answers, len(asked), unanswered), *of_second]
        cost = self._cost([case.cluster_id for case in asked], answers, len(unanswered))
        models = tuple(name for name, answer in zip(self.models, answers) if answer.verdicts)
        return Proposals(tuple(verdicts), cost, tuple(warnings), models)

    def _ask(self, rounds: Sequence[Round], judge: Optional[Judge] = None) -> list[Answers]:
        return ask(rounds, cache=self.cache, n_threads=self.asking.n_threads, gate=self.gate, on_answer=judge)

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
        _, asked, lazy = self._prepare(cases, judge, propose)
        rounds = [evolve(r, chunks=tuple(r.chunks)) for r in lazy]
        ids = {case.cluster_id for case in asked}
        again = [self._longest_second(asked, r, judge) for r in rounds] if self.asking.ask_again else []
        return plan(rounds, [case.cluster_id for case in cases if case.cluster_id not in ids], again)

    def _longest_second(self, asked: Sequence[Case], first: Round, judge: Judge) -> Round:
        """What a model is asked once more if the guardrails stop all labels that it has yet to give."""
        known = self._second(asked, first.model, first.verdicts, judge)
        cases = [case for r in (first, known) for chunk in r.chunks for case in chunk]
        return evolve(first, chunks=chunked(cases, self.asking.chunk_size))

    def _prepare(
        self, cases: Iterable[Case], judge: Judge, offer: Callable[[Case], Verdict]
    ) -> tuple[list[Case], list[Case], list[Round]]:
        """The cases, those to ask about, and for each model what is left to ask.

        The two lists are empty at first. Whoever reads the chunks of the first round fills them, case by case.
        """
        every: list[Case] = []
        asked: list[Case] = []

        def choose() -> Iterator[Case]:
            for case in cases:
                every.append(case)
                everything = self.asking.escalate == "all"
                if case.markers.genes and (everything or _is_unsure(case, offer(case), judge)):
                    asked.append(case)
                    yield case

        first, *others = self.chat_models
        chosen = [(first, choose()), *((model, asked) for model in others)]
        rounds = [prepare(some, self.question, model, self.cache, self.asking.chunk_size) for model, some in chosen]
        return every, asked, rounds

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


def _is_unsure(case: Case, verdict: Verdict, judge: Judge) -> bool:
    """Whether the offline label of a cluster would not be shown, or not with High confidence."""
    judgment = judge(case, verdict)
    return judgment.status != "supported" or level(final_score(case, verdict, judgment)) != "High"
