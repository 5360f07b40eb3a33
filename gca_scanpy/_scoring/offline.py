"""The offline scorer's decision about a case: the best justified term, with a calibrated confidence."""

from __future__ import annotations

from gca_scanpy._scoring import likelihood
from gca_scanpy._scoring.case import Case
from gca_scanpy.model import Candidate, Verdict

MIN_CONFIDENCE = likelihood.MIN_CONFIDENCE


def propose(case: Case) -> Verdict:
    """The scorer's verdict."""
    return likelihood.propose(case.markers, case.candidates, case.index)


def confidence(candidate: Candidate, case: Case) -> float:
    """Probability that the lineage of a candidate is right, 0 to 1."""
    return likelihood.confidence(candidate, case.candidates, case.markers, case.index)


def beyond_chance(candidate: Candidate, case: Case) -> bool:
    """Whether random genes would rarely reach this score."""
    return likelihood.beyond_chance(candidate, case.markers, case.index)
