"""The report as a flat table, one row per cluster."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Optional

import pandas as pd
from attrs import asdict

from gca_scanpy._compat import NAMES
from gca_scanpy._names.short_names import ShortNames
from gca_scanpy._reporting.curation import standing
from gca_scanpy._reporting.receipts import Receipts
from gca_scanpy._reporting.short_labels import short_labels
from gca_scanpy.model import ClusterReport, DatasetReport, Decision

# The columns of get.clusters; a file has the others too, because it is read without the report.
MAIN_COLUMNS = (
    "n_cells", "label", "short_label", "proposed_label", "broad_label", "ontology_id", "confidence",
    "confidence_score", "status", "flag_reasons", "notes", "supporting_markers", "contradictory_markers", "states",
    "witnessed_markers",
)  # fmt: skip
MORE_COLUMNS = (
    "proposed_ontology_id", "broad_ontology_id", "source", "tissue", "missing_markers", "unmeasured_markers",
    "rationale", "alternatives", "caveats", "warnings", "state_genes", "witnesses",
)  # fmt: skip
CURATED_COLUMNS = ("curated_label", "curated_ontology_id", "curator", "curated_at", "curation", "curation_note")
FILE_COLUMNS = ("cluster", *MAIN_COLUMNS, *MORE_COLUMNS, *CURATED_COLUMNS)
AUDIT_COLUMNS = (
    "kind", "from_label", "from_ontology_id", "to_label", "to_ontology_id", "who", "when", "why", "stands",
)  # fmt: skip
NULLABLE = frozenset({"ontology_id", "from_ontology_id", "to_ontology_id"})


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
    known = receipts.of_label(cluster)
    return {
        "n_cells": cluster.n_cells,
        "label": annotation.primary_label,
        "short_label": short_label,
        "proposed_label": annotation.proposed_label,
        "broad_label": cluster.broad_label,
        "ontology_id": annotation.ontology_id,
        "confidence": cluster.confidence,
        "confidence_score": cluster.confidence_score,
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
        "rationale": annotation.rationale,
        "alternatives": ", ".join(alternative.label for alternative in annotation.alternatives),
        "caveats": "; ".join(annotation.caveats),
        "warnings": "; ".join(cluster.warnings),
        "state_genes": "; ".join(state_texts(cluster)),
        "witnesses": " | ".join(f"{gene}: {receipt.text}" for gene, receipt in known.items()),
    }


def state_texts(cluster: ClusterReport) -> list[str]:
    """Each state of a cluster with its genes in brackets, if the report has them."""
    genes = cluster.state_genes
    return [f"{state} ({', '.join(genes[state])})" if genes.get(state) else state for state in cluster.states]


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
