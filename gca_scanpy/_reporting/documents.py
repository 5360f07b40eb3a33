"""The report as a table, and as a document of the Cell Annotation Schema, which CAP and CELLxGENE tools read."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Optional

import pandas as pd
from attrs import asdict

from gca_scanpy._keys import UNKNOWN_LABEL
from gca_scanpy._names.labels import ShortNames
from gca_scanpy._names.ontology import Ontology
from gca_scanpy._packages import NAMES
from gca_scanpy._reporting.curation import standing
from gca_scanpy._reporting.display import path_text, sample_text, short_labels, state_texts, step_texts
from gca_scanpy._reporting.receipts import Receipts
from gca_scanpy.model import ClusterReport, DatasetReport, Decision, Vote

# The columns of get.clusters; a file has the others too, because it is read without the report.
MAIN_COLUMNS = (
    "n_cells", "label", "short_label", "proposed_label", "broad_label", "ontology_id", "confidence",
    "confidence_score", "fine_label", "fine_probability", "status", "flag_reasons", "notes", "supporting_markers",
    "contradictory_markers", "states", "witnessed_markers",
)  # fmt: skip
MORE_COLUMNS = (
    "proposed_ontology_id", "broad_ontology_id", "source", "tissue", "missing_markers", "unmeasured_markers",
    "separated_from", "separating_genes", "separating_genes_measured", "rationale", "alternatives", "caveats", "path",
    "agreement", "votes", "dissenters", "warnings", "state_genes", "witnesses", "samples_agreeing", "samples_differing",
    "samples", "next_steps", "asked_again",
)  # fmt: skip
CURATED_COLUMNS = ("curated_label", "curated_ontology_id", "curator", "curated_at", "curation", "curation_note")
FILE_COLUMNS = ("cluster", *MAIN_COLUMNS, *MORE_COLUMNS, *CURATED_COLUMNS)
AUDIT_COLUMNS = (
    "kind", "from_label", "from_ontology_id", "to_label", "to_ontology_id", "who", "when", "why", "stands",
)  # fmt: skip
NULLABLE = frozenset({"ontology_id", "from_ontology_id", "to_ontology_id"})
SCHEMA_RELEASE = "1.1.0"
REPOSITORY = "https://pypi.org/project/gca-scanpy/"
UNKNOWN = "unknown"  # the schema's word for an unknown cell type
MAX_RATIONALE, MAX_TITLE = 2000, 200  # characters that the schema allows


def as_frame(clusters: Sequence[str], rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> pd.DataFrame:
    """A data frame of these columns of the rows, with its own type for each column; index ``cluster``."""
    index = pd.Index(clusters, name="cluster", dtype=NAMES)

    def column(name: str) -> pd.Series:
        values = [row[name] for row in rows]
        return pd.Series(values, index=index, dtype=NAMES if name in NULLABLE else None)

    return pd.DataFrame({name: column(name) for name in columns}, index=index)


def rows(report: DatasetReport, receipts: Receipts, short: ShortNames) -> list[dict[str, Any]]:
    """The values of each cluster by column, without its id; lists are joined by commas, sentences by semicolons."""
    labels = short_labels(report, short)
    return [_row(cluster, label, receipts) for cluster, label in zip(report.clusters, labels)]


def _row(cluster: ClusterReport, short_label: str, receipts: Receipts) -> dict[str, Any]:
    annotation, validation = cluster.annotation, cluster.validation
    known, separation = receipts.of_label(cluster), validation.separation
    return {
        "n_cells": cluster.n_cells,
        "label": annotation.primary_label,
        "short_label": short_label,
        "proposed_label": annotation.proposed_label,
        "broad_label": cluster.broad_label,
        "ontology_id": annotation.ontology_id,
        "confidence": cluster.confidence,
        "confidence_score": cluster.confidence_score,
        "fine_label": cluster.fine_label,
        "fine_probability": cluster.fine_probability,
        "status": cluster.status,
        "flag_reasons": ", ".join(validation.flag_reasons),
        "notes": "; ".join(validation.notes),
        "supporting_markers": ", ".join(validation.supporting_markers),
        "contradictory_markers": ", ".join(validation.contradictory_markers),
        "states": ", ".join(cluster.states),
        "witnessed_markers": ", ".join(gene for gene, receipt in known.items() if receipt.is_witnessed),
        "proposed_ontology_id": annotation.proposed_ontology_id,
        "broad_ontology_id": cluster.broad_ontology_id,
        "source": cluster.source,
        "tissue": cluster.tissue,
        "missing_markers": ", ".join(validation.missing_markers),
        "unmeasured_markers": ", ".join(validation.unmeasured_markers),
        "separated_from": separation.competitor if separation else None,
        "separating_genes": separation.n_genes if separation else None,
        "separating_genes_measured": separation.n_measured if separation else None,
        "rationale": annotation.rationale,
        "alternatives": ", ".join(alternative.label for alternative in annotation.alternatives),
        "caveats": "; ".join(annotation.caveats),
        "path": path_text(cluster.path),
        "agreement": cluster.consensus.agreement if cluster.consensus else None,
        "votes": "; ".join(vote.text for vote in cluster.consensus.votes) if cluster.consensus else "",
        "dissenters": ", ".join(vote.key for vote in cluster.consensus.dissenters) if cluster.consensus else "",
        "warnings": "; ".join(cluster.warnings),
        "state_genes": "; ".join(state_texts(cluster)),
        "witnesses": " | ".join(f"{gene}: {receipt.text}" for gene, receipt in known.items()),
        **_of_samples(cluster),
        "next_steps": " ".join(step_texts(cluster)),
        "asked_again": "; ".join(one.text for one in cluster.asked_again),
    }


def _of_samples(cluster: ClusterReport) -> dict[str, Any]:
    """The numbers of samples with each vote, None without samples, and what each sample says."""
    votes = [one.vote for one in cluster.samples]
    return {
        "samples_agreeing": votes.count("agrees") if votes else None,
        "samples_differing": votes.count("differs") if votes else None,
        "samples": "; ".join(map(sample_text, cluster.samples)),
    }


def csv_rows(report: DatasetReport, receipts: Receipts, short: ShortNames) -> list[str]:
    """The lines of a CSV file, one per cluster, safe to open in a spreadsheet; the columns are ``FILE_COLUMNS``."""
    decisions = standing(report)
    lines = (
        (cluster.cluster_id, *row.values(), *_curated_values(decisions.get(cluster.cluster_id)))
        for cluster, row in zip(report.clusters, rows(report, receipts, short))
    )
    return [csv_line(guarded(value) if isinstance(value, str) else value for value in values) for values in lines]


def csv_line(values: Iterable[Any]) -> str:
    """A line of a CSV file with every text in quotes, so that no program splits a text at a semicolon."""
    line = io.StringIO(newline="")
    csv.writer(line, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n").writerow(values)
    return line.getvalue()


def _curated_values(decision: Optional[Decision]) -> tuple[Optional[str], ...]:
    """The values of ``CURATED_COLUMNS``; all None if no decision stands for the cluster."""
    if decision is None:
        return (None,) * len(CURATED_COLUMNS)
    return (decision.to_label, decision.to_ontology_id, decision.who, decision.when, decision.kind, decision.why)


def audit_rows(report: DatasetReport) -> list[dict[str, Any]]:
    """The values of each decision by column, oldest first."""
    stand = {id(decision) for decision in standing(report).values()}
    return [{**asdict(decision), "stands": id(decision) in stand} for decision in report.audit]


# Some programs read full-width signs as plain ones.
_RUNS = re.compile(r"(^|[;|\t\r\n\v\f])(?=[\s\"]*[=+\-@＝＋－＠]|')")
_NEGATIVE = re.compile(r"-\d{1,15}(\.\d{1,15})?")  # a number, such as cluster -1 of a density clustering, runs nothing


def guarded(text: str) -> str:
    """The text with a ``'`` wherever a spreadsheet could start to run it, and before every ``'`` at such a place."""
    # Programs stop reading at NUL.
    text = text.replace("\0", "\N{REPLACEMENT CHARACTER}")
    return text if _NEGATIVE.fullmatch(text) else _RUNS.sub(r"\1'", text)


def cas_document(
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
            *(_voted_labelset(key, groupby) for key in _voters(clusters)),
            *([curated_labelset] if curated_clusters else []),
        ],
        "annotations": [
            *(_annotation(cluster, cells[cluster.cluster_id], labelset, ontology) for cluster in clusters),
            *(
                _voted(cluster, vote, cells[cluster.cluster_id], ontology)
                for cluster in clusters
                if cluster.consensus
                for vote in cluster.consensus.votes
            ),
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


def _voters(clusters: Sequence[ClusterReport]) -> tuple[str, ...]:
    """The columns whose labels were joined."""
    votes = (vote for cluster in clusters if cluster.consensus for vote in cluster.consensus.votes)
    return tuple(dict.fromkeys(vote.key for vote in votes))


def _voted_labelset(key: str, groupby: str) -> dict[str, str]:
    return {"name": key, "description": f"Most frequent labels of {key} in {groupby}", "annotation_method": "both"}


def _voted(cluster: ClusterReport, vote: Vote, cells: Sequence[str], ontology: Ontology) -> dict[str, Any]:
    """The annotation of a cluster by one of the columns whose labels were joined."""
    cell_label = vote.label or UNKNOWN
    return {
        "labelset": vote.key,
        "cell_label": cell_label,
        "cell_fullname": cell_label,
        **_term("cell_ontology_", vote.ontology_id, ontology),
        "cell_ontology_exists": vote.ontology_id is not None,
        "cell_ids": list(cells),
        "rationale": "",
        "rationale_dois": [],
        "marker_gene_evidence": [],
        "synonyms": [],
        "author_annotation_fields": {
            "cluster": cluster.cluster_id,
            "relation_to_consensus": vote.relation,
            "cells_with_a_type": str(vote.voting),
            "weight": str(vote.weight),
        },
    }


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
        "fine_label": cluster.fine_label,
        "fine_ontology_term_id": (cluster.path[-1].ontology_id or "") if cluster.path else "",
        "fine_probability": str(cluster.path[-1].probability) if cluster.path else "",
        "path": path_text(cluster.path),
        "agreement": str(cluster.consensus.agreement) if cluster.consensus else "",
        "flag_reasons": ", ".join(cluster.validation.flag_reasons),
        "contradictory_markers": ", ".join(cluster.validation.contradictory_markers),
        "states": ", ".join(cluster.states),
        "samples": "; ".join(map(sample_text, cluster.samples)),
    }
    return {name: text for name, text in fields.items() if text or name == "cluster"}


def _shortened(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"
