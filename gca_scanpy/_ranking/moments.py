"""Mean, variance and share of expressing cells by cluster and gene, and what they show.

They show the genes that are higher by Welch's t-test, widely expressed, or absent. A NaN or infinite value is left out,
as if the gene had not been measured in this cell. The moments of groups of cells can be merged.
"""

from __future__ import annotations

import math
from collections.abc import Container, Iterable, Mapping, Sequence
from typing import Optional, Union

import numpy as np
import numpy.typing as npt
from attrs import define, frozen

from gca_scanpy._scoring import numbers
from gca_scanpy._steps import Activity, Symbols

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.intp]


@define(eq=False)
class Moments:
    """Moments of all clusters; each array but ``cells`` has the shape (clusters, genes).

    Attributes
    ----------
    cells
        Number of cells by cluster, shape (clusters,).
    means
        Mean values; 0 if no value was measured.
    deviations
        Sums of the squared deviations from the mean. Unlike sums of squares, they lose no digits if the values are
        large and vary little.
    expressing
        Number of cells with a non-zero value.
    lowest
        The lowest value, or 0 if all values are higher.
    missing
        Number of cells with a NaN or infinite value; None if all values are finite.
    infinite
        Number of infinite values.
    """

    cells: Floats
    means: Floats
    deviations: Floats
    expressing: Floats
    lowest: float = 0.0
    missing: Optional[Floats] = None
    infinite: int = 0

    @classmethod
    def empty(cls, n_rows: int, n_genes: int) -> Moments:
        """The moments of no cells."""
        means, deviations, expressing = (np.zeros((n_rows, n_genes)) for _ in range(3))
        return cls(np.zeros(n_rows), means, deviations, expressing)

    @property
    def measured(self) -> Floats:
        """Number of cells with a value, shape (clusters, genes), or (clusters, 1) if all values are finite."""
        cells = self.cells[:, np.newaxis]
        return cells if self.missing is None else cells - self.missing

    @property
    def others(self) -> Moments:
        """For each cluster, the moments of the cells of all other clusters.

        They are merged, in two directions, and not the difference from a total, which would lose digits.
        """
        shape = self.means.shape
        others, rows = Moments.empty(*shape), range(shape[0])
        for order in (rows, reversed(rows)):
            seen = Moments.empty(1, shape[1])
            for row in order:
                others._add(row, seen, 0)
                seen._add(0, self, row)
        return others

    def added(self, rows: Codes, n_rows: int) -> Moments:
        """The moments of larger groups of cells: ``rows`` has the group of each row of these, or -1 for none."""
        return merge_cells([(rows, self)], n_rows, self.means.shape[1])

    def of_genes(self, genes: Union[Codes, slice], rows: slice = slice(None)) -> Moments:
        """The moments of some genes, in some clusters."""

        def part(table: Floats) -> Floats:
            return table[rows, genes] if isinstance(genes, slice) else np.take(table[rows], genes, axis=1)

        means, deviations, expressing = map(part, (self.means, self.deviations, self.expressing))
        missing = None if self.missing is None else part(self.missing)
        return Moments(self.cells[rows], means, deviations, expressing, self.lowest, missing, self.infinite)

    def _add(self, row: int, other: Moments, number: int) -> None:
        """Add the cells in a row of other moments to those in a row of these, by the formula of Chan and others."""
        if not self.cells[row] and other.missing is None:  # most groups of cells are read in one part
            self.means[row], self.deviations[row] = other.means[number], other.deviations[number]
            self.expressing[row], self.cells[row] = other.expressing[number], other.cells[number]
            return
        if other.missing is not None:
            if self.missing is None:
                self.missing = np.zeros_like(self.means)
            before, n = self.cells[row] - self.missing[row], other.cells[number] - other.missing[number]
            self.missing[row] += other.missing[number]
        else:
            before, n = self.measured[row], other.cells[number]
        share = n / np.maximum(before + n, 1)
        difference = other.means[number] - self.means[row]
        self.means[row] += difference * share
        self.deviations[row] += other.deviations[number] + difference * difference * (before * share)
        self.expressing[row] += other.expressing[number]
        self.cells[row] += other.cells[number]


