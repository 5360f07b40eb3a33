"""The report as a document of the Cell Annotation Schema, which CAP and CELLxGENE tools read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Optional

from gca_scanpy._keys import UNKNOWN_LABEL
from gca_scanpy._names.ontology import Ontology
from gca_scanpy._reporting.curation import standing
from gca_scanpy.model import ClusterReport, DatasetReport, Decision

SCHEMA_RELEASE = "1.1.0"
REPOSITORY = "https://pypi.org/project/gca-scanpy/"
UNKNOWN = "unknown"  # the schema's word for an unknown cell type
MAX_RATIONALE, MAX_TITLE = 2000, 200  # characters that the schema allows


def document(
    report: DatasetReport, cells: Mapping[str, Sequence[str]], labelset: str, curated: str, ontology: Ontology
) -> dict[str, Any]:
    """The document, with one annotation for each cluster that has cells.

    Parameters
    ----------
    cells
        Names of the cells by cluster.
    labelset, curated
        Names of the columns with the automatic and the curated labels; each is a labelset of the document.
    """
    groupby = report.parameters.get("groupby", "")
    clusters = [cluster for cluster in report.clusters if cluster.cluster_id in cells]
    labels_from_user = any(cluster.source == "user" for cluster in clusters)
    decisions = standing(report)
    curated_clusters = [(c, decisions[c.cluster_id]) for c in clusters if c.cluster_id in decisions]
    curated_labelset = {
        "name": curated,
        "description": f"Decisions of curators about {groupby}",
        "annotation_method": "manual",
    }
    return {
        "title": f"Cell types of the clusters in {groupby}"[:MAX_TITLE],
        "author_name": UNKNOWN,
        "cellannotation_schema_version": SCHEMA_RELEASE,
        "cellannotation_timestamp": report.provenance.created_at,
        "cellannotation_version": "1.0.0",
        "labelsets": [
            {
                "name": labelset,
                "description": f"Cell types of the clusters in {groupby}, from their marker genes",
                "annotation_method": "both" if labels_from_user else "algorithmic",
                "automated_annotation": {
                    "algorithm_name": "gca-scanpy",
                    "algorithm_version": report.provenance.versions.get("gca_scanpy", UNKNOWN),
                    "algorithm_repo_url": REPOSITORY,
                },
            },
            *([curated_labelset] if curated_clusters else []),
        ],
        "annotations": [
            *(_annotation(cluster, cells[cluster.cluster_id], labelset, ontology) for cluster in clusters),
            *(
                _curated(cluster, decision, cells[cluster.cluster_id], curated, ontology)
                for cluster, decision in curated_clusters
            ),
        ],
    }


def _annotation(cluster: ClusterReport, cells: Sequence[str], labelset: str, ontology: Ontology) -> dict[str, Any]:
    annotation, label = cluster.annotation, cluster.annotation.primary_label
    known = label != UNKNOWN_LABEL
    cell_label = label if known else UNKNOWN
    entry: dict[str, Any] = {
        "labelset": labelset,
        "cell_label": cell_label,
        "cell_fullname": cell_label,
        **_term("cell_ontology_", annotation.ontology_id, ontology),
        "cell_ids": list(cells),
        "rationale": _shortened(annotation.rationale, MAX_RATIONALE),
        "rationale_dois": [],
        "marker_gene_evidence": list(cluster.validation.supporting_markers),
        "synonyms": [],
        "author_annotation_fields": _author_fields(cluster),
    }
    if known:
        entry |= {"cell_ontology_exists": annotation.ontology_id is not None, "category_fullname": cluster.broad_label}
        entry |= _term("category_cell_ontology_", cluster.broad_ontology_id, ontology)
    return entry


def _curated(
    cluster: ClusterReport, decision: Decision, cells: Sequence[str], labelset: str, ontology: Ontology
) -> dict[str, Any]:
    """The annotation of a curated cluster; it lists no genes, because the curator named none."""
    cell_label = UNKNOWN if decision.to_label == UNKNOWN_LABEL else decision.to_label
    return {
        "labelset": labelset,
        "cell_label": cell_label,
        "cell_fullname": cell_label,
        **_term("cell_ontology_", decision.to_ontology_id, ontology),
        "cell_ontology_exists": decision.to_ontology_id is not None,
        "cell_ids": list(cells),
        "rationale": _shortened(decision.why, MAX_RATIONALE),
        "rationale_dois": [],
        "marker_gene_evidence": [],
        "synonyms": [],
        "author_annotation_fields": {
            "cluster": cluster.cluster_id,
            "curator": decision.who,
            "curated_at": decision.when,
            "curation": decision.kind,
            "label_before": decision.from_label,
        },
    }


def _term(prefix: str, term_id: Optional[str], ontology: Ontology) -> dict[str, str]:
    if term_id is None:
        return {}
    name = {f"{prefix}term": ontology.label(term_id)} if term_id in ontology else {}
    return {f"{prefix}term_id": term_id, **name}


def _author_fields(cluster: ClusterReport) -> dict[str, str]:
    """Values for which the schema has no field, as texts, like in its examples."""
    fields = {
        "cluster": cluster.cluster_id,
        "status": cluster.status,
        "confidence": cluster.confidence,
        "confidence_score": str(cluster.confidence_score),
        "proposed_label": cluster.annotation.proposed_label,
        "proposed_ontology_term_id": cluster.annotation.proposed_ontology_id or "",
        "flag_reasons": ", ".join(cluster.validation.flag_reasons),
        "contradictory_markers": ", ".join(cluster.validation.contradictory_markers),
        "states": ", ".join(cluster.states),
    }
    return {name: text for name, text in fields.items() if text or name == "cluster"}


def _shortened(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"
