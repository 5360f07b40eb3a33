"""Comparison of two labelings of the same cells by the Cell Ontology terms of their labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Optional

import numpy as np
import numpy.typing as npt
from attrs import frozen

from gca_scanpy._keys import UNKNOWN_LABEL
from gca_scanpy._names.ontology import Lineages, Relation, distance, relation, sort_key

Counts = npt.NDArray[np.integer[Any]]


@frozen
class Pair:
    """A label of the first column, a label of the second, and the cells that have both.

    Attributes
    ----------
    share
        Share of the cells with the first label that have the second, 0 to 1.
    steps
        Steps between the two terms in the ontology; None if a label has no term.
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
        The labels of the two columns, with related labels next to each other.
    pairs
        Pairs of labels that share cells, in this order.
    exact
        Share of the cells whose two labels are the same term or the same text, 0 to 1.
    compatible
        Share of the cells whose labels are exact or ancestor and descendant, 0 to 1.
    adjusted_rand
        Adjusted Rand index: how similar the two groupings are, whatever the labels are called; 1 if they are equal.
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
        The labels of each column, with their terms.
    counts
        Cells with each pair of labels, shape (n_firsts, n_seconds).
    """
    rows, columns = _ordered(firsts, lineages), _ordered(seconds, lineages)
    row_of = {label: i for i, label in enumerate(firsts)}
    column_of = {label: i for i, label in enumerate(seconds)}
    row_sums = counts.sum(axis=1)
    pairs = []
    for first in rows:
        for second in columns:
            i, j = row_of[first], column_of[second]
            if counts[i, j]:
                a, b = firsts[first], seconds[second]
                kind: Relation = "exact" if first == second else relation(a, b, lineages)
                share = float(counts[i, j] / row_sums[i])
                pairs.append(Pair(first, second, int(counts[i, j]), share, kind, distance(a, b, lineages)))
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
    from sklearn.metrics import adjusted_rand_score  # takes longer to import than all other modules that this needs

    first, second = np.repeat(np.indices(counts.shape).reshape(2, -1), counts.ravel(), axis=1)
    return float(adjusted_rand_score(first, second))
