"""Welch's t-test of each gene, a cluster against all other cells, from the moments of the clusters."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from attrs import define

from gca_scanpy._ranking.moments import Floats, Moments

PSEUDOCOUNT = 1e-9  # as in Scanpy, so that a gene that the rest lacks has a fold change
EXACT = 2.0**-42  # a variance below this share of the squared mean is rounding


@define(eq=False)
class Test:
    """The test of one cluster; arrays of shape (genes,).

    Attributes
    ----------
    scores
        Welch's t statistic, 0 where there is none.
    fold_changes
        log2 of the ratio of the means of what was log1p-transformed; NaN for data with negative values.
    """

    scores: Floats
    fold_changes: Floats
    _means: tuple[Floats, Floats]
    _variances: tuple[Floats, Floats]
    _cells: tuple[float, float]

    def p_values(self, genes: npt.NDArray[np.intp]) -> Floats:
        """Two-sided p-values of some genes, not adjusted; 1 where there is no statistic."""
        from scipy import stats  # takes longer to import than a marker table takes to label

        means, variances = (
            [part[genes] for part in self._means],
            [part[genes] for part in self._variances],
        )
        with np.errstate(all="ignore"):
            found = stats.ttest_ind_from_stats(
                means[0],
                np.sqrt(variances[0]),
                self._cells[0],
                means[1],
                np.sqrt(variances[1]),
                self._cells[1],
                equal_var=False,
            )
        return np.where(np.isnan(found.pvalue), 1.0, found.pvalue)


def compare(moments: Moments, code: int) -> Test:
    """Compare a cluster with the cells of all other clusters; both need two cells.

    The same as ``sc.tl.rank_genes_groups(method="t-test", reference="rest")``, whose moments are gathered anew
    for each cluster.
    """
    n_own = float(moments.cells[code])
    n_rest = float(moments.cells.sum() - n_own)
    sums, squares = moments.sums[code], moments.squares[code]
    own = _mean_variance(sums, squares, n_own)
    rest = _mean_variance(moments.sums.sum(axis=0) - sums, moments.squares.sum(axis=0) - squares, n_rest)
    with np.errstate(all="ignore"):
        scores = (own[0] - rest[0]) / np.sqrt(own[1] / n_own + rest[1] / n_rest)
        folds = np.log2((np.expm1(own[0]) + PSEUDOCOUNT) / (np.expm1(rest[0]) + PSEUDOCOUNT))
    return Test(np.where(np.isnan(scores), 0.0, scores), folds, (own[0], rest[0]), (own[1], rest[1]), (n_own, n_rest))


def _mean_variance(sums: Floats, squares: Floats, n: float) -> tuple[Floats, Floats]:
    mean = sums / n
    variance = squares / n - mean**2
    variance[variance < EXACT * mean**2] = 0.0
    return mean, variance * (n / (n - 1))
