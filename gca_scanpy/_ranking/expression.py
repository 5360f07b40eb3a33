"""What a cluster's cells express beyond its ranking: genes that they share with others, and genes that they lack."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from attrs import frozen

from gca_scanpy._ranking.moments import Floats, Moments

PRESENT_FRACTION = 1 / 3  # share of the cluster's cells that express the gene
PRESENT_RATIO = 0.5  # of the mean of the cluster that expresses it most; ambient RNA stays far below
DETECTED_FRACTION = 0.25  # share of some cluster's cells from which a gene is known to be detectable in this data
ABSENT_RATIO, ABSENT_FRACTION = 0.1, 0.1  # below both, next to that cluster, the gene is not there
LARGE = 10  # cells of a cluster; fewer say little of what is absent, or higher than elsewhere


@frozen
class Expressed:
    """Genes by name.

    Attributes
    ----------
    present
        Widely expressed, as much as in most clusters that have them: they tell the lineage where all clusters share it
        and a comparison with the rest does not find them. Most widely expressed first.
    absent
        Hardly expressed although another cluster shows that they can be detected; most clearly so first.
    """

    present: tuple[str, ...]
    absent: tuple[str, ...]


def expressed(moments: Moments, names: list[str], clusters: Mapping[str, int]) -> dict[str, Expressed]:
    """What each cluster expresses and lacks; empty where values may be negative, so that zero is not absence.

    Parameters
    ----------
    names
        Gene names, in the order of the moments' columns.
    clusters
        Rows of the moments by cluster id.
    """
    means, fractions = _linear(moments.means), moments.fractions
    large = moments.cells >= LARGE
    if not large.any() or moments.lowest < 0:
        return {}
    best_mean, best_fraction = means[large].max(axis=0), fractions[large].max(axis=0)
    detected = best_fraction >= DETECTED_FRACTION
    found = {}
    for key, row in clusters.items():
        if not large[row]:
            continue
        present = (fractions[row] >= PRESENT_FRACTION) & (means[row] >= PRESENT_RATIO * best_mean)
        absent = detected & (fractions[row] <= ABSENT_FRACTION) & (means[row] <= ABSENT_RATIO * best_mean)
        found[key] = Expressed(
            present=_ordered(names, present, fractions[row]), absent=_ordered(names, absent, best_fraction)
        )
    return found


def _linear(means: Floats) -> Floats:
    with np.errstate(over="ignore"):
        return np.expm1(means)


def _ordered(names: list[str], chosen: Floats, by: Floats) -> tuple[str, ...]:
    genes = np.flatnonzero(chosen)
    return tuple(names[gene] for gene in genes[np.argsort(-by[genes], kind="stable")])
