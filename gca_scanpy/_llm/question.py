"""What is asked about the clusters, what of it is answered already, and in which requests the rest goes."""

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

if TYPE_CHECKING:
    from gca_scanpy._scoring.case import Case


@frozen
class Question:
    """What is asked about every cluster, and everything beside the cluster and the model that decides the answer."""

    species: str
    context: Optional[str]
    database_sha256: str

    def messages(self, cases: Sequence[Case]) -> tuple[Message, ...]:
        """The messages about some clusters."""
        return prompt.messages(cases, species=self.species, context=self.context)

    def key(self, case: Case, model: ChatModel) -> str:
        """The name of a model's answer about a cluster in the cache."""
        # One cluster's own question decides its answer; which others shared the request does not.
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
    """What one model is to answer.

    Attributes
    ----------
    question
        What is asked about each cluster.
    verdicts
        Answers of the cache, by cluster id.
    keys
        Names of the answers in the cache, by cluster id.
    chunks
        Clusters without an answer, as they go into requests.
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
    """What of a question a model has answered before, and the requests for the rest."""
    keys = {c.cluster_id: question.key(c, model) for c in cases} if cache else {}
    verdicts: dict[str, Verdict] = {}
    for case in cases if cache else ():
        found = cache.get(keys[case.cluster_id], partial(_restore, case)) if cache else None
        if found is not None:
            verdicts[case.cluster_id] = found
    left = [c for c in cases if c.cluster_id not in verdicts]
    return Round(model, question, verdicts, keys, chunked(left, chunk_size))


def chunked(cases: Sequence[Case], size: int) -> tuple[tuple[Case, ...], ...]:
    """The clusters in groups of at most ``size``."""
    return tuple(tuple(cases[i : i + size]) for i in range(0, len(cases), size))


def _restore(case: Case, stored: Any) -> Optional[Verdict]:
    """A verdict from the cache; a file that does not hold this cluster's is passed over."""
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
        About how many tokens they have (characters / 4).
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
        The models that would be asked.
    requests
        The requests, where every reply is complete: a cluster that is missing from one is asked once more.
    cache_hits
        Answers that are in the cache already.
    offline
        Ids of the clusters that no model is asked about.
    prompt_tokens, completion_tokens
        About how many tokens the requests have, and their replies at most (characters / 4).
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
