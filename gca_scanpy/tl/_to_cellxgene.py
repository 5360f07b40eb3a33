"""Cell Ontology ids in the column that CELLxGENE's schema defines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Optional

from gca_scanpy._adata import duplicate, read_report, write_terms
from gca_scanpy._arguments import checked
from gca_scanpy._keys import DEFAULT_KEY
from gca_scanpy.errors import InputError

if TYPE_CHECKING:
    from anndata import AnnData

COLUMN = "cell_type_ontology_term_id"
UNKNOWN = "unknown"
# Eukaryotic, Eumycetozoan and animal cell: the schema forbids these terms because they carry no information.
FORBIDDEN = frozenset({"CL:0000255", "CL:0000257", "CL:0000548"})


@checked()
def to_cellxgene(
    adata: AnnData, key: str = DEFAULT_KEY, *, overwrite: bool = False, copy: bool = False
) -> Optional[AnnData]:
    """Fill ``.obs["cell_type_ontology_term_id"]`` as CELLxGENE's schema requires.

    Each cell gets the Cell Ontology id of its curated label if a curator decided on its cluster, and of its
    automatic label otherwise. A cell gets ``"unknown"`` if it has no cluster, if its label is ``"Unknown or Novel"``,
    or if its label has no Cell Ontology term. The column ``cell_type`` is not written, because the schema reserves it
    for CELLxGENE.

    Parameters
    ----------
    adata
        An annotated object.
    key
        The ``key_added`` of the run.
    overwrite
        Whether an existing column of that name is replaced.
    copy
        Whether to work on a copy and return it; the copy of a backed object is in memory.

    Returns
    -------
    AnnData or None
        The copy if ``copy`` is true, otherwise None. Sets ``.obs["cell_type_ontology_term_id"]`` : categorical.

    Raises
    ------
    MissingKeyError
        If there is no report under this key, or if its columns were removed.
    InputError
        If the column exists and ``overwrite`` is false.

    Examples
    --------
    >>> import scanpy as sc
    >>> import gca_scanpy as gca
    >>> adata = sc.datasets.pbmc68k_reduced()
    >>> gca.tl.annotate(adata, groupby="louvain", tissue="blood")
    >>> gca.tl.to_cellxgene(adata)
    >>> adata.obs["cell_type_ontology_term_id"].iloc[0]
    'CL:0000875'
    """
    read_report(adata, key)  # raises an error that names the fix if there is no report
    if COLUMN in adata.obs.columns and not overwrite:
        msg = f".obs[{COLUMN!r}] already exists; pass overwrite=True to replace it, or rename it to keep it"
        raise InputError(msg)
    target = duplicate(adata) if copy else adata
    write_terms(target, key, COLUMN, UNKNOWN, FORBIDDEN)
    return target if copy else None
