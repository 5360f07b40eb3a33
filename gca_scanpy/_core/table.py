"""The report as a flat table, a row per cluster."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from gca_scanpy._compat import NAMES
from gca_scanpy._core.spreadsheet import guarded
from gca_scanpy.model import ClusterReport

# What every reader wants; a file has the others too, because it is read without the report beside it.
MAIN_COLUMNS = (
    "n_cells", "label", "proposed_label", "broad_label", "ontology_id", "confidence", "confidence_score", "status",
    "flags", "supporting_markers", "contradictory_markers", "states",
)  # fmt: skip
MORE_COLUMNS = (
    "proposed_ontology_id", "broad_ontology_id", "source", "tissue", "missing_markers", "rationale", "alternatives",
    "notes", "caveats", "warnings",
)  # fmt: skip
FILE_COLUMNS = ("cluster", *MAIN_COLUMNS, *MORE_COLUMNS)
NULLABLE = frozenset({"ontology_id", "proposed_ontology_id", "broad_ontology_id", "tissue"})


def as_frame(clusters: Sequence[str], rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> pd.DataFrame:
    """These columns of the rows, each with its type; index ``cluster``."""
    index = pd.Index(clusters, name="cluster", dtype=NAMES)

    def column(name: str) -> pd.Series:
        values = [row[name] for row in rows]
        return pd.Series(values, index=index, dtype=NAMES if name in NULLABLE else None)

    return pd.DataFrame({name: column(name) for name in columns}, index=index)


def row(cluster: ClusterReport) -> dict[str, Any]:
    """What a table says of one cluster, beside its id; lists are joined by commas, sentences by semicolons."""
    annotation, validation = cluster.annotation, cluster.validation
    return {
        "n_cells": cluster.n_cells,
        "label": annotation.primary_label,
        "proposed_label": annotation.proposed_label,
        "broad_label": cluster.broad_label,
        "ontology_id": annotation.ontology_id,
        "confidence": cluster.confidence,
        "confidence_score": cluster.confidence_score,
        "status": cluster.status,
        "flags": ", ".join(validation.flag_reasons),
        "supporting_markers": ", ".join(validation.supporting_markers),
        "contradictory_markers": ", ".join(validation.contradictory_markers),
        "states": ", ".join(cluster.states),
        "proposed_ontology_id": annotation.proposed_ontology_id,
        "broad_ontology_id": cluster.broad_ontology_id,
        "source": cluster.source,
        "tissue": cluster.tissue,
        "missing_markers": ", ".join(validation.missing_markers),
        "rationale": annotation.rationale,
        "alternatives": ", ".join(alternative.label for alternative in annotation.alternatives),
        "notes": "; ".join(validation.notes),
        "caveats": "; ".join(annotation.caveats),
        "warnings": "; ".join(cluster.warnings),
    }


def csv_row(cluster: ClusterReport) -> str:
    """The line of one cluster in a CSV file, safe to open in a spreadsheet; its columns are ``FILE_COLUMNS``."""
    values = (cluster.cluster_id, *row(cluster).values())
    return csv_line(guarded(value) if isinstance(value, str) else value for value in values)


def csv_line(values: Iterable[Any]) -> str:
    """A line of a CSV file, all texts in quotes: a program that splits at semicolons then meets no bare one."""
    line = io.StringIO(newline="")
    csv.writer(line, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n").writerow(values)
    return line.getvalue()
