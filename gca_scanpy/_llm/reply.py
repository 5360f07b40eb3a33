"""The text that a language model replied with to verdicts, or an error that names the place."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Optional

from attrs import frozen

from gca_scanpy._keys import UNKNOWN_LABEL
from gca_scanpy._llm.prompt import asked_id
from gca_scanpy._steps import ClusterMarkers, Verdict
from gca_scanpy.errors import ReplyError
from gca_scanpy.model import Alternative

MAX_CHARACTERS = 2_000_000
MAX_LABEL = 200
MAX_STRUCK = 20
MAX_BRACES = 50  # places after a preamble at which the JSON is looked for
# Some servers cut off the opening tag, and a thought may be all that there was room for.
_THOUGHT = re.compile(r"^.*</think>|<think>.*$", re.DOTALL | re.IGNORECASE)
_FENCE = re.compile(r"```(?:json)?\s*\n(.*?)```", re.DOTALL | re.IGNORECASE)
_UNKNOWN = re.compile(r"(?:unknown|novel|unassigned|not determined|unclear|none|n/a)\b|na$", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")  # HDF5 cannot hold a NUL


@frozen
class Reply:
    """The verdicts of a reply.

    Attributes
    ----------
    verdicts
        One for each asked cluster that the reply answers, in the order in which they were asked.
    missing
        Why the other asked clusters have none, by id: left out, answered more than once, or not readable.
    invented
        Ids that the reply answers though nobody asked.
    """

    verdicts: tuple[Verdict, ...]
    missing: Mapping[str, str]
    invented: tuple[str, ...]


def parse(text: str, asked: Sequence[ClusterMarkers]) -> Reply:
    """The verdicts in a reply. Ids are matched exactly, never by position.

    Raises
    ------
    ReplyError
        Where there is no JSON of the agreed form; the message names the place.
    """
    entries = _entries(_json(text))
    answers: dict[str, list[tuple[str, dict[str, Any]]]] = {}
    for number, entry in enumerate(entries):
        # An entry that says not whose it is, is nobody's.
        if isinstance(entry, dict) and isinstance(entry.get("cluster_id"), str):
            answers.setdefault(entry["cluster_id"], []).append((f"$.clusters[{number}]", entry))
    verdicts, missing = [], {}
    for cluster in asked:
        found = [answer for key in _own_ids(cluster) for answer in answers.get(key, ())]
        # A cluster with two answers has none: which of them was meant cannot be known.
        if len(found) != 1:
            missing[cluster.cluster_id] = f"the reply answers this cluster {len(found) or 'no'} times, not once"
            continue
        try:
            verdicts.append(_verdict(*found[0], cluster))
        except ReplyError as error:
            missing[cluster.cluster_id] = str(error)
    known = {key for cluster in asked for key in _own_ids(cluster)}
    return Reply(tuple(verdicts), missing, tuple(key for key in answers if key not in known))


def _own_ids(cluster: ClusterMarkers) -> set[str]:
    """The ids that name a cluster and no other: its own, and the short one that it may have been asked under."""
    return {cluster.cluster_id, asked_id(cluster.cluster_id)}


def _json(text: str) -> Any:
    if not isinstance(text, str) or not text.strip():
        msg = "the reply is empty"
        raise ReplyError(msg)
    if len(text) > MAX_CHARACTERS:
        msg = f"the reply has {len(text)} characters, more than the {MAX_CHARACTERS} that are read"
        raise ReplyError(msg)
    bare = _THOUGHT.sub("", text).strip()
    other = None
    for attempt in _attempts(text, bare):
        if isinstance(attempt, dict) and "clusters" in attempt:
            return attempt
        other = attempt if other is None and isinstance(attempt, dict) else other
    if other is not None:
        return other
    msg = f"the reply holds no complete JSON object; it begins with {bare[:60]!r}"
    raise ReplyError(msg)


def _attempts(text: str, bare: str) -> Iterator[Any]:
    """What JSON the reply may mean: all of it, what a fence holds, or what begins at a brace."""
    yield _decoded(text.strip(), whole=True)
    fenced = _FENCE.search(bare)
    yield _decoded(fenced[1].strip() if fenced else "")
    for number, brace in enumerate(re.finditer(r"\{", bare)):
        if number == MAX_BRACES:
            return
        value = _decoded(bare[brace.start() :])
        # An inner object of a reply that was cut is not the reply.
        yield value if number == 0 or (isinstance(value, dict) and "clusters" in value) else None


def _decoded(text: str, *, whole: bool = False) -> Any:
    try:
        decoder = json.JSONDecoder(object_pairs_hook=_once)
        value = decoder.decode(text) if whole else decoder.raw_decode(text)[0]
        # Lone surrogates can be written to no file.
        return json.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; one that states a key twice has two meanings, so it is none."""
    found = dict(pairs)
    if len(found) < len(pairs):
        msg = "a key is there twice"
        raise ValueError(msg)
    return found


def _entries(value: Any) -> list[Any]:
    entries = value.get("clusters")
    if not isinstance(entries, list):
        msg = f"$.clusters of the reply is {type(entries).__name__}, not a list"
        raise ReplyError(msg)
    return entries


def _verdict(path: str, entry: Mapping[str, Any], cluster: ClusterMarkers) -> Verdict:
    label = entry.get("label")
    label = _CONTROL.sub(" ", label).strip() if isinstance(label, str) else ""
    if not 0 < len(label) <= MAX_LABEL:
        msg = f"{path}.label of the reply is not a text of 1 to {MAX_LABEL} characters"
        raise ReplyError(msg)
    confidence = entry.get("confidence")
    if isinstance(confidence, bool) or not isinstance(confidence, (int, float)) or not 0 <= confidence <= 100:
        msg = f"{path}.confidence of the reply is not a number from 0 to 1"
        raise ReplyError(msg)
    unknown = _UNKNOWN.match(label) is not None
    named = _strings(entry.get("supporting_genes"))
    there = (*cluster.present, *cluster.expressed, *cluster.genes)
    own = {form.upper(): gene.name for gene in there for form in (gene.name, gene.symbol) if form}
    struck = [gene for gene in named if gene.upper() not in own]
    caveats = _strings(entry.get("caveats"))
    if struck:
        caveats += (
            f"{len(struck)} named genes are not among the cluster's and were struck out: {', '.join(struck[:5])}",
        )
    ontology_id = entry.get("ontology_id")
    return Verdict(
        cluster_id=cluster.cluster_id,
        label=UNKNOWN_LABEL if unknown else " ".join(label.split()),
        ontology_id=_id(ontology_id) if isinstance(ontology_id, str) and not unknown else None,
        # Some answer in per cent.
        confidence_score=round(float(confidence if confidence <= 1 else confidence / 100), 4),
        source="model",
        rationale=str(entry.get("rationale") or "")[:1000],
        alternatives=tuple(Alternative(a, "named by the model") for a in _strings(entry.get("alternatives"))),
        caveats=caveats,
        markers=tuple(dict.fromkeys(own[g.upper()] for g in named if g.upper() in own)),
        struck=tuple(dict.fromkeys(struck))[:MAX_STRUCK],
    )


def _id(text: str) -> Optional[str]:
    return text.strip().upper().replace("_", ":") or None


def _strings(value: Any) -> tuple[str, ...]:
    return (
        tuple(str(item)[:MAX_LABEL] for item in value if isinstance(item, str) and item)
        if isinstance(value, list)
        else ()
    )
