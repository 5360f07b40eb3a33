"""Comparison of two labelings of the same cells by the Cell Ontology terms of their labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Optional

import numpy as np
import numpy.typing as npt
from attrs import frozen

from gca_scanpy._keys import UNKNOWN_LABEL
from gca_scanpy._names.ontology import Lineages, Relation, distance, relation, sort_key
from gca_scanpy._names.resolver import GENERAL

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
    precision, recall
        Share of the terms that the first label says (its term and the ancestors) that the second says as well, and the
        other way round, 0 to 1; ancestors that say nothing, such as "cell", are left out. None if a label has no term.
    """

    first: str
    second: str
    cells: int
    share: float
    relation: Relation
    steps: Optional[int]
    precision: Optional[float] = None
    recall: Optional[float] = None

    @property
    def f1(self) -> Optional[float]:
        """The harmonic mean of precision and recall."""
        return _f1(self.precision, self.recall)


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
    precision, recall
        The same as of the pairs, over all cells whose labels both have a term: the shared terms of all of these cells,
        divided by the terms that their labels say. None if there is no such cell.
    """

    firsts: tuple[str, ...]
    seconds: tuple[str, ...]
    pairs: tuple[Pair, ...]
    cells: int
    exact: float
    compatible: float
    adjusted_rand: float
    precision: Optional[float] = None
    recall: Optional[float] = None

    @property
    def f1(self) -> Optional[float]:
        """The harmonic mean of precision and recall."""
        return _f1(self.precision, self.recall)


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
    said = {term: _said(term, lineages) for term in (*firsts.values(), *seconds.values())}
    pairs, sums = [], np.zeros(3)  # of terms: shared, of the first label, of the second
    for first in rows:
        for second in columns:
            i, j = row_of[first], column_of[second]
            if counts[i, j]:
                a, b = firsts[first], seconds[second]
                kind: Relation = "exact" if first == second else relation(a, b, lineages)
                share, n = float(counts[i, j] / row_sums[i]), int(counts[i, j])
                sizes = len(said[a] & said[b]), len(said[a]), len(said[b])
                measured = (_ratio(sizes[0], sizes[1]), _ratio(sizes[0], sizes[2])) if said[a] and said[b] else ()
                pairs.append(Pair(first, second, n, share, kind, distance(a, b, lineages), *measured))
                sums += n * np.array(sizes) if measured else 0
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
        precision=_ratio(sums[0], sums[1]),
        recall=_ratio(sums[0], sums[2]),
    )


def _said(term: Optional[str], lineages: Lineages) -> frozenset[str]:
    """A term and its ancestors, as far as they say something; none for a label without a term."""
    if term is None or term not in lineages.ontology:
        return frozenset()
    return frozenset((term, *lineages.ontology.ancestors(term))) - GENERAL or frozenset((term,))


def _ratio(part: float, whole: float) -> Optional[float]:
    return float(part / whole) if whole else None


def _f1(precision: Optional[float], recall: Optional[float]) -> Optional[float]:
    if precision is None or recall is None:
        return None
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def _ordered(labels: Mapping[str, Optional[str]], lineages: Lineages) -> tuple[str, ...]:
    return tuple(sorted(labels, key=lambda label: (sort_key(labels[label], lineages), label == UNKNOWN_LABEL, label)))


def _adjusted_rand(counts: Counts) -> float:
    from sklearn.metrics import adjusted_rand_score  # takes longer to import than all other modules that this needs

    first, second = np.repeat(np.indices(counts.shape).reshape(2, -1), counts.ravel(), axis=1)
    return float(adjusted_rand_score(first, second))
