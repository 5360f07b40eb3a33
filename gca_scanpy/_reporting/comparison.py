"""Two labelings of the same cells, compared by what the ontology knows of their labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Optional

import numpy as np
import numpy.typing as npt
from attrs import frozen

from gca_scanpy._keys import UNKNOWN_LABEL
from gca_scanpy._names.lineages import Lineages, Relation, distance, relation, sort_key

Counts = npt.NDArray[np.integer[Any]]


@frozen
class Pair:
    """A label of the first column with one of the second, and the cells that have both.

    Attributes
    ----------
    share
        Of the cells with the first label, 0 to 1.
    steps
        Steps between the two terms in the ontology; None where a label has no term.
    """

    first: str
    second: str
    cells: int
    share: float
    relation: Relation
    steps: Optional[int]


@frozen(kw_only=True)
class Comparison:
    """How two columns of labels agree.

    Attributes
    ----------
    firsts, seconds
        The labels of the two columns, kin together.
    pairs
        Pairs of labels that share cells, in this order.
    exact, compatible
        Shares of the cells, 0 to 1: whose two labels are one term or one text; or those and ancestor and descendant.
    adjusted_rand
        Adjusted Rand index: how alike the two groupings are, whatever the names; 1 where they are the same.
    """

    firsts: tuple[str, ...]
    seconds: tuple[str, ...]
    pairs: tuple[Pair, ...]
    cells: int
    exact: float
    compatible: float
    adjusted_rand: float


def compare(
    firsts: Mapping[str, Optional[str]], seconds: Mapping[str, Optional[str]], counts: Counts, lineages: Lineages
) -> Comparison:
    """Compare two columns of labels.

    Parameters
    ----------
    firsts, seconds
        The terms of the labels of each column.
    counts
        Cells with each pair of labels, shape (n_firsts, n_seconds).
    """
    rows, columns = _ordered(firsts, lineages), _ordered(seconds, lineages)
    places = {label: i for i, label in enumerate(firsts)}, {label: i for i, label in enumerate(seconds)}
    sums = counts.sum(axis=1)
    pairs = []
    for first in rows:
        for second in columns:
            i, j = places[0][first], places[1][second]
            if counts[i, j]:
                a, b = firsts[first], seconds[second]
                related: Relation = "exact" if first == second else relation(a, b, lineages)
                share = float(counts[i, j] / sums[i])
                pairs.append(Pair(first, second, int(counts[i, j]), share, related, distance(a, b, lineages)))
    total = int(counts.sum())
    exact = sum(pair.cells for pair in pairs if pair.relation == "exact")
    kin = sum(pair.cells for pair in pairs if pair.relation == "kin")
    return Comparison(
        firsts=rows,
        seconds=columns,
        pairs=tuple(pairs),
        cells=total,
        exact=exact / total if total else 0.0,
        compatible=(exact + kin) / total if total else 0.0,
        adjusted_rand=_adjusted_rand(counts),
    )


def _ordered(labels: Mapping[str, Optional[str]], lineages: Lineages) -> tuple[str, ...]:
    return tuple(sorted(labels, key=lambda label: (sort_key(labels[label], lineages), label == UNKNOWN_LABEL, label)))


def _adjusted_rand(counts: Counts) -> float:
    """Hubert and Arabie 1985, of a table of counts."""

    def pairs(values: Any) -> float:
        whole = np.asarray(values, dtype=float)
        return float((whole * (whole - 1) / 2).sum())

    both, rows, columns = pairs(counts), pairs(counts.sum(axis=1)), pairs(counts.sum(axis=0))
    every = pairs(counts.sum())
    expected = rows * columns / every if every else 0.0
    most = (rows + columns) / 2
    return (both - expected) / (most - expected) if most != expected else 1.0
