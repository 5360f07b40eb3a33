"""Clusters within samples: the cells of a cluster in one sample against the other cells of that sample."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Optional

import numpy as np
from attrs import define, evolve, field

from gca_scanpy._adata.clusters import Clustering
from gca_scanpy._adata.genes import Genes
from gca_scanpy._adata.matrix import Matrix, OnDisk, is_chunked
from gca_scanpy._keys import pair_id
from gca_scanpy._ranking.gather import gather, gather_chunked, gather_on_disk
from gca_scanpy._ranking.moments import Codes, Expressed, Moments, expressed, higher
from gca_scanpy._ranking.scanpys import MIN_RANKED_CELLS
from gca_scanpy._scoring import numbers
from gca_scanpy._scoring.programs import informative
from gca_scanpy._steps import ClusterMarkers, RankedGene, Ranking

NOTHING = Expressed((), (), {}, np.zeros(0))
NOT_RANKED = "the cluster has one cell, or its sample has no two other cells, so no marker genes can be computed for it"
NOTHING_HIGHER = "no gene is higher in this cluster than in the others of its sample beyond chance"


@define(eq=False)
class Groups:
    """The cells of each cluster in each sample, so that one pass over the matrix gives the moments of both.

    Attributes
    ----------
    cells
        The group of each cell.
    clusters, samples
        For each group the code of its cluster, and that of its sample, which is -1 for cells without one.
    are_read
        Whether the moments of the clusters count a group: if they are read from some of the cells only, those cells are
        groups of their own.
    """

    cells: Clustering
    clusters: Codes
    samples: Codes
    are_read: Codes

    @classmethod
    def of(cls, clustering: Clustering, samples: Clustering, read: Clustering) -> Groups:
        """Group the cells; ``read`` has the same clusters as ``clustering``, of all or some of the cells."""
        n_samples = len(samples.all_ids) + 1
        clustered = clustering.codes >= 0
        numbered = (clustering.codes * n_samples + samples.codes + 1) * 2 + (read.codes >= 0)
        found, places = np.unique(numbered[clustered], return_inverse=True)
        codes = np.full(len(numbered), -1)
        codes[clustered] = places
        ids = tuple(map(str, found))
        pairs = found // 2
        cells = Clustering(clustering.groupby, ids, codes, ids)
        return cls(cells, pairs // n_samples, pairs % n_samples - 1, found % 2)

    def clusters_of(self, moments: Moments, n_clusters: int) -> Moments:
        """The moments of the clusters, from those of the groups."""
        return moments.added(np.where(self.are_read == 1, self.clusters, -1), n_clusters)

    def joined(self, moments: Moments) -> tuple[Groups, Moments]:
        """One group for each cluster of each sample, with its moments, whether or not its cells were read for both."""
        found, places = np.unique([self.clusters, self.samples], axis=1, return_inverse=True)
        if found.shape[1] == len(self.clusters):
            return self, moments
        ids, places = tuple(map(str, range(found.shape[1]))), places.ravel()
        codes = np.where(self.cells.codes >= 0, places[self.cells.codes], -1)
        cells = Clustering(self.cells.groupby, ids, codes, ids)
        return Groups(cells, found[0], found[1], np.ones_like(found[0])), moments.added(places, len(ids))


@define(eq=False)
class SampleMoments:
    """The moments of each cluster in each sample.

    Attributes
    ----------
    clustering, samples
        The cluster and the sample of each cell.
    groups, moments
        The cells of each cluster in each sample, and their moments.
    labels
        The genes, as a report names them.
    n_markers
        Marker genes of each cluster that are considered.
    sizes
        Number of cells by cluster and sample.
    """

    clustering: Clustering
    samples: Clustering
    groups: Groups
    moments: Moments
    labels: Sequence[str]
    n_markers: int
    sizes: Codes = field(init=False)

    def __attrs_post_init__(self) -> None:
        """Count the cells of each cluster in each sample."""
        self.groups, self.moments = self.groups.joined(self.moments)
        self.sizes = np.zeros((len(self.clustering.all_ids), len(self.samples.all_ids)), dtype=np.intp)
        both = (self.clustering.codes >= 0) & (self.samples.codes >= 0)
        np.add.at(self.sizes, (self.clustering.codes[both], self.samples.codes[both]), 1)

    def rank(
        self, genes: Sequence[RankedGene], known: Codes, min_cells: int, *, absent: bool = True
    ) -> Iterator[tuple[str, str, ClusterMarkers]]:
        """Cluster, sample and markers of each requested cluster in each sample; the samples follow one another.

        Parameters
        ----------
        genes
            All genes of the matrix.
        known
            The columns of those that can be present or absent genes.
        min_cells
            A cluster is left out if it has fewer cells in a sample, or if the sample has fewer other cells.
        absent
            Whether to give the absent genes; the cells of one sample are often too few to show that a gene is absent.
        """
        of_known = self.moments.of_genes(known)
        by_name = {genes[column].name: genes[column] for column in reversed(known.tolist())}
        names, leading = [genes[column].name for column in known], self._leading(min_cells)
        ranked = np.unique(np.concatenate([*leading.values(), np.zeros(0, dtype=np.intp)]))
        telling = frozenset(informative([genes[column].name for column in ranked], len(ranked)))
        for code, sample in enumerate(self.samples.all_ids):
            there = {self.clustering.all_ids[row]: row for row, of in leading if of == code}
            rows = np.where(self.groups.samples == code, self.groups.clusters, -1)
            expression = expressed(of_known.added(rows, len(self.sizes)), names, there, absent=absent)
            for key, row in there.items():
                held, best = expression.get(key, NOTHING), [genes[column] for column in leading[row, code].tolist()]
                best = ([gene for gene in best if gene.name in telling] or best)[: self.n_markers]
                markers = ClusterMarkers(
                    cluster_id=key,
                    genes=tuple(RankedGene(gene.name, gene.symbol, held.level(gene.name)) for gene in best),
                    present=tuple(map(by_name.__getitem__, held.present)),
                    absent=tuple(map(by_name.__getitem__, held.absent)),
                    n_cells=int(self.sizes[row, code]),
                )
                yield key, sample, markers

    def _leading(self, min_cells: int) -> dict[tuple[int, int], Codes]:
        """The first genes of each requested cluster in each sample, as columns, by the codes of both.

        Only a gene whose mean is above that of the whole sample can be higher than in the other cells.
        """
        n_genes, leading = numbers.NUMBERS.ranked_per_marker * self.n_markers, {}
        requested = {row for row, key in enumerate(self.clustering.all_ids) if key in self.clustering.ids}
        for code in range(len(self.samples.all_ids)):
            there, sizes = self.groups.samples == code, self.sizes[:, code]
            whole = self.moments.added(np.where(there, 0, -1), 1)
            for group in np.flatnonzero(there).tolist():
                row = int(self.groups.clusters[group])
                if row in requested and min(sizes[row], sizes.sum() - sizes[row]) >= min_cells:
                    above = np.flatnonzero(self.moments.means[group] > whole.means[0])
                    part = self.moments.of_genes(above, slice(group, group + 1))
                    others = _without(part, whole.of_genes(above))
                    leading[row, code] = above[higher(part, 0, n_genes, others)]
        return leading

    def rank_apart(self, pairs: Clustering) -> tuple[ClusterMarkers, ...]:
        """The marker genes of each cluster of each sample, if the samples were clustered apart.

        Parameters
        ----------
        pairs
            The clusters of the samples, with the ids of :func:`gca_scanpy._keys.pair_id`.
        """
        genes, measured = [RankedGene(label) for label in self.labels], frozenset(self.labels)
        found = {
            pair_id(sample, cluster): markers
            for cluster, sample, markers in self.rank(genes, np.arange(len(genes)), MIN_RANKED_CELLS)
        }
        sizes = pairs.sizes
        return tuple(
            evolve(
                found[key], cluster_id=key, measured=measured, warnings=() if found[key].genes else (NOTHING_HIGHER,)
            )
            if key in found
            else ClusterMarkers(key, (), measured=measured, n_cells=sizes[key], warnings=(NOT_RANKED,))
            for key in pairs.ids
        )


def _without(part: Moments, whole: Moments) -> Moments:
    """The moments of the cells of the whole that are not in the part, by the inverse of the formula that merges them.

    It takes fewer steps than ``Moments.others``. It loses digits where a gene varies by many orders of magnitude less
    in the other cells, and has a clear difference then.
    """
    n, left = part.measured, whole.measured - part.measured
    share = n / np.maximum(left, 1)
    difference = part.means - whole.means
    between = difference * difference * (n * (1 + share))
    missing = None
    if whole.missing is not None:
        missing = whole.missing - (0.0 if part.missing is None else part.missing)
    return Moments(
        cells=whole.cells - part.cells,
        means=whole.means - difference * share,
        deviations=np.maximum(whole.deviations - part.deviations - between, 0.0),
        expressing=whole.expressing - part.expressing,
        lowest=whole.lowest,
        missing=missing,
        infinite=whole.infinite,
    )


def read_moments(
    matrix: Matrix,
    clustering: Clustering,
    samples: Optional[Clustering],
    features: Genes,
    options: Ranking,
    *,
    few: bool = False,
) -> tuple[Moments, Optional[SampleMoments]]:
    """The moments of the clusters, from all or a few of their cells, and those of the samples, from all cells."""
    data = matrix.data
    gather_all = gather_chunked if is_chunked(data) else gather_on_disk if isinstance(data, OnDisk) else gather
    read = clustering.subsampled(numbers.NUMBERS.sampled_cells) if few else clustering
    if samples is None:
        return gather_all(data, read, linear=not matrix.logged), None
    groups = Groups.of(clustering, samples, read)
    moments = gather_all(data, groups.cells, linear=not matrix.logged)
    names = [label for label, is_gene in zip(features.labels, features.are_genes) if is_gene]
    by_sample = SampleMoments(clustering, samples, groups, moments, names, options.n_markers)
    return groups.clusters_of(moments, len(clustering.all_ids)), by_sample
