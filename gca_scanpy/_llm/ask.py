"""Puts the clusters to a language model in chunks, and keeps what came back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from functools import partial
from typing import Any, Optional

from attrs import field, frozen

from gca_scanpy import _codec
from gca_scanpy._core import prompt, reply
from gca_scanpy._errors import ModelError, ReplyError
from gca_scanpy._llm.cache import AnswerCache, key_of
from gca_scanpy._llm.chat import ChatModel
from gca_scanpy.model import Candidate, ClusterMarkers, Verdict


@frozen
class Question:
    """What is asked about every cluster, and everything beside the cluster that decides the answer."""

    species: str
    context: Optional[str]
    model: ChatModel
    database_sha256: str


@frozen
class Answers:
    """Verdicts by cluster id, why the others have none, and what it cost."""

    verdicts: Mapping[str, Verdict]
    failures: Mapping[str, str]
    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    invented: tuple[str, ...] = field(default=())


def ask(
    clusters: Sequence[ClusterMarkers],
    candidates: Mapping[str, Sequence[Candidate]],
    question: Question,
    *,
    cache: Optional[AnswerCache],
    chunk_size: int,
    n_threads: int,
) -> Answers:
    """Verdicts of a language model. A cluster that cannot be answered is a failure with its reason, never a guess."""
    keys = {c.cluster_id: _key(c, candidates[c.cluster_id], question) for c in clusters}
    verdicts: dict[str, Verdict] = {}
    for cluster in clusters:
        found = cache.get(keys[cluster.cluster_id], partial(_restore, cluster)) if cache else None
        if found is not None:
            verdicts[cluster.cluster_id] = found
    open_clusters = [c for c in clusters if c.cluster_id not in verdicts]
    chunks = [open_clusters[i : i + chunk_size] for i in range(0, len(open_clusters), chunk_size)]

    parts: list[Answers] = []
    with ThreadPoolExecutor(max_workers=max(1, min(n_threads, len(chunks) or 1))) as pool:
        futures = [pool.submit(_ask_chunk, chunk, candidates, question) for chunk in chunks]
        for future in as_completed(futures):
            if future.exception() is not None:
                continue
            parts.append(future.result())
            # Kept at once, and by this thread, whose warnings point at the user's line.
            for cluster_id, verdict in parts[-1].verdicts.items():
                if cache:
                    cache.put(keys[cluster_id], _codec.verdict_to_plain(verdict))
    for future in futures:
        future.result()  # what was no outage of the model is the user's to see, once the answers are kept
    failures: dict[str, str] = {}
    for part in parts:
        verdicts.update(part.verdicts)
        failures.update(part.failures)
    return Answers(
        verdicts,
        failures,
        requests=sum(p.requests for p in parts),
        prompt_tokens=sum(p.prompt_tokens for p in parts),
        completion_tokens=sum(p.completion_tokens for p in parts),
        invented=tuple(sorted(i for p in parts for i in p.invented)),
    )


def _ask_chunk(
    chunk: Sequence[ClusterMarkers], candidates: Mapping[str, Sequence[Candidate]], question: Question
) -> Answers:
    messages = prompt.messages(chunk, candidates, species=question.species, context=question.context)
    try:
        completion = question.model.complete(messages, prompt.reply_schema([c.cluster_id for c in chunk]))
    except ModelError as error:
        return Answers({}, {c.cluster_id: str(error) for c in chunk}, requests=1)
    # A reply that cannot be read has its price too.
    cost: dict[str, Any] = {
        "requests": 1,
        "prompt_tokens": completion.prompt_tokens,
        "completion_tokens": completion.completion_tokens,
    }
    try:
        parsed = reply.parse(completion.text, chunk)
    except ReplyError as error:
        return Answers({}, {c.cluster_id: str(error) for c in chunk}, **cost)
    return Answers(
        {v.cluster_id: v for v in parsed.verdicts},
        dict.fromkeys(parsed.missing, "the reply does not answer this cluster exactly once"),
        invented=parsed.invented,
        **cost,
    )


def _key(cluster: ClusterMarkers, candidates: Sequence[Candidate], question: Question) -> str:
    # One cluster's own question decides its answer; which others shared the request does not.
    (_, user) = prompt.messages(
        [cluster], {cluster.cluster_id: candidates}, species=question.species, context=question.context
    )
    return key_of(
        {
            "prompt_version": prompt.PROMPT_VERSION,
            "system": prompt.SYSTEM,
            "user": user.content,
            "model": question.model.name,
            "database": question.database_sha256,
        }
    )


def _restore(cluster: ClusterMarkers, stored: Any) -> Optional[Verdict]:
    """A verdict from the cache; a file that does not hold this cluster's is passed over."""
    verdict = _codec.verdict_from_plain(stored)
    return verdict if verdict is not None and verdict.cluster_id == cluster.cluster_id else None
