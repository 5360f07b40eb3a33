"""The labels of several tools in ``.obs``, as votes of the clusters or of the single cells."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Optional, Union

import numpy as np
import numpy.typing as npt
import pandas as pd
from attrs import frozen

from gca_scanpy._adata.clusters import Clustering, group_columns, listed, rows_of
from gca_scanpy._adata.comparison import reported_terms
from gca_scanpy._adata.members import clusters_of
from gca_scanpy._adata.objects import column_of
from gca_scanpy._adata.write import read_report
from gca_scanpy._judging.consensus import Ballot, Ladder, Poll, masses_of
from gca_scanpy._keys import UNKNOWN_LABEL, ObsKeys
from gca_scanpy._names.labels import is_abstention
from gca_scanpy.errors import GcaError, InputError, MissingKeyError

if TYPE_CHECKING:
    from anndata import AnnData

Codes = npt.NDArray[np.intp]
Numbers = npt.NDArray[np.float64]
Reader = Callable[[str], Optional[str]]  # from a label to its term
CHUNK = 2_000  # combinations whose agreements are in the cache of the processor at once


@frozen
class Choice:
    """One of the answers in a column: a label, or a cluster of a report of this package.

    Attributes
    ----------
    masses
        By term, how much of a vote it gets; empty if the cells abstain.
    is_unread
        Whether it is a label that no term could be read for.
    """

    label: str
    ontology_id: Optional[str]
    masses: Mapping[str, float]
    is_unread: bool = False


@frozen(eq=False)
class Column:
    """The answers of one tool.

    Attributes
    ----------
    codes
        For each cell the position of its choice, -1 if it has none; shape (n_obs,).
    weight
        Weight of the column, 0 or more.
    scores
        For each cell the probability of its label, 0 to 1; None if all labels count alike.
    """

    key: str
    choices: tuple[Choice, ...]
    codes: Codes
    weight: float
    scores: Optional[Numbers] = None

    @property
    def unread(self) -> tuple[str, ...]:
        """The labels without a term, sorted."""
        return tuple(sorted(choice.label for choice in self.choices if choice.is_unread))

    def table(self, terms: Sequence[str]) -> Numbers:
        """What each choice gives to each term, with zeros for the code -1; shape (n_choices + 1, n_terms)."""
        rows = [[choice.masses.get(term, 0.0) for term in terms] for choice in self.choices]
        return np.array([*rows, [0.0] * len(terms)]).reshape(len(rows) + 1, len(terms))

    def strengths(self, cells: Union[Codes, slice] = slice(None)) -> Numbers:
        """For each of these cells the strength of its vote: its score, or 1; 0 if the cell abstains."""
        votes = np.array([*(bool(choice.masses) for choice in self.choices), False], dtype=float)[self.codes[cells]]
        return votes if self.scores is None else votes * self.scores[cells]

    def ballots(self, clustering: Clustering) -> list[Ballot]:
        """The vote of each requested cluster."""
        n_choices, inside = len(self.choices), (clustering.codes >= 0) & (self.codes >= 0)
        pairs = clustering.codes[inside] * n_choices + self.codes[inside]
        shape, size = (len(clustering.all_ids), n_choices), len(clustering.all_ids) * n_choices
        counts = np.bincount(pairs, minlength=size).reshape(shape)
        strength = np.bincount(pairs, self.strengths()[inside], minlength=size).reshape(shape)
        rows = [clustering.all_ids.index(name) for name in clustering.ids]
        sizes = clustering.sizes
        return [self._ballot(strength[row], counts[row], sizes[clustering.all_ids[row]]) for row in rows]

    def _ballot(self, strength: Numbers, counts: npt.NDArray[np.intp], n_cells: int) -> Ballot:
        total = float(strength.sum())
        by_term: dict[str, float] = {}
        by_label: dict[tuple[str, Optional[str]], float] = {}
        for choice, part in zip(self.choices, strength.tolist()):
            if part > 0:
                name = (choice.label, choice.ontology_id)
                by_label[name] = by_label.get(name, 0.0) + part
                for term, mass in choice.masses.items():
                    by_term[term] = by_term.get(term, 0.0) + part * mass / total
        frequent = sorted(by_label, key=lambda name: (-round(by_label[name], 9), name[0]))
        label, term_of_label = frequent[0] if frequent else ("", None)
        voting = sum(int(n) for choice, n in zip(self.choices, counts) if choice.masses)
        return Ballot(
            key=self.key,
            label=label,
            ontology_id=term_of_label,
            masses={term: round(by_term[term], 9) for term in sorted(by_term)},
            weight=self.weight * total / n_cells,
            voting=voting / n_cells,
            unread=tuple(sorted(c.label for c, n in zip(self.choices, counts) if c.is_unread and n)),
        )


def read_column(
    adata: AnnData, key: str, weight: float, scores: Optional[str], read: Reader, given: Mapping[str, str]
) -> Column:
    """The answers in ``.obs[key]``.

    A column of labels that this package wrote votes with the probabilities at each level of its report.

    Parameters
    ----------
    given
        Terms of labels, which outrank what ``read`` says.

    Raises
    ------
    MissingKeyError
        If there is no such column.
    InputError
        If the values of a column cannot be used.
    """
    column = _column(adata, key)
    strengths = None if scores is None else _scores(adata, scores)
    own = _own(adata, key, read)
    if own is not None:
        return Column(key, *own, weight, strengths)
    values = _as_category(column).cat.remove_unused_categories()
    known = {**reported_terms(adata, key), **given}
    choices = [_choice(str(label), known, read) for label in values.cat.categories]
    return Column(key, tuple(choices), values.cat.codes.to_numpy().astype(np.intp), weight, strengths)


def _column(adata: AnnData, key: str) -> pd.Series:
    if key not in adata.obs.columns:
        msg = f"there is no .obs[{key!r}]; columns that hold groups: {listed(group_columns(adata.obs)) or 'none'}"
        raise MissingKeyError(msg)
    return column_of(adata.obs, key)


def _as_category(column: pd.Series) -> pd.Series:
    if isinstance(column.dtype, pd.CategoricalDtype):
        return column
    if pd.api.types.is_numeric_dtype(column) and column.notna().any():
        msg = f".obs[{column.name!r}] has numbers and no labels; name the column with the labels of the cells"
        raise InputError(msg)
    text = column.astype(object)
    return text.where(text.isna(), text.astype(str)).astype("category")


def _choice(label: str, known: Mapping[str, Optional[str]], read: Reader) -> Choice:
    given = known.get(label)
    term = (given and read(given)) or (None if is_abstention(label) else read(label))
    is_unread = term is None and not is_abstention(label)
    return Choice(label, term, {term: 1.0} if term else {}, is_unread)


def _own(adata: AnnData, key: str, read: Reader) -> Optional[tuple[tuple[Choice, ...], Codes]]:
    """The clusters of the report that a column of labels belongs to; None if it belongs to none."""
    for name in adata.uns:
        if key != ObsKeys(str(name)).label:
            continue
        try:
            report = read_report(adata, name)
            codes = rows_of(report.clusters, clusters_of(adata, report, name))
        except GcaError:  # not a report, or the cells are no longer those of it
            return None
        choices = []
        for cluster in report.clusters:
            label, term = cluster.annotation.primary_label, cluster.annotation.ontology_id
            given = {} if label == UNKNOWN_LABEL else masses_of(cluster.path) or ({term: 1.0} if term else {})
            masses = {known: mass for name, mass in given.items() if (known := read(name))}  # ids of another release
            choices.append(Choice(label, read(term) if term else None, masses, not masses and label != UNKNOWN_LABEL))
        return tuple(choices), codes
    return None


def _scores(adata: AnnData, key: str) -> Numbers:
    """The scores of a tool; a cell without one abstains."""
    column = _column(adata, key)
    values = pd.to_numeric(column.astype(object), errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    wrong = np.flatnonzero((np.isnan(values) & column.notna().to_numpy()) | (values < 0) | (values > 1))
    if len(wrong):
        msg = (
            f".obs[{key!r}] has {column.iloc[wrong[0]]} for cell {adata.obs_names[wrong[0]]!r}, but a score is a "
            "probability from 0 to 1; scale the scores, or leave them out"
        )
        raise InputError(msg)
    return np.asarray(np.nan_to_num(values), dtype=np.float64)


@frozen(eq=False)
class CellVerdicts:
    """The consensus of each cell.

    Attributes
    ----------
    terms
        The terms that are the consensus of any cell.
    codes
        For each cell the position of its term, -1 if it has none; shape (n_obs,).
    agreement
        For each cell the agreement on it, 0 if it has none; shape (n_obs,).
    poll
        The poll on the terms of all cells.
    """

    terms: tuple[str, ...]
    codes: Codes
    agreement: Numbers
    poll: Poll


def cell_verdicts(columns: Sequence[Column], min_agreement: float, ladder: Ladder) -> CellVerdicts:
    """The consensus of each cell; cells with the same choices are counted once."""
    ordered = sorted(columns, key=lambda column: column.key)  # so that the order of the columns changes no sum
    poll = Poll.of({term for column in ordered for choice in column.choices for term in choice.masses}, ladder)
    firsts, codes = _alike(ordered)
    tables = [column.weight * column.table(poll.voted) for column in ordered]
    places, agreement = np.empty(len(firsts), dtype=np.intp), np.empty(len(firsts))
    for start in range(0, len(firsts), CHUNK):
        rows = slice(start, start + CHUNK)
        cells = firsts[rows]
        masses = np.zeros((len(cells), len(poll.voted)))
        for column, table in zip(ordered, tables):
            masses += table[column.codes[cells]] * column.strengths(cells)[:, np.newaxis]
        places[rows], agreement[rows] = poll.deepest(masses, min_agreement)
    used = sorted(set(places.tolist()) - {-1}, key=lambda place: poll.terms[place])
    order = np.full(len(poll.terms) + 1, -1, dtype=np.intp)  # the last one is that of -1
    order[used] = np.arange(len(used))
    terms = tuple(poll.terms[place] for place in used)
    return CellVerdicts(terms, order[places][codes], agreement.round(4)[codes], poll)


def _alike(columns: Sequence[Column]) -> tuple[Codes, Codes]:
    """The first cell of each combination of choices, and for each cell the position of its combination.

    With scores, each cell is a combination of its own.
    """
    n_cells = len(columns[0].codes)
    if any(column.scores is not None for column in columns):
        return np.arange(n_cells), np.arange(n_cells)
    codes = np.zeros(n_cells, dtype=np.int64)
    for column in columns:
        codes = pd.factorize(codes * (len(column.choices) + 1) + column.codes + 1)[0]
    firsts = np.empty(len(np.unique(codes)), dtype=np.intp)
    firsts[codes[::-1]] = np.arange(n_cells)[::-1]
    return firsts, codes
