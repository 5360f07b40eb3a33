"""Two labelings of the same cells, compared by the Cell Ontology terms of their labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Optional

import numpy as np
import numpy.typing as npt
import pandas as pd
from attrs import frozen

from gca_scanpy._adata.clusters import by_numbers, read_clustering
from gca_scanpy._adata.objects import column_of
from gca_scanpy._adata.write import read_report
from gca_scanpy._keys import UNKNOWN_LABEL, ObsKeys
from gca_scanpy._names.ontology import Lineages, Ontology, Relation, distance, relation, sort_key
from gca_scanpy._names.resolver import GENERAL
from gca_scanpy._reporting.curation import standing
from gca_scanpy.errors import GcaError, InputError

if TYPE_CHECKING:
    from anndata import AnnData

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
    def key(label: str) -> tuple[Any, ...]:
        return sort_key(labels[label], lineages), label == UNKNOWN_LABEL, by_numbers(label)

    return tuple(sorted(labels, key=key))


def _adjusted_rand(counts: Counts) -> float:
    from sklearn.metrics import adjusted_rand_score  # takes longer to import than all other modules that this needs

    first, second = np.repeat(np.indices(counts.shape).reshape(2, -1), counts.ravel(), axis=1)
    return float(adjusted_rand_score(first, second))


def compare_columns(
    adata: AnnData, first: str, second: str, lineages: Lineages, given: Optional[Mapping[str, str]] = None
) -> tuple[Comparison, tuple[Mapping[str, Optional[str]], Mapping[str, Optional[str]]]]:
    """Compare two columns of labels; also returns the term of each label, for each column.

    The term of a label is the one in ``given`` (an id or a name). Otherwise, for a column that this package wrote, it
    is the one in its report. Otherwise, it is the term that has this name in the ontology.

    Raises
    ------
    MissingKeyError
        If a column is missing.
    InputError
        If a column cannot be read, no cell has both labels, or a value of ``given`` is not a term.
    """
    rows, columns = read_clustering(adata, first), read_clustering(adata, second)
    both = (rows.codes >= 0) & (columns.codes >= 0)
    if not both.any():
        msg = f"no cell has both a label in .obs[{first!r}] and one in .obs[{second!r}]; compare other columns"
        raise InputError(msg)
    counts = np.zeros((len(rows.all_ids), len(columns.all_ids)), dtype=np.int64)
    np.add.at(counts, (rows.codes[both], columns.codes[both]), 1)
    given_terms = terms_of(given or {}, lineages.ontology)
    first_terms, second_terms = (
        {
            label: given_terms.get(label) or reported.get(label) or lineages.ontology.resolve(label)
            for label in clustering.all_ids
        }
        for clustering, reported in ((rows, reported_terms(adata, first)), (columns, reported_terms(adata, second)))
    )
    return compare(first_terms, second_terms, counts, lineages), (first_terms, second_terms)


def terms_of(given: Mapping[str, str], ontology: Ontology) -> dict[str, str]:
    """The ids of the terms that a user gives for labels, by id or name.

    Raises
    ------
    InputError
        If one is not a term.
    """
    terms = {}
    for label, name in given.items():
        term = ontology.resolve(str(name))
        if term is None:
            msg = f"terms[{label!r}]={name!r} is neither the id nor a name of a Cell Ontology term; correct it"
            raise InputError(msg)
        terms[str(label)] = term
    return terms


def reported_terms(adata: AnnData, column: str) -> Mapping[str, Optional[str]]:
    """The terms of a column's labels in the report that it belongs to; empty if this package did not write it."""
    for key in adata.uns:
        keys = ObsKeys(str(key))
        if column not in (*keys.colored(), keys.curated_label):
            continue
        try:
            report = read_report(adata, key)
        except GcaError:  # the entry of .uns is not a report
            continue
        clusters = report.clusters
        if column == keys.curated_label:
            return {decision.to_label: decision.to_ontology_id for decision in standing(report).values()}
        if column == keys.label:
            return {c.annotation.primary_label: c.annotation.ontology_id for c in clusters}
        if column == keys.short_label:
            return _terms_beside(adata.obs, column, keys.ontology_id)
        if column == keys.proposed_label:
            return {c.annotation.proposed_label: c.annotation.proposed_ontology_id for c in clusters}
        if column == keys.fine_label:
            return {c.fine_label: c.path[-1].ontology_id for c in clusters if c.path}
        return {c.broad_label: c.broad_ontology_id for c in clusters}
    return {}


def _terms_beside(obs: Any, column: str, ids: str) -> Mapping[str, Optional[str]]:
    """The terms of a column's labels in another column; empty if that was removed."""
    if ids not in obs.columns:
        return {}
    pairs = dict.fromkeys(zip(*(column_of(obs, name).astype(object) for name in (column, ids))))
    return {str(label): None if pd.isna(term) else str(term) for label, term in pairs if not pd.isna(label)}
