"""The offline scorer: from the candidates of a case to the best justified term, with its confidence.

If the genes cannot separate the leading types, the answer is their common ancestor.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from gca_scanpy._keys import UNKNOWN_LABEL
from gca_scanpy._scoring import numbers
from gca_scanpy._scoring.case import Case
from gca_scanpy._scoring.index import MarkerIndex
from gca_scanpy._steps import Verdict
from gca_scanpy.model import Alternative, Candidate

SHOWN_ALTERNATIVES, SHOWN_GENES, SHOWN_GENES_OF_ALTERNATIVE = 3, 5, 3


def propose(case: Case) -> Verdict:
    """The scorer's verdict: the best justified term, or Unknown if no gene marks a type."""
    candidates, state = case.candidates, case.weights.states.note
    if not candidates or candidates[0].score <= 0:
        return Verdict(
            case.cluster_id,
            UNKNOWN_LABEL,
            None,
            0.0,
            "offline",
            f"No cell type: {state}." if state else "No gene of this cluster marks a cell type of the database.",
        )
    chosen = choose(candidates, case.index)
    genes = [e.gene for e in chosen.supporting]
    return Verdict(
        cluster_id=case.cluster_id,
        label=chosen.label,
        ontology_id=chosen.ontology_id,
        confidence_score=confidence(candidates[0], case),
        source="offline",
        rationale=f"{len(genes)} marker genes are known for {chosen.label}: {', '.join(genes[:SHOWN_GENES])}.",
        alternatives=_alternatives(candidates, chosen),
        markers=tuple(genes),
    )


def _alternatives(candidates: Sequence[Candidate], chosen: Candidate) -> tuple[Alternative, ...]:
    others = [c for c in candidates[: SHOWN_ALTERNATIVES + 1] if c is not chosen]
    return tuple(Alternative(c.label, _share_and_genes(c), c.ontology_id) for c in others[:SHOWN_ALTERNATIVES])


def _share_and_genes(candidate: Candidate) -> str:
    genes = ", ".join(e.gene for e in candidate.supporting[:SHOWN_GENES_OF_ALTERNATIVE])
    return f"{candidate.probability:.0%} of the evidence, from {genes}"


def choose(candidates: Sequence[Candidate], index: MarkerIndex) -> Candidate:
    """The best candidate if it or its subtypes have most of the evidence, else the nearest ancestor that does."""
    used, best = numbers.NUMBERS, candidates[0]
    if best.probability >= used.min_own_share or best.ontology_id is None:
        return best
    by_id = {c.ontology_id: c for c in candidates if c.ontology_id is not None}
    shares: dict[str, float] = {}  # of each term with its subtypes
    for term, candidate in by_id.items():
        # Two lineages that exclude each other are a mixture, which their common ancestor does not describe.
        if candidate.probability < used.negligible_share or index.lineages.disjoint(best.ontology_id, term):
            continue
        for key in (term, *index.ancestors(term)):
            shares[key] = shares.get(key, 0.0) + candidate.probability
    for key in (best.ontology_id, *index.ancestors(best.ontology_id)):
        if shares.get(key, 0.0) >= used.min_family_share and key in by_id and by_id[key].score > 0:
            return by_id[key]
    return best


def features(candidate: Candidate, case: Case) -> tuple[float, float, float, float]:
    """The features of the confidence for a candidate with a positive score; the first, 1, is the intercept's.

    The others are the log of its score; the log of the weight of all recognized genes, because more genes reach a
    score by chance; and the score of the best candidate of a disjoint lineage relative to its own, 0 to 1.
    """
    excludes = case.index.lineages.disjoint
    disjoint = (c.score for c in case.candidates if excludes(candidate.ontology_id, c.ontology_id))
    rival = min(max(next(disjoint, 0.0) / candidate.score, 0.0), 1.0)
    return 1.0, math.log(candidate.score), math.log(max(case.recognized, numbers.NUMBERS.min_recognized)), rival


def confidence(candidate: Candidate, case: Case) -> float:
    """Probability that the lineage of a candidate is right, 0 to 1."""
    if candidate.score <= 0:
        return 0.0
    return round(_logistic(numbers.NUMBERS.confidence, features(candidate, case)), 4)


def beyond_chance(candidate: Candidate, case: Case) -> bool:
    """Whether random genes would rarely reach this score, whatever else the cluster may be."""
    if candidate.score <= 0:
        return False
    used = numbers.NUMBERS
    return _logistic(used.beyond_chance, features(candidate, case)) >= used.min_confidence


def _logistic(slopes: Sequence[float], values: Sequence[float]) -> float:
    """The logistic function of a weighted sum. Not SciPy's expit: its import takes a tenth of an offline call."""
    return 1.0 / (1.0 + math.exp(-sum(slope * value for slope, value in zip(slopes, values))))
