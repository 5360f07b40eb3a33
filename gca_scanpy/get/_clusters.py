"""A table of the clusters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Union

import pandas as pd

from gca_scanpy._adata import read_report
from gca_scanpy._keys import DEFAULT_KEY
from gca_scanpy.model import DatasetReport

if TYPE_CHECKING:
    from anndata import AnnData


def clusters(data: Union[AnnData, DatasetReport], key: str = DEFAULT_KEY) -> pd.DataFrame:
    """Get the clusters as a table, a row per cluster in the order of the data.

    Parameters
    ----------
    data
        An annotated object, or a report.
    key
        The ``key_added`` of the run; not used with a report.

    Returns
    -------
    pandas.DataFrame
        Index ``cluster``; columns ``n_cells``, ``label``, ``proposed_label``, ``broad_label``, ``ontology_id``,
        ``confidence``, ``confidence_score``, ``status``, ``flags``, ``supporting_markers``,
        ``contradictory_markers``, ``states`` (lists joined by commas).

    Raises
    ------
    MissingKeyError
        Where there is no report under this key.

    Examples
    --------
    >>> import gca_scanpy as gca
    >>> report = gca.annotate_markers({"0": ["MS4A1", "CD79A", "CD79B", "BANK1"]}, tissue="blood")
    >>> gca.get.clusters(report).loc["0", "label"]
    'B cell'
    """
    report = data if isinstance(data, DatasetReport) else read_report(data, key)
    rows = [
        {
            "cluster": c.cluster_id,
            "n_cells": c.n_cells,
            "label": c.annotation.primary_label,
            "proposed_label": c.annotation.proposed_label,
            "broad_label": c.broad_label,
            "ontology_id": c.annotation.ontology_id,
            "confidence": c.confidence,
            "confidence_score": c.confidence_score,
            "status": c.status,
            "flags": ", ".join(c.validation.flag_reasons),
            "supporting_markers": ", ".join(c.validation.supporting_markers),
            "contradictory_markers": ", ".join(c.validation.contradictory_markers),
            "states": ", ".join(c.states),
        }
        for c in report.clusters
    ]
    table = pd.DataFrame(rows).set_index("cluster")
    # pandas 3 would make text of the column, and NaN of a missing id.
    table["ontology_id"] = pd.Series([row["ontology_id"] for row in rows], index=table.index, dtype=object)
    return table
