"""The question about each cluster, the answers that the cache has, and the requests for the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Optional

from attrs import frozen

from gca_scanpy import _codec
from gca_scanpy._llm import prompt
from gca_scanpy._llm.cache import AnswerCache, key_of
from gca_scanpy._llm.language_model import ChatModel
from gca_scanpy._llm.prompt import Message
from gca_scanpy._steps import Verdict
from gca_scanpy.model.notebook import html_table

if TYPE_CHECKING:
    from gca_scanpy._scoring.case import Case


@frozen
class Question:
    """What is the same for every cluster; with the cluster and the model, it determines the answer."""

    species: str
    context: Optional[str]
    database_sha256: str

    def messages(self, cases: Sequence[Case], problems: Optional[Mapping[str, str]] = None) -> tuple[Message, ...]:
        """The messages that ask about some clusters; ``problems`` says why an earlier reply could not be used."""
        return prompt.messages(cases, species=self.species, context=self.context, problems=problems)

    def key(self, case: Case, model: ChatModel) -> str:
        """The key of a model's answer about a cluster in the cache."""
        # The question about this cluster alone, because the other clusters in a request do not change the answer.
        (_, user) = self.messages([case])
        return key_of(
            {
                "prompt_version": prompt.PROMPT_VERSION,
                "system": prompt.SYSTEM,
                "user": user.content,
                "model": model.name,
                "database": self.database_sha256,
            }
        )


@frozen
class Round:
    """What one model is asked.

    Attributes
    ----------
    question
        What is the same for every cluster.
    verdicts
        Answers from the cache, by cluster id.
    keys
        Keys of the answers in the cache, by cluster id.
    chunks
        Clusters without an answer in the cache, one chunk for each request.
    """

    model: ChatModel
    question: Question
    verdicts: Mapping[str, Verdict]
    keys: Mapping[str, str]
    chunks: tuple[tuple[Case, ...], ...]


def prepare(
    cases: Sequence[Case],
    question: Question,
    model: ChatModel,
    cache: Optional[AnswerCache],
    chunk_size: int,
) -> Round:
    """The answers of a model that the cache has, and the chunks of clusters to ask it about."""
    keys = {} if cache is None else {case.cluster_id: question.key(case, model) for case in cases}
    verdicts = {} if cache is None else _kept(cases, keys, cache)
    unanswered = [c for c in cases if c.cluster_id not in verdicts]
    return Round(model, question, verdicts, keys, chunked(unanswered, chunk_size))


def _kept(cases: Sequence[Case], keys: Mapping[str, str], cache: AnswerCache) -> dict[str, Verdict]:
    """The answers in the cache, by cluster id."""
    found = {case.cluster_id: cache.get(keys[case.cluster_id], partial(_restore, case)) for case in cases}
    return {cluster_id: verdict for cluster_id, verdict in found.items() if verdict is not None}


def chunked(cases: Sequence[Case], size: int) -> tuple[tuple[Case, ...], ...]:
    """The clusters in groups of at most ``size``."""
    return tuple(tuple(cases[i : i + size]) for i in range(0, len(cases), size))


def _restore(case: Case, stored: Any) -> Optional[Verdict]:
    """A verdict from the cache; None if the file does not contain one for this cluster."""
    verdict = _codec.verdict_from_plain(stored)
    return verdict if verdict is not None and verdict.cluster_id == case.cluster_id else None


@frozen
class PlannedRequest:
    """A request that would be sent.

    Attributes
    ----------
    messages
        The exact messages.
    prompt_tokens
        Estimated number of tokens of the messages (characters / 4).
    """

    model: str
    cluster_ids: tuple[str, ...]
    messages: tuple[Message, ...]
    prompt_tokens: int


@frozen
class Plan:
    """What a run with language models would send; nothing was sent.

    Attributes
    ----------
    models
        Names of the models that would be asked.
    requests
        The requests if every reply is complete; a run asks once more about clusters that are missing from a reply.
    cache_hits
        Number of answers that the cache has.
    offline
        Ids of the clusters that no model is asked about.
    prompt_tokens
        Estimated number of tokens of the requests (characters / 4).
    completion_tokens
        Estimated upper bound of the tokens of the replies.
    """

    models: tuple[str, ...]
    requests: tuple[PlannedRequest, ...]
    cache_hits: int
    offline: tuple[str, ...]
    prompt_tokens: int
    completion_tokens: int

    @property
    def n_requests(self) -> int:
        """Number of requests."""
        return len(self.requests)

    def _repr_html_(self) -> str:
        rows = [(r.model, ", ".join(r.cluster_ids), r.prompt_tokens) for r in self.requests]
        return html_table(str(self), ("model", "clusters", "prompt_tokens"), rows)

    def __str__(self) -> str:
        return (
            f"{self.n_requests} requests to {', '.join(self.models) or 'no model'}, about {self.prompt_tokens} prompt "
            f"and at most {self.completion_tokens} completion tokens; {self.cache_hits} answers are in the cache, "
            f"{len(self.offline)} clusters are answered offline. Nothing was sent."
        )


def plan(rounds: Sequence[Round], offline: Sequence[str]) -> Plan:
    """The plan of a run."""
    requests = [_request(r, chunk) for r in rounds for chunk in r.chunks]
    return Plan(
        models=tuple(r.model.name for r in rounds),
        requests=tuple(requests),
        cache_hits=sum(len(r.verdicts) for r in rounds),
        offline=tuple(offline),
        prompt_tokens=sum(r.prompt_tokens for r in requests),
        completion_tokens=sum(prompt.REPLY_TOKENS * len(r.cluster_ids) for r in requests),
    )


def _request(r: Round, chunk: Sequence[Case]) -> PlannedRequest:
    messages = r.question.messages(chunk)
    ids = tuple(cluster.cluster_id for cluster in chunk)
    return PlannedRequest(r.model.name, ids, messages, prompt.prompt_tokens(messages))
