"""Cell Ontology ids as CELLxGENE's schema asks for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Optional

from gca_scanpy._adata import duplicate, read_report, write_terms
from gca_scanpy._keys import DEFAULT_KEY
from gca_scanpy.errors import InputError

if TYPE_CHECKING:
    from anndata import AnnData

COLUMN = "cell_type_ontology_term_id"
UNKNOWN = "unknown"
# Eukaryotic, Eumycetozoan and animal cell: the schema forbids them, because they say nothing.
FORBIDDEN = frozenset({"CL:0000255", "CL:0000257", "CL:0000548"})


def to_cellxgene(
    adata: AnnData, key: str = DEFAULT_KEY, *, overwrite: bool = False, copy: bool = False
) -> Optional[AnnData]:
    """Fill ``.obs["cell_type_ontology_term_id"]`` as CELLxGENE's schema asks.

    A cell has the Cell Ontology id of its label, ``"unknown"`` where it has none: no cluster, no label that stands,
    or a label that is no term; a curator's decision counts before the machine's label. The column ``cell_type`` is
    not written; the schema reserves it for CELLxGENE.

    Parameters
    ----------
    adata
        An annotated object.
    key
        The ``key_added`` of the run.
    overwrite
        Whether a column of that name that is already there is replaced.
    copy
        Whether to work on a copy and return it; the copy of a backed object is in memory.

    Returns
    -------
    AnnData or None
        The copy where ``copy`` is true. It sets ``.obs["cell_type_ontology_term_id"]`` : categorical.

    Raises
    ------
    MissingKeyError
        Where there is no report under this key, or its columns are gone.
    InputError
        Where the column is there and ``overwrite`` is false.

    Examples
    --------
    >>> import scanpy as sc
    >>> import gca_scanpy as gca
    >>> adata = sc.datasets.pbmc68k_reduced()
    >>> gca.tl.annotate(adata, groupby="louvain", tissue="blood")
    >>> gca.io.to_cellxgene(adata)
    >>> adata.obs["cell_type_ontology_term_id"].iloc[0]
    'CL:0000875'
    """
    read_report(adata, key)  # says what to do where there is none
    if COLUMN in adata.obs.columns and not overwrite:
        msg = f".obs[{COLUMN!r}] is already there; pass overwrite=True to replace it, or rename it to keep it"
        raise InputError(msg)
    target = duplicate(adata) if copy else adata
    write_terms(target, key, COLUMN, UNKNOWN, FORBIDDEN)
    return target if copy else None
