"""Reason codes in words for the reader; the codes are those of :mod:`gca_scanpy._judging.judge`."""

from __future__ import annotations

MEANINGS = {
    "no_markers_supplied": "The cluster has no marker gene.",
    "low_marker_overlap": "Too few of its genes are known for the label, or no more than chance would give.",
    "contradictory_markers": "Markers of another lineage or type outweigh the support.",
    "mixed_lineage": "Two lineages that exclude each other are both supported: a doublet, or two types in one cluster.",
    "ontology_mismatch": "The ontology id that came with the label is another cell type's.",
    "label_not_in_kb": "The marker database knows neither the label nor a relative of it.",
    "species_mismatch": "The marker database knows the label for another species only.",
    "validation_missing": "No label came for this cluster.",
    "model_disagreement": "The language models that were asked do not agree.",
    "tissue_mismatch": "The type belongs to other tissues than the one given.",
    "missing_ontology_id": "The label has no Cell Ontology term.",
    "ortholog_unmapped": "Most genes have no known human ortholog.",
    "llm_unavailable": "No language model gave an answer; the offline scorer's stands in.",
}
