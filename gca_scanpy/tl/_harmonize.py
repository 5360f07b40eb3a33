"""Give the same kind of cell the same name in samples that were clustered apart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Optional

from attrs import evolve

from gca_scanpy._arguments import COLUMN, SHARE, checked
from gca_scanpy._keys import DEFAULT_KEY, read_pair
from gca_scanpy._prepare import Tissue
from gca_scanpy._propose import Harmonized
from gca_scanpy.errors import InputError
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
