"""Labels of an annotated object after its run: the decisions of curators, and the column for CELLxGENE's schema."""

from __future__ import annotations

import getpass
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Optional, Union

from gca_scanpy import names
from gca_scanpy._adata import duplicate, read_clustering, read_report, write_ids, write_terms
from gca_scanpy._adata.members import read_for_curation, write_curation
from gca_scanpy._arguments import COLUMN as COLUMN_NAME
from gca_scanpy._arguments import LABELS, TISSUES, checked, optional
from gca_scanpy._events import now
from gca_scanpy._keys import DEFAULT_KEY
from gca_scanpy._prepare import check_species
from gca_scanpy._reporting.curation import Choice, decide
from gca_scanpy.db import _bundled
from gca_scanpy.errors import InputError

if TYPE_CHECKING:
    from anndata import AnnData
if TYPE_CHECKING:
    from anndata import AnnData

    from gca_scanpy.names._terms import Tissue

Ids = Union[str, Iterable[Any]]


@checked(labels=optional(LABELS))
def curate(
    adata: AnnData,
    labels: Optional[Mapping[Any, str]] = None,
    *,
    accept: Ids = (),
    mixed: Optional[Mapping[Any, str]] = None,
    reopen: Ids = (),
    who: Optional[str] = None,
    why: str = "",
    key: str = DEFAULT_KEY,
    copy: bool = False,
) -> Optional[AnnData]:
    """Record the decisions of a curator about clusters. The automatic labels are not changed.

    The last decision about a cluster is the current one. The audit trail, which :func:`gca_scanpy.get.curation` shows,
    keeps all of them. If a curator repeats the current decision, no entry is added.

    Parameters
    ----------
    adata
        An annotated object.
    labels
        New label by cluster id. A name (``"pDC"``) or an id (``"CL:0000784"``) of the Cell Ontology is replaced by the
        ontology's own name of that term. ``"activated pDC (CL:0000784)"`` keeps your words and sets the term. Other
        labels have no term.
    accept
        Ids of clusters whose label is right: the curated label if there is one, otherwise the automatic one.
    mixed
        Note by id for clusters of several cell types, which names the types. The label becomes ``"Mixed"``.
    reopen
        Ids of clusters whose decision is withdrawn.
    who
        Name of the curator. If None, the name of the operating system's user.
    why
        Reason of the decisions, for the audit trail.
    key
        The ``key_added`` of the run.
    copy
        Whether to work on a copy and return it; the copy of a backed object is in memory.

    Returns
    -------
    AnnData or None
        The copy if ``copy`` is true. It sets (for ``key="gptca"``):

        ``.obs["gptca_curated_label"]`` : categorical
            The curated label, missing if there is no decision.
        ``.obs["gptca_curated_ontology_id"]`` : categorical
            Its Cell Ontology id, missing if it has none.
        ``.uns["gptca"]["report"]`` : str
            The report with the decisions in its audit trail.

    Raises
    ------
    MissingKeyError
        If there is no report under this key.
    InputError
        If a cluster does not exist (the message lists those that do), is named twice, or its cells have changed since
        the run, if a label is empty, or if a mixed cluster has no note. ``adata`` is untouched whenever an error is
        raised.
    ReportError
        If a later version of this package wrote the report.

    Examples
    --------
    >>> import scanpy as sc
    >>> import gca_scanpy as gca
    >>> adata = sc.datasets.pbmc68k_reduced()
    >>> gca.tl.annotate(adata, groupby="louvain", tissue="blood")
    >>> gca.tl.curate(adata, {"5": "pDC"}, accept=["4"], who="Ada Lovelace", why="LILRA4 and GZMB")
    >>> adata.obs["gptca_curated_label"].dropna().unique().tolist()
    ['plasmacytoid dendritic cell', 'B cell']
    """
    choices = [
        *(Choice(str(cluster), "changed", label, why) for cluster, label in ({} if labels is None else labels).items()),
        *(Choice(cluster, "accepted", why=why) for cluster in _ids(accept)),
        *(Choice(str(cluster), "mixed", why=note) for cluster, note in (mixed or {}).items()),
        *(Choice(cluster, "reopened", why=why) for cluster in _ids(reopen)),
    ]
    ids = [choice.cluster_id for choice in choices]
    repeated = [cluster for cluster in ids if ids.count(cluster) > 1]
    if repeated:
        msg = f"cluster {repeated[0]!r} is named twice; give one decision for each cluster"
        raise InputError(msg)
    report = read_for_curation(adata, key)
    decided = decide(report, choices, user() if who is None else who, now(), _bundled.ontology())
    target = duplicate(adata) if copy else adata
    write_curation(target, decided, key, _bundled.palette())
    return target if copy else None


def _ids(clusters: Ids) -> list[str]:
    return [clusters] if isinstance(clusters, str) else [str(cluster) for cluster in clusters]


def user() -> str:
    """The name of the operating system's user; ``"unknown"`` if it has none."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container may have a user without a name
        return "unknown"


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
