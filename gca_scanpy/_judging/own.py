"""Whether the genes of a cluster speak for a label that a user or a language model gave."""

from __future__ import annotations

import math
from typing import Optional

from gca_scanpy._judging.evidence import family
from gca_scanpy._scoring import numbers
from gca_scanpy._scoring.case import Case
from gca_scanpy._scoring.malignancy import names_a_disease
from gca_scanpy._scoring.path import key_of
from gca_scanpy._scoring.states import is_generic
from gca_scanpy.model import Candidate


def own_candidate(term: Optional[str], label: str, case: Case) -> Optional[Candidate]:
    """The best candidate that speaks for a label: its own type or a subtype; None if the genes give it no score.

    Nothing speaks for a label that the negative markers of its own type deny. If the database does not describe the
    label, its best ancestor within the same broad type speaks for it. For a label that names the disease, not the type,
    it is the best candidate of all if genes raise the suspicion of malignancy.
    """
    key, index = term or label, case.index
    own = case.candidates.find(key)
    if own is not None and own.score < 0:
        return None
    if case.candidates and names_a_disease(term, index.lineages) and case.malignant_genes:
        return case.candidates[0] if case.candidates[0].score > 0 else None
    relatives = frozenset(family(term, label, index))
    above = index.lineages.ontology.ancestors(key) if key in index.types else {}
    places = (n for n, other in enumerate(case.candidates.keys) if other in relatives and other not in above)
    return next((c for c in map(case.candidates.__getitem__, places) if _has_evidence(c, case)), None)


def speaks_for(candidate: Candidate, term: Optional[str], case: Case) -> bool:
    """Whether a label's own candidate explains the genes well enough, compared with the best of all candidates."""
    values = given_features(candidate, term, case)
    return sum(slope * value for slope, value in zip(numbers.NUMBERS.given, values)) >= 0


def given_features(candidate: Candidate, term: Optional[str], case: Case) -> tuple[float, ...]:
    """What the probability that a given label is right is computed from."""
    offset = numbers.NUMBERS.given_offset
    scores = (math.log(max(c.score, 0.0) + offset) for c in (candidate, case.candidates[0]))
    return (1.0, *scores, float(is_kin_of_best(candidate, term, case)))


def is_kin_of_best(candidate: Candidate, term: Optional[str], case: Case) -> bool:
    """Whether a label's own candidate is the best one, or the label is a relative of that or of its broad type."""
    lineages, best = case.index.lineages, case.candidates[0]
    broad = lineages.broad(term)
    return candidate is best or (
        term is not None
        and best.ontology_id is not None
        and (
            lineages.ontology.related(term, best.ontology_id)
            or (broad is not None and broad == lineages.broad(best.ontology_id))
        )
    )


def denied_by(own: Candidate, case: Case) -> tuple[str, ...]:
    """The canonical markers of a type that mark the fewest other types, if the cells lack all of this half; else empty.

    What is left then, such as the HLA genes of a B cell, is of many types. Markers that were not measured, or that no
    cluster has, are not used.
    """
    key, markers, hits = key_of(own), case.markers, case.index.hits
    expressed = markers.expressed_symbols
    absent = {gene.symbol for gene in markers.absent} - expressed
    canonical = [gene for gene in case.index.types[key].canonical if gene in expressed or gene in absent]
    better = sorted(canonical, key=lambda gene: (len(hits[gene]), gene))[: (len(canonical) + 1) // 2]
    return () if len(better) < numbers.NUMBERS.min_lacked or not absent.issuperset(better) else tuple(better)


def _has_evidence(candidate: Candidate, case: Case) -> bool:
    """Whether a type has a positive score, and not only from genes of a state, which cells of all types can express."""
    key, hits, bound = key_of(candidate), case.index.hits, case.weights.states.bound
    return candidate.score > 0 and any(
        key in hits.get(gene.symbol, {}) and gene.symbol not in bound and not is_generic(gene.symbol)
        for gene in case.weights.ranked
    )
