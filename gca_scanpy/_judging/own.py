"""The candidate whose score counts as a label's own, because a label without a score must not pass."""

from __future__ import annotations

from typing import Optional

from gca_scanpy._judging.evidence import family
from gca_scanpy._scoring.case import Case
from gca_scanpy._scoring.offline import beyond_chance, confidence
from gca_scanpy._scoring.states import is_generic
from gca_scanpy.model import Candidate

MIN_LACKED = 4  # fewer markers may be missing by chance


def own_candidate(term: Optional[str], label: str, case: Case) -> Optional[Candidate]:
    """The candidate that speaks for a label; None if the cluster's genes give the label no score.

    That is the best candidate of all if it is the label or a subtype of it; else the label's own type; else a subtype
    beyond chance, unless negative markers deny the label; else, if the database does not describe the label, the best
    ancestor within the same broad type.
    """
    if not case.candidates:
        return None
    key, index, best = term or label, case.index, case.candidates[0]
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


def denied_by(own: Candidate, case: Case) -> tuple[str, ...]:
    """The canonical markers of a type that mark the fewest other types, if the cells lack all of this half; else empty.

    What is left then, such as the HLA genes of a B cell, is of many types. Markers that were not measured, or that no
    cluster has, are not used.
    """
    key, markers, hits = _key(own), case.markers, case.index.hits
    expressed = {gene.symbol for gene in (*markers.genes, *markers.expressed, *markers.present)}
    absent = {gene.symbol for gene in markers.absent} - expressed
    canonical = [gene for gene in case.index.types[key].canonical if gene in expressed or gene in absent]
    better = sorted(canonical, key=lambda gene: (len(hits[gene]), gene))[: (len(canonical) + 1) // 2]
    return () if len(better) < MIN_LACKED or not absent.issuperset(better) else tuple(better)


def _key(candidate: Candidate) -> str:
    return candidate.ontology_id or candidate.label


def _has_evidence(candidate: Candidate, case: Case) -> bool:
    """Whether a type has a positive score, and not only from genes of a state, which cells of all types can express."""
    key, hits = _key(candidate), case.index.hits
    return candidate.score > 0 and any(
        key in hits.get(gene.symbol, {}) and not is_generic(gene.symbol) for gene in case.weights.ranked
    )
