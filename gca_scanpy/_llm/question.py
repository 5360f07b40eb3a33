"""What is asked about the clusters, what of it is answered already, and in which requests the rest goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Optional

from attrs import frozen

from gca_scanpy import _codec
from gca_scanpy._core import prompt
from gca_scanpy._core.prompt import Message
from gca_scanpy._llm.cache import AnswerCache, key_of
from gca_scanpy._llm.chat import ChatModel
from gca_scanpy.model import Candidate, ClusterMarkers, Verdict


@frozen
class Question:
    """What is asked about every cluster, and everything beside the cluster and the model that decides the answer."""

    candidates: Mapping[str, Sequence[Candidate]]
    species: str
    context: Optional[str]
    database_sha256: str

    def messages(self, clusters: Sequence[ClusterMarkers]) -> tuple[Message, ...]:
        """The messages about some clusters."""
        return prompt.messages(clusters, self.candidates, species=self.species, context=self.context)

    def key(self, cluster: ClusterMarkers, model: ChatModel) -> str:
        """The name of a model's answer about a cluster in the cache."""
        # One cluster's own question decides its answer; which others shared the request does not.
        (_, user) = self.messages([cluster])
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
    verdicts
        Answers of the cache, by cluster id.
    keys
        Names of the answers in the cache, by cluster id.
    chunks
        Clusters without an answer, as they go into requests.
    """

    model: ChatModel
    verdicts: Mapping[str, Verdict]
    keys: Mapping[str, str]
    chunks: tuple[tuple[ClusterMarkers, ...], ...]


def prepare(
    clusters: Sequence[ClusterMarkers],
    question: Question,
    model: ChatModel,
    cache: Optional[AnswerCache],
    chunk_size: int,
) -> Round:
    """What of a question a model has answered before, and the requests for the rest."""
    keys = {c.cluster_id: question.key(c, model) for c in clusters} if cache else {}
    verdicts: dict[str, Verdict] = {}
    for cluster in clusters if cache else ():
        found = cache.get(keys[cluster.cluster_id], partial(_restore, cluster)) if cache else None
        if found is not None:
            verdicts[cluster.cluster_id] = found
    left = [c for c in clusters if c.cluster_id not in verdicts]
    return Round(model, verdicts, keys, chunked(left, chunk_size))


def chunked(clusters: Sequence[ClusterMarkers], size: int) -> tuple[tuple[ClusterMarkers, ...], ...]:
    """The clusters in groups of at most ``size``."""
    return tuple(tuple(clusters[i : i + size]) for i in range(0, len(clusters), size))


def _restore(cluster: ClusterMarkers, stored: Any) -> Optional[Verdict]:
    """A verdict from the cache; a file that does not hold this cluster's is passed over."""
    verdict = _codec.verdict_from_plain(stored)
    return verdict if verdict is not None and verdict.cluster_id == cluster.cluster_id else None