def merge_cells(parts: Iterable[tuple[Union[Codes, Sequence[int]], Moments]], n_rows: int, n_genes: int) -> Moments:
    """The moments of groups of cells, from those of disjoint smaller groups, each with its row of the result, or -1."""
    merged = Moments.empty(n_rows, n_genes)
    for rows, part in parts:
        for number, row in enumerate(rows):
            if row >= 0:
                merged._add(row, part, number)
        merged.lowest = min(merged.lowest, part.lowest)
        merged.infinite += part.infinite
    return merged


def merge_genes(parts: Sequence[Moments]) -> Moments:
    """The moments of all genes, from those of consecutive groups of genes in the same cells."""
    tables = zip(*((part.means, part.deviations, part.expressing) for part in parts))
    means, deviations, expressing = (np.concatenate(table, axis=1) for table in tables)
    missing = None
    if any(part.missing is not None for part in parts):
        of_parts = [np.zeros_like(part.means) if part.missing is None else part.missing for part in parts]
        missing = np.concatenate(of_parts, axis=1)
    lowest, infinite = min(part.lowest for part in parts), sum(part.infinite for part in parts)
    return Moments(parts[0].cells, means, deviations, expressing, lowest, missing, infinite)


AT_ONCE = 2_000  # genes
PSEUDOCOUNT = 1e-9  # the same as Scanpy's, so that a gene that all other cells lack has a fold change


@define(eq=False)
class Test:
    """The test of one cluster, by gene; the scores are Welch's t statistic, or 0 if it is undefined."""

    scores: Floats
    _means: tuple[Floats, Floats]
    _variances: tuple[Floats, Floats]
    _cells: tuple[Floats, Floats]

    def fold_changes(self, genes: Codes) -> Floats:
        """log2 of the ratio of the means, for log1p-transformed values; NaN if the data has negative values."""
        mean, rest_mean = (part[genes] for part in self._means)
        with np.errstate(all="ignore"):
            folds: Floats = np.log2((np.expm1(mean) + PSEUDOCOUNT) / (np.expm1(rest_mean) + PSEUDOCOUNT))
        return folds

    def are_higher(self, genes: Codes) -> npt.NDArray[np.bool_]:
        """Which of these genes are higher than in the other cells, beyond chance."""
        # NaN passes: scaled data has no fold changes, so only the score decides. The p-value removes genes that are
        # higher by chance, which a panel of few genes would otherwise end with.
        likely = self.p_values(genes) <= numbers.NUMBERS.max_p_value
        return (self.scores[genes] > 0) & ~(self.fold_changes(genes) <= 0) & likely

    def p_values(self, genes: Codes) -> Floats:
        """Two-sided p-values of these genes, not adjusted; 1 if the statistic is undefined."""
        from scipy import special  # importing scipy.stats takes longer than the test of all clusters

        (mean, variance, cells), (rest_mean, rest_variance, rest_cells) = (
            [np.broadcast_to(part, self.scores.shape)[genes] for part in parts]
            for parts in zip(self._means, self._variances, self._cells)
        )
        with np.errstate(all="ignore"):
            error, rest_error = variance / cells, rest_variance / rest_cells
            statistic = (mean - rest_mean) / np.sqrt(error + rest_error)
            freedom = (error + rest_error) ** 2 / (error**2 / (cells - 1) + rest_error**2 / (rest_cells - 1))
            # Without any variance, the degrees of freedom have no effect, but must be a number.
            values = 2 * special.stdtr(np.where(np.isnan(freedom), 1.0, freedom), -np.abs(statistic))
        return np.where(np.isnan(values), 1.0, values)


