"""One verdict from the answers of several language models."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Optional

from attrs import evolve

from gca_scanpy._keys import UNKNOWN_LABEL
from gca_scanpy._names.labels import term_of
from gca_scanpy._names.ontology import Ontology, normalize_name
from gca_scanpy._scoring import numbers
from gca_scanpy._steps import Verdict
from gca_scanpy.model import Alternative, ModelAnswer, Panel


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
        answers=tuple(_answer(name, answers.get(name), ontology) for name in models),
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


def _answer(name: str, verdict: Optional[Verdict], ontology: Ontology) -> ModelAnswer:
    if verdict is None:
        return ModelAnswer(name, "", None, 0.0)
    return ModelAnswer(name, verdict.label, ontology.resolve(verdict.label), verdict.confidence_score)
