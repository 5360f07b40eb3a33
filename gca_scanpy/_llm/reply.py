"""From the reply of a language model to verdicts, or to an error that names the place in the reply."""

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

MAX_CHARACTERS = 2_000_000  # of a reply
MAX_LABEL = 200  # characters
MAX_RATIONALE = 1000  # characters
MAX_STRUCK = 20  # genes
MAX_BRACES = 50  # positions after a preamble at which the JSON may begin
# Some servers remove the opening tag, and the closing one is missing if the reply was cut inside a thought.
_THOUGHT = re.compile(r"^.*</think>|<think>.*$", re.DOTALL | re.IGNORECASE)
_FENCE = re.compile(r"```(?:json)?\s*\n(.*?)```", re.DOTALL | re.IGNORECASE)
_UNKNOWN = re.compile(r"(?:unknown|novel|unassigned|not determined|unclear|none|n/a)\b|na$", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")  # HDF5 cannot store NUL


@frozen
class Reply:
    """The verdicts of a reply.

    Attributes
    ----------
    verdicts
        One for each requested cluster that the reply answers, in the order of the request.
    missing
        Why the other requested clusters have none, by id: left out, answered more than once, or not valid.
    invented
        Ids that the reply answers although they were not requested.
    """

    verdicts: tuple[Verdict, ...]
    missing: Mapping[str, str]
    invented: tuple[str, ...]


def parse(text: str, asked: Sequence[ClusterMarkers]) -> Reply:
    """The verdicts in a reply. Entries are matched by their exact id, never by position.

    Raises
    ------
    ReplyError
        If the reply contains no JSON of the requested form; the message names the place.
    """
    entries = _entries(_find_json(text))
    answers: dict[str, list[tuple[str, dict[str, Any]]]] = {}
    for number, entry in enumerate(entries):
        # Entries without a cluster_id are ignored.
        if isinstance(entry, dict) and isinstance(entry.get("cluster_id"), str):
            answers.setdefault(entry["cluster_id"], []).append((f"$.clusters[{number}]", entry))
    verdicts, missing = [], {}
    for cluster in asked:
        matches = [answer for key in _ids(cluster) for answer in answers.get(key, ())]
        # Two answers for one cluster count as none, because either of them may be the right one.
        if len(matches) != 1:
            missing[cluster.cluster_id] = f"the reply answers this cluster {len(matches)} times instead of once"
            continue
        try:
            verdicts.append(_verdict(*matches[0], cluster))
        except ReplyError as error:
            missing[cluster.cluster_id] = str(error)
    known = {key for cluster in asked for key in _ids(cluster)}
    return Reply(tuple(verdicts), missing, tuple(key for key in answers if key not in known))


def _ids(cluster: ClusterMarkers) -> set[str]:
    """The ids that a reply may use for a cluster: the full one, and the short one that the prompt may contain."""
    return {cluster.cluster_id, asked_id(cluster.cluster_id)}


def _find_json(text: str) -> Any:
    """The JSON object in a reply, preferably one with ``clusters``."""
    if not isinstance(text, str) or not text.strip():
        msg = "the reply is empty"
        raise ReplyError(msg)
    if len(text) > MAX_CHARACTERS:
        msg = f"the reply has {len(text)} characters, more than the {MAX_CHARACTERS} that are allowed"
        raise ReplyError(msg)
    bare = _THOUGHT.sub("", text).strip()
    first_object = None
    for value in _candidates(text, bare):
        if isinstance(value, dict) and "clusters" in value:
            return value
        first_object = value if first_object is None and isinstance(value, dict) else first_object
    if first_object is not None:
        return first_object
    msg = f"the reply contains no complete JSON object; it begins with {bare[:60]!r}"
    raise ReplyError(msg)


def _candidates(text: str, bare: str) -> Iterator[Any]:
    """Possible JSON values of a reply: the whole text, the content of a code fence, and the text from each brace."""
    yield _decoded(text.strip(), whole=True)
    fenced = _FENCE.search(bare)
    yield _decoded(fenced[1].strip() if fenced else "")
    for number, brace in enumerate(re.finditer(r"\{", bare)):
        if number == MAX_BRACES:
            return
        value = _decoded(bare[brace.start() :])
        # After the first brace, an object may be an inner part of a reply that was cut off.
        yield value if number == 0 or (isinstance(value, dict) and "clusters" in value) else None


def _decoded(text: str, *, whole: bool = False) -> Any:
    try:
        decoder = json.JSONDecoder(object_pairs_hook=_unique_keys)
        value = decoder.decode(text) if whole else decoder.raw_decode(text)[0]
        # Replace lone surrogates, which no file can store.
        return json.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object; raises if a key occurs twice, because its value would be ambiguous."""
    value = dict(pairs)
    if len(value) < len(pairs):
        msg = "a key occurs twice"
        raise ValueError(msg)
    return value


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
    genes = (*cluster.present, *cluster.expressed, *cluster.genes)
    names = {form.upper(): gene.name for gene in genes for form in (gene.name, gene.symbol) if form}
    struck = [gene for gene in named if gene.upper() not in names]
    caveats = _strings(entry.get("caveats"))
    if struck:
        caveats += (
            f"{len(struck)} of the named genes are not genes of the cluster and were removed: {', '.join(struck[:5])}",
        )
    ontology_id = entry.get("ontology_id")
    return Verdict(
        cluster_id=cluster.cluster_id,
        label=UNKNOWN_LABEL if unknown else " ".join(label.split()),
        ontology_id=_term_id(ontology_id) if isinstance(ontology_id, str) and not unknown else None,
        # Some models answer in percent.
        confidence_score=round(float(confidence if confidence <= 1 else confidence / 100), 4),
        source="model",
        rationale=str(entry.get("rationale") or "")[:MAX_RATIONALE],
        alternatives=tuple(Alternative(a, "named by the model") for a in _strings(entry.get("alternatives"))),
        caveats=caveats,
        markers=tuple(dict.fromkeys(names[g.upper()] for g in named if g.upper() in names)),
        struck=tuple(dict.fromkeys(struck))[:MAX_STRUCK],
    )


def _term_id(text: str) -> Optional[str]:
    return text.strip().upper().replace("_", ":") or None


def _strings(value: Any) -> tuple[str, ...]:
    return (
        tuple(str(item)[:MAX_LABEL] for item in value if isinstance(item, str) and item)
        if isinstance(value, list)
        else ()
    )
