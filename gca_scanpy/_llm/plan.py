"""What a run would send, without sending it."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

from gca_scanpy._core import prompt
from gca_scanpy._core.prompt import Message
from gca_scanpy._llm.question import Question, Round
from gca_scanpy.model import ClusterMarkers


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
    """What ``dry_run=True`` returns; nothing was sent.

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


def plan(rounds: Sequence[Round], question: Question, offline: Sequence[str]) -> Plan:
    """The plan of a run."""
    requests = [_request(r, chunk, question) for r in rounds for chunk in r.chunks]
    return Plan(
        models=tuple(r.model.name for r in rounds),
        requests=tuple(requests),
        cache_hits=sum(len(r.verdicts) for r in rounds),
        offline=tuple(offline),
        prompt_tokens=sum(r.prompt_tokens for r in requests),
        completion_tokens=sum(prompt.REPLY_TOKENS * len(r.cluster_ids) for r in requests),
    )


def _request(r: Round, chunk: Sequence[ClusterMarkers], question: Question) -> PlannedRequest:
    messages = question.messages(chunk)
    ids = tuple(cluster.cluster_id for cluster in chunk)
    return PlannedRequest(r.model.name, ids, messages, prompt.prompt_tokens(messages))
