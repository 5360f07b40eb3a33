"""Cell Ontology ids in the column that CELLxGENE's schema defines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Optional

from gca_scanpy import names
from gca_scanpy._adata import duplicate, read_clustering, read_report, write_ids, write_terms
from gca_scanpy._arguments import COLUMN as COLUMN_NAME
from gca_scanpy._arguments import TISSUES, checked, optional
from gca_scanpy._keys import DEFAULT_KEY
from gca_scanpy._prepare import check_species
from gca_scanpy.errors import InputError

if TYPE_CHECKING:
    from anndata import AnnData

    from gca_scanpy.names._terms import Tissue

COLUMN = "cell_type_ontology_term_id"
UNKNOWN = "unknown"
# Eukaryotic, Eumycetozoan and animal cell: the schema forbids these terms because they carry no information.
FORBIDDEN = frozenset({"CL:0000255", "CL:0000257", "CL:0000548"})


@checked(labels=optional(COLUMN_NAME), tissue=optional(TISSUES))
def to_cellxgene(
    adata: AnnData,
    key: str = DEFAULT_KEY,
    *,
    labels: Optional[str] = None,
    tissue: Tissue = None,
    species: Optional[str] = None,
    overwrite: bool = False,
    copy: bool = False,
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
    labels
        A column of ``.obs`` with labels of your own or of another tool. :func:`gca_scanpy.names.map` reads them, and no
        run is needed; ``key`` is then not used.
    tissue, species
        Of the cells, to read ``labels``; see :func:`gca_scanpy.names.find`.
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
        If there is no report under this key, or if its columns were removed, or if there is no column ``labels``.
    InputError
        If the column exists and ``overwrite`` is false.

    Examples
    --------
    >>> import scanpy as sc
    >>> import gca_scanpy as gca
    >>> adata = sc.datasets.pbmc68k_reduced()
    >>> gca.tl.annotate(adata, groupby="louvain", tissue="blood")
    >>> gca.tl.to_cellxgene(adata)
    >>> adata.obs["cell_type_ontology_term_id"][adata.obs["louvain"] == "4"].iloc[0]
    'CL:0000236'
    """
    if species is not None:
        check_species(species)
    if labels is None:
        read_report(adata, key)  # raises an error that names the fix if there is no report
    if COLUMN in adata.obs.columns and not overwrite:
        msg = f".obs[{COLUMN!r}] already exists; pass overwrite=True to replace it, or rename it to keep it"
        raise InputError(msg)
    target = duplicate(adata) if copy else adata
    if labels is None:
        write_terms(target, key, COLUMN, UNKNOWN, FORBIDDEN)
    else:
        column = read_clustering(adata, labels)
        terms = [*names.map(column.all_ids, tissue, species)["ontology_id"], None]  # -1 is a cell without a label
        write_ids(target, [terms[code] for code in column.codes], COLUMN, UNKNOWN, FORBIDDEN)
    return target if copy else None