def compare(moments: Moments, row: Union[int, slice], others: Optional[Moments] = None) -> Test:
    """Compare the cluster in a row of the moments with all other cells, ``moments.others``; both need two cells.

    The result is that of ``sc.tl.rank_genes_groups(method="t-test", reference="rest")``. Several rows have tables.
    """
    parts = moments, moments.others if others is None else others
    mean, rest_mean = (part.means[row] for part in parts)
    n_inside, n_rest = (part.measured[row] for part in parts)
    with np.errstate(all="ignore"):  # a gene that is measured in fewer than two cells has no variance, so no statistic
        variance, rest_variance = (
            np.where(n > 1, part.deviations[row] / (n - 1), np.nan) for part, n in zip(parts, (n_inside, n_rest))
        )
        scores = (mean - rest_mean) / np.sqrt(variance / n_inside + rest_variance / n_rest)
    scores = np.where(np.isnan(scores), 0.0, scores)
    return Test(scores, (mean, rest_mean), (variance, rest_variance), (n_inside, n_rest))


def higher(moments: Moments, row: int, n_genes: int, others: Optional[Moments] = None) -> Codes:
    """The first genes by Welch's t statistic, as columns: those that are higher than in other cells, beyond chance."""
    test = compare(moments, row, others)
    leading = _first(test.scores, n_genes)
    return leading[test.are_higher(leading)]


def higher_in_each(moments: Moments, rows: list[int], n_genes: int) -> list[Codes]:
    """What :func:`higher` gives for each of these rows.

    The other cells are merged for some genes at a time: all at once, they would need as much memory as the moments.
    """
    scores = np.zeros((len(rows), moments.means.shape[1]))
    for start in range(0, scores.shape[1], AT_ONCE):
        genes = slice(start, start + AT_ONCE)
        scores[:, genes] = compare(moments.of_genes(genes), slice(None)).scores[rows]
    leading = [_first(found, n_genes) for found in scores]
    ranked = np.unique(np.concatenate([*leading, np.zeros(0, dtype=np.intp)]))
    part = moments.of_genes(ranked)
    others = part.others
    tests = (compare(part, row, others) for row in rows)
    return [first[test.are_higher(np.searchsorted(ranked, first))] for first, test in zip(leading, tests)]


def _first(scores: Floats, n: int) -> Codes:
    """The places of the ``n`` highest scores, the highest first; of equal ones, the first comes first."""
    if n >= len(scores):
        return np.argsort(-scores, kind="stable")
    candidates = np.flatnonzero(scores >= np.partition(scores, -n)[-n])
    return candidates[np.argsort(-scores[candidates], kind="stable")][:n]


@frozen
class Expressed:
    """Genes by name.

    Attributes
    ----------
    present
        Widely expressed genes, most widely first; those of a lineage that all clusters share are among them.
    absent
        Hardly expressed genes that another cluster shows to be detectable, the most detectable first.
    """

    present: tuple[str, ...]
    absent: tuple[str, ...]
    _columns: Mapping[str, int]
    _levels: Floats

    def level(self, name: str) -> float:
        """The mean of a gene in the cluster relative to the highest mean of any cluster, 0 to 1; 1 if unknown."""
        column = self._columns.get(name)
        return 1.0 if column is None else float(self._levels[column])


def expressed(
    moments: Moments, names: list[str], clusters: Mapping[str, int], *, absent: bool = True
) -> dict[str, Expressed]:
    """The present and absent genes of each cluster; none if values are negative, because zero is then no absence.

    The names are those of the moments' columns. ``absent`` is whether to give the absent genes, which may be thousands.
    """
    measured = moments.measured
    large = np.broadcast_to(measured >= numbers.NUMBERS.min_cluster_cells, moments.means.shape)
    if not large.any() or moments.lowest < 0:
        return {}

    def mean_and_share(row: int) -> tuple[Floats, Floats]:  # one row, because tables of all take much memory
        return _linear(moments.means[row]), moments.expressing[row] / np.maximum(measured[row], 1)

    best_mean, best_fraction = np.zeros((2, moments.means.shape[1]))
    for row, is_large in enumerate(large):
        for best, values in zip((best_mean, best_fraction), mean_and_share(row)):
            np.maximum(best, values, out=best, where=is_large)
    genes, columns = {}, {name: column for column, name in enumerate(names)}
    for key, row in clusters.items():
        if not large[row].any():
            continue
        mean, share = mean_and_share(row)
        fraction = np.where(large[row], share, np.nan)  # NaN is neither high nor low
        are_present, are_absent = present_and_absent(fraction, mean, best_fraction, best_mean)
        with np.errstate(divide="ignore", invalid="ignore"):
            levels = np.where(best_mean > 0, np.minimum(mean / best_mean, 1.0), 1.0)
        genes[key] = Expressed(
            present=_ordered(names, are_present, share),
            absent=_ordered(names, are_absent, best_fraction) if absent else (),
            columns=columns,
            levels=levels,
        )
    return genes


