"""Tables of marker genes as other tools write them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Optional, Union

import pandas as pd

from gca_scanpy import _tables
from gca_scanpy._arguments import checked
from gca_scanpy._scoring import numbers
from gca_scanpy.errors import InputError

# Columns of Seurat, scanpy.get.rank_genes_groups_df, presto, plain tables and gene sets; the first that exists is used.
CLUSTERS = ("cluster", "group", "clusters", "groups", "cluster_id", "gene_set")
GENES = ("gene", "names", "genes", "feature", "symbol", "gene_symbol", "name")
LISTS = ("markers", "marker_genes")  # GPT Cell Annotator: a row per cluster
FOLD_CHANGES = ("avg_log2fc", "avg_logfc", "logfoldchanges", "logfc", "log2fc")
SCORES = ("scores", "score", "auc", "statistic")
P_VALUES = ("pvals", "p_val", "pval", "p_value", "pvalue")  # not adjusted
NO_GENE = ("", "nan", "NaN", "NA", "<NA>", "None")


@checked()
def read_markers(path: Union[str, os.PathLike[str]]) -> dict[str, list[str]]:
    r"""Read the marker genes of each cluster, best first.

    Parameters
    ----------
    path
        A table of Seurat's ``FindAllMarkers``, of presto's ``wilcoxauc``, of :func:`scanpy.get.rank_genes_groups_df`
        with ``group=None``, or with the columns ``cluster`` and ``gene``; or with a row per cluster and a list in the
        column ``markers``, as GPT Cell Annotator reads it. Files are csv, tsv, json (a list of records) or gmt (each of
        them also with ``.gz``), parquet (needs pyarrow) or xlsx (needs openpyxl; the first sheet is read).

    Returns
    -------
    dict
        Gene names by cluster, clusters in the order of the file. Genes that are lower in the cluster, or higher
        by chance only (p > 0.05), are left out. The genes of a cluster are ordered by score if there is one, else as
        in the file.

    Raises
    ------
    InputError
        If the file holds no table, columns are missing, or no row is left.
    FileError
        If the file cannot be opened.

    Examples
    --------
    >>> from pathlib import Path
    >>> import gca_scanpy as gca
    >>> _ = Path("markers.csv").write_text("cluster,gene\n0,MS4A1\n0,CD79A\n1,CD3D\n")
    >>> gca.io.read_markers("markers.csv")
    {'0': ['MS4A1', 'CD79A'], '1': ['CD3D']}
    """
    table = _tables.read(Path(path), InputError)
    columns = {str(name).strip().casefold(): name for name in table.columns}
    cluster, gene, lists = (_first(columns, names) for names in (CLUSTERS, GENES, LISTS))
    if gene is None and lists is not None:
        parts = table[lists].str.strip(' []"').str.split(r'[\s"]*[,;|][\s"]*', regex=True)
        table, gene = table.assign(**{lists: parts}).explode(lists, ignore_index=True), lists
    if cluster is None or gene is None:
        there = ", ".join(repr(str(name)[:40]) for name in table.columns[:10])
        msg = (
            f"{path} has the columns {there}; a cluster column "
            f"({', '.join(CLUSTERS[:3])}) and a gene column ({', '.join(GENES[:3])}) are needed; rename the columns"
        )
        raise InputError(msg)
    order = dict.fromkeys(table[cluster])
    rows = _higher(table.assign(**{gene: table[gene].str.strip()}), columns)
    rows = rows[rows[cluster].str.strip().ne("") & ~rows[gene].isin(NO_GENE)]
    if rows.empty:
        limit = numbers.NUMBERS.max_p_value
        msg = (
            f"{path} has no row with a cluster and a gene that is higher in it (p <= {limit}) among its {len(table)} "
            "rows; export the marker table again, with all genes"
        )
        raise InputError(msg)
    markers = {key: list(dict.fromkeys(genes)) for key, genes in rows.groupby(cluster, sort=False)[gene]}
    return {str(key): markers[key] for key in order if key in markers}


def _higher(table: pd.DataFrame, columns: dict[str, str]) -> pd.DataFrame:
    """The rows of genes that are higher in their cluster beyond chance, by score; what is no number is ignored."""

    def numeric(names: tuple[str, ...]) -> Optional[pd.Series]:
        column = _first(columns, names)
        return None if column is None else pd.to_numeric(table[column], errors="coerce")

    change, score, chance = numeric(FOLD_CHANGES), numeric(SCORES), numeric(P_VALUES)
    keep = pd.Series(True, index=table.index)
    for values in (change, score):
        if values is not None:
            keep &= ~(values <= 0)
    if chance is not None:
        keep &= ~(chance > numbers.NUMBERS.max_p_value)
    if score is not None:
        table = table.loc[score.sort_values(ascending=False, kind="stable").index]
    return table[keep.loc[table.index]]


def _first(columns: dict[str, str], names: tuple[str, ...]) -> Optional[str]:
    return next((columns[name] for name in names if name in columns), None)
