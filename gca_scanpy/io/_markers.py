"""Tables of marker genes as other tools write them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Union

import pandas as pd

from gca_scanpy._errors import InputError

# Seurat, scanpy.get.rank_genes_groups_df, presto, plain tables; the first that is there is taken.
CLUSTERS = ("cluster", "group", "clusters", "groups", "cluster_id")
GENES = ("gene", "names", "genes", "feature", "symbol", "gene_symbol", "name")
FOLD_CHANGES = ("avg_log2fc", "avg_logfc", "logfoldchanges", "logfc", "log2fc")
SCORES = ("scores", "score", "auc", "statistic")


def read_markers(path: Union[str, os.PathLike[str]]) -> dict[str, list[str]]:
    """Read the marker genes of each cluster, best first.

    Parameters
    ----------
    path
        A csv or tsv file (``.gz`` too) of Seurat's ``FindAllMarkers``, of
        :func:`scanpy.get.rank_genes_groups_df`, or with the columns ``cluster`` and ``gene``.

    Returns
    -------
    dict
        Gene names by cluster, clusters in the order of the file. Genes that are lower in the cluster are left
        out. The order of a cluster's genes is that of the file, or by score where there is one.

    Raises
    ------
    InputError
        Where the columns are not there, or no row is left.

    Examples
    --------
    >>> from pathlib import Path
    >>> import gca_scanpy as gca
    >>> _ = Path("markers.csv").write_text("cluster,gene\\n0,MS4A1\\n0,CD79A\\n1,CD3D\\n")
    >>> gca.io.read_markers("markers.csv")
    {'0': ['MS4A1', 'CD79A'], '1': ['CD3D']}
    """
    table = _read(Path(path))
    columns = {str(name).strip().casefold(): name for name in table.columns}
    cluster, gene = _first(columns, CLUSTERS), _first(columns, GENES)
    if cluster is None or gene is None:
        msg = (
            f"{path} has the columns {', '.join(map(str, table.columns[:10]))}; a cluster column ({', '.join(CLUSTERS[:3])}) "
            f"and a gene column ({', '.join(GENES[:3])}) are needed"
        )
        raise InputError(msg)
    change, score = _first(columns, FOLD_CHANGES), _first(columns, SCORES)
    if change is not None:
        table = table[~(pd.to_numeric(table[change], errors="coerce") <= 0)]
    if score is not None:
        order = pd.to_numeric(table[score], errors="coerce")
        table = table.loc[order.sort_values(ascending=False, kind="stable").index]
    rows = table[[cluster, gene]]
    rows = rows[rows[cluster].str.strip().ne("") & rows[gene].str.strip().ne("") & rows[gene].ne("nan")]
    if rows.empty:
        msg = f"{path} has no row with a cluster and a gene that is higher in it"
        raise InputError(msg)
    in_file = dict.fromkeys(_read(Path(path))[cluster])
    found = {key: list(dict.fromkeys(own[gene])) for key, own in rows.groupby(cluster, sort=False)}
    return {str(key): found[key] for key in in_file if key in found}


def _read(path: Path) -> pd.DataFrame:
    separator = "," if path.name.lower().removesuffix(".gz").endswith(".csv") else "\t"
    try:
        return pd.read_csv(path, sep=separator, dtype=str, keep_default_na=False, na_filter=False)
    except (ValueError, UnicodeError) as error:
        msg = f"{path} cannot be read as a table: {error}"
        raise InputError(msg) from error


def _first(columns: dict[str, str], names: tuple[str, ...]) -> str | None:
    return next((columns[name] for name in names if name in columns), None)
