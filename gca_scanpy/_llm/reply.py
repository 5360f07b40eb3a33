"""From the reply of a language model to verdicts, or to an error that names the place in it; and a vote of several."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Optional

from attrs import evolve, frozen

from gca_scanpy._keys import UNKNOWN_LABEL
from gca_scanpy._llm.entries import PLACEHOLDER, Entry, other_label, read_entries
from gca_scanpy._names.labels import term_of
from gca_scanpy._names.ontology import Ontology, normalize_name
from gca_scanpy._scoring import numbers
from gca_scanpy._secrets import UNSEEN
from gca_scanpy._steps import ClusterMarkers, Verdict
from gca_scanpy.errors import ReplyError
from gca_scanpy.model import Alternative, ModelAnswer, Panel

MAX_LABEL = 200  # characters
MAX_RATIONALE = 1000  # characters
MAX_STRUCK = 20  # genes
NO_CONFIDENCE = "the model gave no confidence"
_UNKNOWN = re.compile(
    r"(?:unknown|novel|unassigned|undetermined|indeterminate|unidentified|unclear|none|n/a|not determined"
    r"|cannot|unable|insufficient)\b|(?:na|nan|null|undefined)$",
    re.IGNORECASE,
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")  # HDF5 cannot store NUL
_UNSEEN = re.compile(f"[{UNSEEN}]")
_TURNED = re.compile("[\u202d\u202e]")
_MARKDOWN = re.compile(r"([*_`\"']{1,3})(?=\S)(.+)(?<=\S)\1")
_CONFIDENCE = re.compile(r"([0-9]*[.,]?[0-9]+)\s*(%?)")


@frozen
class Reply:
    """The verdicts of a reply.

    Attributes
    ----------
    verdicts
        One for each requested cluster that the reply answers, in the order of the request.
    missing
        Why the other requested clusters have none, by id: left out, answered differently, or not valid.
    invented
        Ids that the reply answers although they were not requested.
    """

    verdicts: tuple[Verdict, ...]
    missing: Mapping[str, str]
    invented: tuple[str, ...]


def parse(text: str, asked: Sequence[ClusterMarkers]) -> Reply:
    """The verdicts in a reply; :func:`~gca_scanpy._llm.entries.read_entries` has the rules.

    Raises
    ------
    ReplyError
        If the reply contains no answer, several, or one that is cut off or damaged; the message names the place.
    """
    answers, invented = read_entries(text, [cluster.cluster_id for cluster in asked])
    verdicts, missing = [], {}
    for cluster in asked:
        entries = answers[cluster.cluster_id]
        if len(entries) != 1:
            missing[cluster.cluster_id] = f"the reply answers this cluster {len(entries)} times instead of once"
            continue
        try:
            verdicts.append(_verdict(entries[0], cluster))
        except ReplyError as error:
            missing[cluster.cluster_id] = str(error)
    return Reply(tuple(verdicts), missing, invented)


def _verdict(entry: Entry, cluster: ClusterMarkers) -> Verdict:
    fields = entry.fields
    label = _label(fields.get("label"), entry.place)
    revision = other_label(entry)
    if revision:
        msg = f"{entry.place} of the reply has the label {label!r}, and {entry.place}.{revision} has another"
        raise ReplyError(msg)
    confidence = _confidence(fields.get("confidence"), entry.place)
    unknown = _UNKNOWN.match(label) is not None
    named = _strings(fields.get("supporting_genes"))
    genes = (*cluster.present, *cluster.expressed, *cluster.genes)
    names = {form.upper(): gene.name for gene in genes for form in (gene.name, gene.symbol) if form}
    struck = [gene for gene in named if gene.upper() not in names]
    caveats = _strings(fields.get("caveats")) + ((NO_CONFIDENCE,) if confidence is None else ())
    if struck:
        caveats += (
            f"{len(struck)} of the named genes are not genes of the cluster and were removed: {', '.join(struck[:5])}",
        )
    ontology_id, rationale = fields.get("ontology_id"), fields.get("rationale")
    return Verdict(
        cluster_id=cluster.cluster_id,
        label=UNKNOWN_LABEL if unknown else label,
        ontology_id=_term_id(ontology_id) if isinstance(ontology_id, str) and not unknown else None,
        confidence_score=confidence or 0.0,
        source="model",
        rationale=_UNSEEN.sub("", rationale)[:MAX_RATIONALE] if isinstance(rationale, str) else "",
        alternatives=tuple(Alternative(a, "named by the model") for a in _strings(fields.get("alternatives"))),
        caveats=caveats,
        markers=tuple(dict.fromkeys(names[g.upper()] for g in named if g.upper() in names)),
        struck=tuple(dict.fromkeys(struck))[:MAX_STRUCK],
    )


def _label(value: Any, place: str) -> str:
    """The label without marks of Markdown around it. One that is written from right to left cannot be read."""
    if isinstance(value, str) and _TURNED.search(value):
        msg = f"{place}.label of the reply is {value[:MAX_LABEL]!r}, which turns the direction of its letters"
        raise ReplyError(msg)
    label = " ".join(_CONTROL.sub(" ", _UNSEEN.sub("", value)).split()) if isinstance(value, str) else ""
    marked = _MARKDOWN.fullmatch(label)
    label = marked[2] if marked else label
    if not 0 < len(label) <= MAX_LABEL:
        msg = f"{place}.label of the reply is not a text of 1 to {MAX_LABEL} characters"
        raise ReplyError(msg)
    if PLACEHOLDER.fullmatch(label):
        msg = f"{place}.label of the reply is {label!r}, which is no name"
        raise ReplyError(msg)
    return label


def _confidence(value: Any, place: str) -> Optional[float]:
    """A confidence from 0 to 1, or None if the reply does not give one.

    Some models answer in percent, or with the name of a level, which is read as the lowest confidence of that level.
    """
    if value is None or value == "" or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, str):
        levels = {"high": numbers.NUMBERS.high, "medium": numbers.NUMBERS.medium, "low": 0.0}
        word = value.strip().lower()
        match = _CONFIDENCE.fullmatch(word)
        number = float(match[1].replace(",", ".")) / (100 if match[2] else 1) if match else None
        value = levels.get(word[len("very ") :] if word.startswith("very ") else word, number)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 100:
        msg = f"{place}.confidence of the reply is not a number from 0 to 1"
        raise ReplyError(msg)
    return round(float(value if value <= 1 else value / 100), 4)


def _term_id(text: str) -> Optional[str]:
    return text.strip().upper().replace("_", ":") or None


def _strings(value: Any) -> tuple[str, ...]:
    """The texts of a list that are not empty."""
    texts = (
        [_UNSEEN.sub("", item)[:MAX_LABEL] for item in value if isinstance(item, str)]
        if isinstance(value, list)
        else []
    )
    return tuple(filter(None, texts))


def vote(models: Sequence[str], answers: Mapping[str, Verdict], ontology: Ontology) -> Optional[Verdict]:
    """The verdict that most models support; None if none of them answered.

    Parameters
    ----------
    models
        Names of the models that were asked, in the user's order: the earlier one decides a tie.
    answers
        The verdicts on one cluster, by model.
    """
    from scipy.stats import entropy  # takes longer to import than a marker table takes to label

    voters = [(name, answers[name]) for name in models if name in answers]
    if not voters:
        return None
    supports = [
        math.fsum(_agreement(verdict, other, ontology) for _, other in voters) / len(voters) for _, verdict in voters
    ]
    # Ties go to the higher confidence, then to the earlier model.
    best = max(range(len(voters)), key=lambda i: (round(supports[i], 9), voters[i][1].confidence_score, -i))
    chosen = voters[best][1]
    counts = Counter(_meaning(verdict, ontology) for _, verdict in voters)
    panel = Panel(
        answers=tuple(answer(name, answers.get(name), ontology) for name in models),
        agreement=round(supports[best], 4),
        entropy=round(float(entropy(list(counts.values()), base=2)), 4),
    )
    others = tuple(
        Alternative(verdict.label, f"answered by {name}", verdict.ontology_id)
        for name, verdict in voters
        if _meaning(verdict, ontology) != _meaning(chosen, ontology)
    )
    silent = tuple(f"{name} gave no answer" for name in models if name not in answers)
    return evolve(
        chosen,
        # The model's confidence is scaled by the agreement of the others.
        confidence_score=round(chosen.confidence_score * supports[best], 4),
        alternatives=(*others, *chosen.alternatives),
        caveats=(*chosen.caveats, *silent),
        panel=panel,
        asked_again=tuple(one for _, verdict in voters for one in verdict.asked_again),
    )


def _agreement(verdict: Verdict, other: Verdict, ontology: Ontology) -> float:
    first, second = _meaning(verdict, ontology), _meaning(other, ontology)
    if first == second:
        return 1.0
    both_terms = first in ontology and second in ontology
    return numbers.NUMBERS.related_support if both_terms and ontology.related(first, second) else 0.0


def _meaning(verdict: Verdict, ontology: Ontology) -> str:
    """The term that a label names, or the label itself if it names none."""
    if verdict.label == UNKNOWN_LABEL:
        return UNKNOWN_LABEL
    return term_of(verdict.label, verdict.ontology_id, ontology) or normalize_name(verdict.label)


def answer(name: str, verdict: Optional[Verdict], ontology: Ontology) -> ModelAnswer:
    """The answer of a model for the report; an empty one if it gave none."""
    if verdict is None:
        return ModelAnswer(name, "", None, 0.0)
    return ModelAnswer(name, verdict.label, ontology.resolve(verdict.label), verdict.confidence_score)