def present_and_absent(
    fraction: Floats, mean: Floats, best_fraction: Floats, best_mean: Floats
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Which genes a cluster widely expresses, and which it lacks although the best one shows them; NaN is neither."""
    used, detected = numbers.NUMBERS, best_fraction >= numbers.NUMBERS.detected_fraction
    present = (fraction >= used.present_fraction) & (mean >= used.present_ratio * best_mean)
    absent = detected & (fraction <= used.absent_fraction) & (mean <= used.absent_ratio * best_mean)
    return present, absent


def activity(
    moments: Moments, names: Sequence[str], ids: Sequence[str], symbols: Symbols, known: Container[str]
) -> Optional[Activity]:
    """How far each cluster has each gene on; None if values are negative, or no cluster has enough cells.

    A gene is on by its mean relative to the highest mean of any cluster, on a logarithmic scale, and by the share of
    the cells that express it: few cells may be another population. It is off by the same scale, unless so few cells of
    all clusters show it that its absence says little. Only known genes are looked at. A name that was not read is its
    own symbol, in capitals.
    """
    used, large = numbers.NUMBERS, (moments.cells >= numbers.NUMBERS.min_cluster_cells)[:, np.newaxis]
    if not large.any() or moments.lowest < 0:
        return None
    found = ((column, symbols.get(name, name.upper())) for column, name in enumerate(names))
    wanted = {column: symbol for column, symbol in found if symbol is not None and symbol in known}
    # Tables are changed in place, because they are the most memory that a run needs beside the matrix.
    kept = np.array([*wanted], dtype=np.intp)
    high, fractions = (table.take(kept, axis=1) for table in (moments.means, moments.expressing))
    high = np.nan_to_num(_linear(high, high), copy=False)
    fractions /= np.maximum(moments.measured if moments.missing is None else moments.measured[:, kept], 1)
    best_mean, best_fraction = (np.max(table, axis=0, initial=0.0, where=large) for table in (high, fractions))
    high /= np.where(best_mean > 0, best_mean, 1.0)
    np.log(np.clip(high, used.off_level, 1.0, out=high), out=high)
    high /= math.log(used.off_level)
    np.subtract(1.0, high, out=high)
    usual = np.sum(high, axis=0, where=large) + used.usual_share * used.usual_clusters
    off = 1.0 - high
    off *= np.minimum(1.0, best_fraction / used.detected_fraction)
    for row, fraction in zip(high, fractions):
        row *= np.minimum(1.0, fraction / used.present_fraction)
    columns: dict[str, int] = {}
    for column, symbol in enumerate(wanted.values()):
        if best_mean[column] > 0:  # of two genes with one symbol, the first counts
            columns.setdefault(symbol, column)
    rows, usual = {key: row for row, key in enumerate(ids)}, usual / (large.sum() + used.usual_clusters)
    return Activity(rows, columns, on=high, off=off, usual=usual, fractions=fractions)


def _linear(means: Floats, out: Optional[Floats] = None) -> Floats:
    with np.errstate(over="ignore"):
        return np.expm1(means, out=out)


def _ordered(names: list[str], chosen: npt.NDArray[np.bool_], by: Floats) -> tuple[str, ...]:
    genes = np.flatnonzero(chosen)
    return tuple(names[gene] for gene in genes[np.argsort(-by[genes], kind="stable")])
