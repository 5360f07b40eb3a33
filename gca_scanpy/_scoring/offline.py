"""The offline scorer: the deepest term that the evidence makes certain enough, and the finest guess below it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Optional

from gca_scanpy._keys import UNKNOWN_LABEL
from gca_scanpy._scoring.case import Case
from gca_scanpy._steps import Verdict
from gca_scanpy.model import Alternative, Candidate, Level

SHOWN_ALTERNATIVES, SHOWN_GENES, SHOWN_GENES_OF_ALTERNATIVE = 3, 5, 3


def propose(case: Case) -> Verdict:
    """The scorer's verdict: the deepest term that is certain enough, or Unknown if no gene marks a type."""
    candidates, state = case.candidates, case.weights.states.note
    found = certain_level(case)
    if found is None:
        return Verdict(
            case.cluster_id,
            UNKNOWN_LABEL,
            None,
            0.0,
            "offline",
            f"No cell type: {state}." if state else "No gene of this cluster marks a cell type of the database.",
        )
    level, path = found
    finest = path[-1]
    best = candidates.find(finest.ontology_id or finest.label) or candidates[0]
    genes = [e.gene for e in best.supporting]
    return Verdict(
        cluster_id=case.cluster_id,
        label=level.label,
        ontology_id=level.ontology_id,
        confidence_score=level.probability,
        source="offline",
        rationale=_rationale(level, finest, genes),
        alternatives=_alternatives(candidates, best),
        markers=tuple(genes),
        path=path,
    )


def certain_level(case: Case) -> Optional[tuple[Level, tuple[Level, ...]]]:
    """The deepest level that is certain enough, and the path through it; None if no gene marks a type."""
    is_marked = bool(case.candidates) and case.candidates.scores[0] > 0
    label = case.levels.deepest(case.limits.certainty) if is_marked else None
    if label is None:
        return None
    path = case.levels.path(label)
    return _level(label, path), path


def _level(key: str, path: Sequence[Level]) -> Level:
    return next(level for level in path if (level.ontology_id or level.label) == key)


def _rationale(level: Level, finest: Level, genes: Sequence[str]) -> str:
    known = f"{len(genes)} marker genes are known for {finest.label}: {', '.join(genes[:SHOWN_GENES])}."
    if level == finest:
        return known
    return f"{known} That it is a {level.label} is more certain ({level.probability:.0%}; {finest.probability:.0%})."


def _alternatives(candidates: Sequence[Candidate], chosen: Candidate) -> tuple[Alternative, ...]:
    others = [c for c in candidates[: SHOWN_ALTERNATIVES + 1] if c is not chosen]
    return tuple(Alternative(c.label, _share_and_genes(c), c.ontology_id) for c in others[:SHOWN_ALTERNATIVES])


def _share_and_genes(candidate: Candidate) -> str:
    genes = ", ".join(e.gene for e in candidate.supporting[:SHOWN_GENES_OF_ALTERNATIVE])
    return f"{candidate.probability:.0%} of the evidence, from {genes}"
