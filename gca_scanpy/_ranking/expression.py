"""Genes beyond the ranking: those that a cluster's cells widely express, and those that they lack."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from attrs import frozen

from gca_scanpy._ranking.moments import Floats, Moments
from gca_scanpy._scoring import numbers


@frozen
class Expressed:
    """Genes by name.

    Attributes
    ----------
    present
        Widely expressed genes, most widely first. If all clusters share a lineage, its genes are here, because a
        comparison with the other cells does not find them.
    absent
        Hardly expressed genes that another cluster shows to be detectable, the most detectable first.
    """

    present: tuple[str, ...]
    absent: tuple[str, ...]


def expressed(moments: Moments, names: list[str], clusters: Mapping[str, int]) -> dict[str, Expressed]:
    """The present and absent genes of each cluster; none if values are negative, because zero is then no absence.

    Parameters
    ----------
    names
        Gene names, in the order of the moments' columns.
    clusters
        Rows of the moments by cluster id.
    """
    used = numbers.NUMBERS
    means, fractions = _linear(moments.means), moments.fractions
    large = np.broadcast_to(moments.measured >= used.min_cluster_cells, means.shape)
    if not large.any() or moments.lowest < 0:
        return {}
    best_mean, best_fraction = (np.where(large, values, 0.0).max(axis=0) for values in (means, fractions))
    detected = best_fraction >= used.detected_fraction
    genes = {}
    for key, row in clusters.items():
        if not large[row].any():
            continue
        fraction, mean = np.where(large[row], fractions[row], np.nan), means[row]  # NaN is neither high nor low
        present = (fraction >= used.present_fraction) & (mean >= used.present_ratio * best_mean)
        absent = detected & (fraction <= used.absent_fraction) & (mean <= used.absent_ratio * best_mean)
        genes[key] = Expressed(
            present=_ordered(names, present, fractions[row]), absent=_ordered(names, absent, best_fraction)
        )
    return genes


def _linear(means: Floats) -> Floats:
    with np.errstate(over="ignore"):
        return np.expm1(means)


def _ordered(names: list[str], chosen: Floats, by: Floats) -> tuple[str, ...]:
    genes = np.flatnonzero(chosen)
    return tuple(names[gene] for gene in genes[np.argsort(-by[genes], kind="stable")])
