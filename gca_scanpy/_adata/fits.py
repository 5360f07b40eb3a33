"""Whether a ranking is of these very cells: what it puts first must be higher in its cluster than elsewhere.

Clusters that were made anew have the same ids, "0" and on, and would get each other's labels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from gca_scanpy._adata.clusters import Clustering
from gca_scanpy._adata.expression import MIN_CELLS
from gca_scanpy._adata.moments import Moments

LEADING = 20  # genes of each cluster that are looked at
FEWEST = 5  # genes, below which nothing is said of a cluster
HIGHER = 0.5  # share of the genes that must be higher; wilcoxon and logreg rank by other than the mean


def displaced(
    ranking: Mapping[str, Sequence[str]], moments: Moments, names: Sequence[str], clustering: Clustering
) -> list[str]:
    """The clusters whose leading genes are not higher in them than in the other cells.

    Parameters
    ----------
    ranking
        Gene names by cluster, best first.
    moments
        Of these clusters, of all or of some of their cells.
    names
        Gene names, in the order of the moments' columns.
    """
    sizes = np.array([*clustering.sizes.values()], dtype=float)
    means, columns = moments.means, {name: column for column, name in enumerate(names)}
    found = []
    for row, key in enumerate(clustering.all_ids):
        genes = [columns[name] for name in list(ranking.get(key, ()))[:LEADING] if name in columns]
        others = np.arange(len(sizes)) != row
        if len(genes) < FEWEST or moments.cells[row] < MIN_CELLS or not others.any():
            continue
        leading = means[:, genes]
        rest = np.average(leading[others], axis=0, weights=sizes[others])
        if np.mean(~(leading[row] <= rest)) < HIGHER:  # NaN says nothing against it
            found.append(key)
    return found
