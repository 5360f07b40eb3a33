"""Tables of marker genes as other tools write them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Union

from gca_scanpy import _tables
from gca_scanpy._arguments import checked
from gca_scanpy._ranking.given import markers_of
from gca_scanpy.errors import InputError


@checked()
def read_markers(path: Union[str, os.PathLike[str]]) -> dict[str, list[str]]:
    r"""Read the marker genes of each cluster, best first.

    Parameters
    ----------
    path
        A table of Seurat, Scanpy (:func:`scanpy.get.rank_genes_groups_df` with ``group=None``), presto, scran, DESeq2,
        Cell Ranger and others, or with the columns ``cluster`` and ``gene``; or with a row per cluster and a list in
        the column ``markers``, as GPT Cell Annotator reads it. Files are csv, tsv, json (a list of records) or gmt
        (each of them also with ``.gz``), parquet (needs pyarrow) or xlsx (needs openpyxl; the first sheet is read).

    Returns
    -------
    dict
        Gene names by cluster, clusters in the order of the file. Genes that are lower in the cluster, or higher
        by chance only (p > 0.05), are left out; a cluster without other genes has an empty list. The genes of a
        cluster are ordered by rank or score if there is one. Otherwise they keep the order of the file if it is one of
        p-values or fold changes, and are sorted by these if not.

    Raises
    ------
    InputError
        If ``path`` is not a path, the file holds no table, columns are missing, a statistic is not understood, or no
        row is left.
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
    return markers_of(_tables.read(Path(path), InputError), str(path))
