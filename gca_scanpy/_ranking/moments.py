"""Mean, variance and share of expressing cells by cluster and gene, and how those of groups of cells are merged.

A NaN or infinite value is left out, as if the gene had not been measured in this cell.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Optional, Union

import numpy as np
import numpy.typing as npt
from attrs import define

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
    def fractions(self) -> Floats:
        """Shares of expressing cells, 0 to 1."""
        return self.expressing / np.maximum(self.measured, 1)

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

    def of_genes(self, columns: Codes) -> Moments:
        """The moments of some genes."""
        means, deviations, expressing = (table[:, columns] for table in (self.means, self.deviations, self.expressing))
        missing = None if self.missing is None else self.missing[:, columns]
        return Moments(self.cells, means, deviations, expressing, self.lowest, missing, self.infinite)

    def added(self, rows: Codes, n_rows: int) -> Moments:
        """The moments of ``n_rows`` larger groups of cells.

        Parameters
        ----------
        rows
            For each row of these moments the row of its larger group, or -1 if it belongs to none.
        """
        return merge_cells([(rows, self)], n_rows, self.means.shape[1])

    def _add(self, row: int, other: Moments, number: int) -> None:
        """Add the cells in a row of other moments to those in a row of these, by the formula of Chan and others."""
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
    """The moments of groups of cells, from those of disjoint smaller groups in the same genes.

    Parameters
    ----------
    parts
        Moments, with the row of the result that each of their rows belongs to, or -1 if it belongs to none.
    """
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
    means, deviations, expressing = (
        np.concatenate(arrays, axis=1)
        for arrays in zip(*((part.means, part.deviations, part.expressing) for part in parts))
    )
    missing = None
    if any(part.missing is not None for part in parts):
        missing = np.concatenate(
            [np.zeros_like(part.means) if part.missing is None else part.missing for part in parts], axis=1
        )
    lowest, infinite = min(part.lowest for part in parts), sum(part.infinite for part in parts)
    return Moments(parts[0].cells, means, deviations, expressing, lowest, missing, infinite)
