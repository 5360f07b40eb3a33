"""The candidate whose score counts as a label's own, because a label without a score must not pass."""

from __future__ import annotations

from typing import Optional

from gca_scanpy._judging.evidence import family
from gca_scanpy._scoring.case import Case
from gca_scanpy._scoring.malignancy import names_a_disease
from gca_scanpy._scoring.offline import beyond_chance, confidence
from gca_scanpy._scoring.states import is_generic
from gca_scanpy.model import Candidate


def own_candidate(term: Optional[str], label: str, case: Case) -> Optional[Candidate]:
    """The candidate that speaks for a label; None if the cluster's genes give the label no score.

    That is the best candidate of all if it is the label or a subtype of it; else the label's own type; else a subtype
    beyond chance, unless negative markers deny the label; else, if the database does not describe the label, the best
    ancestor within the same broad type. For a label that names the disease, not the type, it is the best candidate of
    all if genes raise the suspicion of malignancy.
    """
    if not case.candidates:
        return None
    key, index, best = term or label, case.index, case.candidates[0]
    if names_a_disease(term, index.lineages) and case.malignant_genes:
        return best if best.score > 0 else None
    above = index.lineages.ontology.ancestors(key)
    relatives = frozenset(family(term, label, index))
    below = relatives.difference(above)
    if _key(best) in below and _has_evidence(best, case):
        return best
    own = next((candidate for candidate in case.candidates if _key(candidate) == key), None)
    if own is not None and (own.score < 0 or (_has_evidence(own, case) and confidence(own, case) > 0)):
        return own if own.score > 0 else None
    if key not in index.types:
        below = relatives
    others = (candidate for candidate in case.candidates if _key(candidate) in below)
    return next((c for c in others if _has_evidence(c, case) and (_key(c) in above or beyond_chance(c, case))), None)


def _key(candidate: Candidate) -> str:
    return candidate.ontology_id or candidate.label


def _has_evidence(candidate: Candidate, case: Case) -> bool:
    """Whether a type has a positive score, and not only from genes of a state, which cells of all types can express."""
    key, hits, bound = _key(candidate), case.index.hits, case.weights.states.bound
    return candidate.score > 0 and any(
        key in hits.get(gene.symbol, {}) and gene.symbol not in bound and not is_generic(gene.symbol)
        for gene in case.weights.ranked
    )
