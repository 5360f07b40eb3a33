"""Name samples that were clustered apart alike, and take mixed clusters apart."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Optional, Union

from attrs import evolve

from gca_scanpy._adata.clusters import Expression
from gca_scanpy._adata.members import check_column, clusters_of, write_split
from gca_scanpy._adata.objects import duplicate
from gca_scanpy._adata.write import read_report
from gca_scanpy._arguments import COLUMN, KEY, SHARE, checked, optional
from gca_scanpy._cells import SEPARABLE, states_of
from gca_scanpy._keys import DEFAULT_KEY, read_pair
from gca_scanpy._prepare import Tissue
from gca_scanpy._request import Harmonized
from gca_scanpy.db import _bundled
from gca_scanpy.errors import InputError
from gca_scanpy.model import ClusterReport, DatasetReport
from gca_scanpy.tl._request import CellsApart

if TYPE_CHECKING:
    from anndata import AnnData


@checked(sample_key=COLUMN, agreement=SHARE)
def harmonize(
    adata: AnnData,
    groupby: str,
    sample_key: str,
    *,
    species: str = "human",
    tissue: Tissue = None,
    marker_db: Any = None,
    certainty: Optional[float] = None,
    agreement: float = 0.75,
    layer: Optional[str] = None,
    gene_symbols: Optional[str] = None,
    key_added: str = DEFAULT_KEY,
    copy: bool = False,
) -> Optional[AnnData]:
    r"""Name the clusters of samples that were clustered apart, with one name for the same kind of cell.

    Cluster ``"0"`` of one sample has nothing to do with cluster ``"0"`` of another. Each cluster of each sample is
    labeled on its own, by its genes against the other cells of its sample, so that differences between the samples
    (batches) have no part in it. Then the names are made equal: a kind of cell gets the deepest name that enough of its
    samples support, and a cluster that says more keeps its own label in a second column. :doc:`/samples` has the rule.
    No language model is asked.

    Parameters
    ----------
    adata
        Annotated data, log-normalized, shape (n_obs, n_vars). Only the keys below are written.
    groupby
        Column of ``adata.obs`` with the clusters, whose names may repeat in other samples.
    sample_key
        Column of ``adata.obs`` with the sample of each cell, such as the donor.
    species, marker_db, certainty, layer, gene_symbols, key_added, copy
        As in :func:`gca_scanpy.tl.annotate`.
    tissue
        As in :func:`gca_scanpy.tl.annotate`, but a dict maps samples to tissues.
    agreement
        Share of the samples with a kind of cell that must support its name, 0 to 1. With 1, all of them must; with
        lower values, a sample that is less certain has less influence on the names of the others.

    Returns
    -------
    AnnData or None
        The copy if ``copy`` is true. The keys are those of :func:`gca_scanpy.tl.annotate`, with these differences (for
        ``key_added="gptca"``):

        ``.obs["gptca_label"]`` : categorical
            The name that the kind of cell has in all samples.
        ``.obs["gptca_fine_label"]`` : categorical
            The label that the cluster has on its own: the name, or a subtype of it.
        ``.obs["gptca_fine_probability"]`` : float
            Its probability, 0 to 1.
        ``.uns["gptca"]`` : dict of str
            The report. Its clusters are those of all samples, with ids such as ``"A | 0"`` for cluster ``"0"`` of
            sample ``"A"``. In the names, ``|`` is written as ``\|`` and a backslash as two.

    Raises
    ------
    MissingKeyError
        If ``groupby``, ``sample_key``, ``layer`` or ``gene_symbols`` does not exist.
    InputError
        If an argument cannot be used. ``adata`` is untouched whenever an error is raised.

    Examples
    --------
    >>> import numpy as np
    >>> import scanpy as sc
    >>> import gca_scanpy as gca
    >>> adata = sc.datasets.pbmc68k_reduced()
    >>> adata.obs["donor"] = np.where(np.arange(adata.n_obs) % 2, "A", "B")
    >>> gca.tl.harmonize(adata, "louvain", "donor", tissue="blood")
    >>> gca.get.clusters(adata).index[0]
    'A | 0'
    """
    cells = CellsApart.read_apart(adata, groupby, sample_key, layer=layer, gene_symbols=gene_symbols)
    samples = {pair: read_pair(pair)[0] for pair in cells.clustering.ids}
    request = cells.request(
        species=species,
        tissue=_by_cluster(tissue, samples),
        marker_db=marker_db,
        certainty=certainty,
        groups=None,
        key_added=key_added,
        within=sample_key,
        agreement=agreement,
    )
    return cells.label(evolve(request, proposer=Harmonized(samples, agreement)), key_added, copy=copy)


def _by_cluster(tissue: Tissue, samples: Mapping[str, str]) -> Tissue:
    """The tissue of each cluster, if there is one for each sample."""
    if not isinstance(tissue, Mapping):
        return tissue
    by_sample = {str(sample): names for sample, names in tissue.items()}
    there = list(dict.fromkeys(samples.values()))
    strangers = [sample for sample in by_sample if sample not in there]
    if strangers:
        msg = f"tissue names samples that do not exist: {', '.join(strangers[:5])}; there are: {', '.join(there[:12])}"
        raise InputError(msg)
    return {pair: by_sample[sample] for pair, sample in samples.items() if sample in by_sample}


@checked(groupby=optional(COLUMN), key_added=optional(KEY))
def split(
    adata: AnnData,
    clusters: Optional[Union[str, Iterable[Any]]] = None,
    *,
    groupby: Optional[str] = None,
    key: str = DEFAULT_KEY,
    key_added: Optional[str] = None,
    copy: bool = False,
) -> Optional[AnnData]:
    """Take mixed clusters apart by their cells, in a new grouping.

    :func:`gca_scanpy.tl.annotate` and :func:`gca_scanpy.tl.validate` look at the cells of each cluster that they flag
    because of another lineage. If these are two populations, or doublets of two types, each cell is given to its part
    by the same genes. The names are like those that Scanpy gives with ``restrict_to``: cluster ``"3"`` becomes
    ``"3,0"``, the cells of the proposed label's lineage, and ``"3,1"``, those of the other lineage. Cells that express
    both are ``"3,doublets"``, and cells that express too few of the genes stay in ``"3"``. All other clusters stay as
    they are.

    Parameters
    ----------
    adata
        An annotated object with the matrix that was ranked. Only the key below is written.
    clusters
        Id of a mixed cluster, or a list of ids. If None, all clusters that can be separated; if there are none, the new
        column has the same clusters as before.
    groupby
        Column of ``adata.obs`` with the clusters. If None, that of the run; it cannot be another one.
    key
        The ``key_added`` of the run.
    key_added
        Name of the new column. If None, ``"leiden_split"`` for clusters in the column ``"leiden"``.
    copy
        Whether to work on a copy and return it; the copy of a backed object is in memory.

    Returns
    -------
    AnnData or None
        The copy if ``copy`` is true. It sets:

        ``.obs[key_added]`` : categorical
            The new grouping, to be labeled with ``gca_scanpy.tl.annotate(adata, groupby=key_added)``. The parts stand
            in the place of their cluster.

    Raises
    ------
    MissingKeyError
        If there is no report under this key, or its clusters or labels were removed.
    InputError
        If a cluster does not exist, is not mixed, or cannot be separated; if the matrix or the genes are no longer
        there; or if the new column would replace the clusters or a result. ``adata`` is untouched whenever an error
        is raised.

    Examples
    --------
    >>> import numpy as np
    >>> import scanpy as sc
    >>> import gca_scanpy as gca
    >>> adata = sc.datasets.pbmc68k_reduced()
    >>> types = adata.obs["bulk_labels"].astype(str)
    >>> adata.obs["coarse"] = types.replace({"CD14+ Monocyte": "mix", "CD19+ B": "mix"})
    >>> gca.tl.annotate(adata, groupby="coarse", tissue="blood")
    >>> gca.tl.split(adata, "mix")
    >>> sorted(adata.obs["coarse_split"].unique())[-3:]
    ['mix', 'mix,0', 'mix,1']
    """
    report = read_report(adata, key)
    clustering = clusters_of(adata, report, key)
    if groupby not in (None, clustering.groupby):
        msg = (
            f"groupby={groupby!r}, but the report in .uns[{key!r}] is about the clusters in {clustering.groupby!r}; "
            "pass the key of the other run, or annotate those clusters first"
        )
        raise InputError(msg)
    column = f"{clustering.groupby}_split" if key_added is None else key_added
    check_column(adata, column, clustering.groupby)
    chosen = _chosen(report, clusters, clustering.all_ids)
    expression = Expression.of_run(adata, clustering, report.parameters, _bundled.gene_names())
    states = {}
    for cluster in chosen:
        told = states_of(cluster, expression) if cluster.cluster_id in clustering.all_ids else None
        if told is None:
            msg = (
                f"cluster {cluster.cluster_id!r} cannot be separated, because its cells, the matrix of the run or its "
                "genes have changed; annotate again"
            )
            raise InputError(msg)
        states[cluster.cluster_id] = told
    target = duplicate(adata) if copy else adata
    write_split(target, clustering, states, column)
    return target if copy else None


def _chosen(
    report: DatasetReport, clusters: Optional[Union[str, Iterable[Any]]], there: Container[str]
) -> list[ClusterReport]:
    """The clusters to take apart, each once; all of those that are there if none is named.

    Raises
    ------
    InputError
        If a named cluster does not exist or cannot be separated; the message says what its cells are.
    """
    separable = [c for c in report.clusters if c.mixture is not None and c.mixture.kind in SEPARABLE]
    if clusters is None:
        return [cluster for cluster in separable if cluster.cluster_id in there]
    ids = [clusters] if isinstance(clusters, str) else list(dict.fromkeys(map(str, clusters)))
    if not ids:
        msg = "clusters is empty; name clusters, or pass None for all mixed ones"
        raise InputError(msg)
    known = {cluster.cluster_id: cluster for cluster in report.clusters}
    others = ", ".join(repr(cluster.cluster_id) for cluster in separable) or "none"
    for name in ids:
        if name not in known:
            msg = f"there is no cluster {name!r}; there are: {', '.join(map(repr, known))}"
            raise InputError(msg)
        if known[name] not in separable:
            msg = f"cluster {name!r} cannot be separated: {_why(known[name])}; clusters that can be: {others}"
            raise InputError(msg)
    return [known[name] for name in ids]


def _why(cluster: ClusterReport) -> str:
    if cluster.mixture is not None:
        return cluster.validation.notes[-1]
    if "mixed_lineage" in cluster.validation.flag_reasons:
        return "it is mixed, but the run could not read its cells, so annotate again with the matrix"
    return "the run found no second lineage in it"
