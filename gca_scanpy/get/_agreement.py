"""How two columns of labels agree, as a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Optional

import pandas as pd

from gca_scanpy._adata import compare_columns
from gca_scanpy.db import _bundled

if TYPE_CHECKING:
    from anndata import AnnData

COLUMNS = ("cells", "share", "relation", "steps")


def agreement(adata: AnnData, first: str, second: str, *, terms: Optional[Mapping[str, str]] = None) -> pd.DataFrame:
    """Compare two columns of labels by the Cell Ontology, a row per pair of labels that share cells.

    Parameters
    ----------
    adata
        Any annotated data; cells without one of the labels are left out.
    first, second
        Columns of ``adata.obs``. The terms of a column of ours are those of its report; those of another are what the
        Cell Ontology knows by these names.
    terms
        Cell Ontology ids or names of labels, such as ``{"CD19+ B": "B cell"}``, for those that it does not know.

    Returns
    -------
    pandas.DataFrame
        Index ``first``, ``second``: the labels; columns ``cells``, ``share`` (of the cells with the first label, 0 to
        1), ``relation`` (``exact``, ``kin`` for ancestor and descendant, ``lineage``, ``unrelated``, ``no term``) and
        ``steps`` (between the terms in the ontology, missing where a label has none). ``.attrs`` has ``cells``, and of
        them the shares ``exact`` and ``compatible`` (exact or kin), and the ``adjusted_rand`` index of the groupings.

    Raises
    ------
    MissingKeyError
        Where a column is not there.
    InputError
        Where a column has no labels, no cell has both, or ``terms`` names what is no term.

    Examples
    --------
    >>> import scanpy as sc
    >>> import gca_scanpy as gca
    >>> adata = sc.datasets.pbmc68k_reduced()
    >>> gca.tl.annotate(adata, groupby="louvain", tissue="blood")
    >>> table = gca.get.agreement(adata, "gptca_label", "bulk_labels")
    >>> table.attrs["cells"]
    700
    """
    found, _ = compare_columns(adata, first, second, _bundled.lineages(), terms)
    index = pd.MultiIndex.from_tuples([(p.first, p.second) for p in found.pairs], names=["first", "second"])
    rows = [(p.cells, p.share, p.relation, p.steps) for p in found.pairs]
    table = pd.DataFrame(rows, index=index, columns=list(COLUMNS)).astype({"steps": "Int64"})
    table.attrs.update(
        cells=found.cells, exact=found.exact, compatible=found.compatible, adjusted_rand=found.adjusted_rand
    )
    return table
