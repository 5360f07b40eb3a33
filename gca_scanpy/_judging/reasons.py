"""The reason codes, once: the checks raise them; plots, page, review and documents explain them from here."""

from __future__ import annotations

from attrs import frozen


@frozen
class Reason:
    """A reason code.

    Attributes
    ----------
    code
        Its name in a report.
    meaning
        A sentence for the reader.
    stops
        Whether it stops the label. One that does not is advice: the label stays, and its confidence is at most Medium.
    is_absence
        Whether it says only that there is no evidence. The status is then ``unknown``, not ``flagged``, unless there is
        another reason that stops the label.
    """

    code: str
    meaning: str
    stops: bool
    is_absence: bool = False


def _stops(code: str, meaning: str, *, is_absence: bool = False) -> Reason:
    return Reason(code, meaning, stops=True, is_absence=is_absence)


def _advice(code: str, meaning: str) -> Reason:
    return Reason(code, meaning, stops=False)


REASONS = {
    reason.code: reason
    for reason in (
        _stops("no_markers_supplied", "The cluster has no marker gene.", is_absence=True),
        _stops(
            "low_marker_overlap",
            "Too few of the cluster's genes are known for the label, or no more than chance would give.",
            is_absence=True,
        ),
        _stops("contradictory_markers", "Markers of another lineage or type outweigh the support for the label."),
        _stops(
            "mixed_lineage",
            "Two lineages that exclude each other are both supported: a doublet, or two types in one cluster.",
        ),
        _stops("ontology_mismatch", "The ontology id that came with the label belongs to another cell type."),
        _stops("label_not_in_kb", "The marker database knows neither the label nor a relative of it."),
        _stops("species_mismatch", "The marker database knows the label for another species only."),
        _stops("validation_missing", "No label was given for this cluster."),
        _stops("model_disagreement", "The language models do not agree on a cell type."),
        _advice("tissue_mismatch", "The cell type belongs to other tissues than the one given."),
        _advice("missing_ontology_id", "The label has no Cell Ontology term."),
        _advice(
            "separating_genes_unmeasured",
            "The data measured none of the genes that tell the label from its nearest competitor.",
        ),
        _advice("not_separated", "No gene tells the label from its nearest competitor."),
        _advice("sample_disagreement", "In many of the samples the cells are of another type."),
        _advice("one_sample", "Nearly all cells come from one sample, whose share of the other cells is much lower."),
        _advice("ortholog_unmapped", "Most genes of the cluster have no known human ortholog."),
        _advice("other_species", "The genes were read by the symbols of human or mouse, a relative of the species."),
        _advice("llm_unavailable", "No language model answered, so the label is the offline scorer's."),
    )
}
ADVISORY = frozenset(reason.code for reason in REASONS.values() if not reason.stops)
ABSENT = frozenset(reason.code for reason in REASONS.values() if reason.is_absence)


def meaning(code: str) -> str:
    """The sentence for a code; empty for a code of another version."""
    reason = REASONS.get(code)
    return reason.meaning if reason else ""
