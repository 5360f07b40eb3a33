"""One label from several columns of labels, by the Cell Ontology."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Callable, Optional

import numpy as np
from attrs import evolve, frozen

from gca_scanpy import _pipeline, names
from gca_scanpy._adata import (
    CellVerdicts,
    Clustering,
    Column,
    cell_verdicts,
    check_key,
    check_writable,
    duplicate,
    read_column,
    terms_of,
    write_report,
)
from gca_scanpy._adata.members import keep_decisions
from gca_scanpy._arguments import COLUMN, SECONDS, SHARE, Kind, checked, is_a, optional
from gca_scanpy._events import Clock, Run
from gca_scanpy._judging.consensus import Ladder, describe
from gca_scanpy._keys import CONSENSUS_KEY, MIN_AGREEMENT, UNKNOWN_LABEL, ObsKeys
from gca_scanpy._prepare import Tissue, check_species, check_tissue
from gca_scanpy._reporting.report import voted_report
from gca_scanpy._request import Agreed, Request
from gca_scanpy.db import _bundled
from gca_scanpy.errors import InputError, LabelWarning, warn
from gca_scanpy.tl._request import Cells, make_request, run_details

if TYPE_CHECKING:
    from anndata import AnnData

LISTED = 8  # labels in a warning


def _is_columns(value: Any) -> bool:
    is_list = isinstance(value, (list, tuple)) or is_a(value, "pandas", "Index")
    return is_list and len(value) > 0 and all(isinstance(name, str) for name in value)


def _is_weights(value: Any) -> bool:
    if not isinstance(value, Mapping):
        return False
    return all(isinstance(k, str) and (SHARE.accepts(v) or SECONDS.accepts(v)) for k, v in value.items())


def _is_names(value: Any) -> bool:
    return isinstance(value, Mapping) and all(isinstance(text, str) for pair in value.items() for text in pair)


KEYS = Kind(_is_columns, "a list of columns of .obs with labels, such as ['celltypist', 'singler']")
WEIGHTS = Kind(_is_weights, "a dict with a number from 0 for each column, such as {'expert': 2}")
SCORES = Kind(_is_names, "a dict with the column of the scores for each column, such as {'celltypist': 'conf_score'}")


@checked(keys=KEYS, groupby=optional(COLUMN), weights=optional(WEIGHTS), scores=optional(SCORES), min_agreement=SHARE)
def consensus(
    adata: AnnData,
    keys: Sequence[str],
    groupby: Optional[str] = None,
    *,
    weights: Optional[Mapping[str, float]] = None,
    scores: Optional[Mapping[str, str]] = None,
    terms: Optional[Mapping[str, str]] = None,
    min_agreement: float = MIN_AGREEMENT,
    species: str = "human",
    tissue: Tissue = None,
    marker_db: Any = None,
    key_added: str = CONSENSUS_KEY,
    copy: bool = False,
) -> Optional[AnnData]:
    """Join the labels of several tools into one, by the Cell Ontology.

    Each column of labels is a vote, and supports its term and all ancestors of the term. The result is the deepest term
    on which the votes agree, and who disagrees. Labels may have other names and other depths in each column: they are
    read as :func:`gca_scanpy.names.find` reads them. A label that is less deep than the result does not contradict it.
    Cells without a label, and labels such as ``"Unassigned"`` or ``"Doublet"``, abstain.

    Parameters
    ----------
    adata
        Annotated data. If ``groupby`` is given, log-normalized. Only the keys below are written.
    keys
        Columns of ``adata.obs`` with labels. A column that :func:`gca_scanpy.tl.annotate` wrote, such as
        ``"gptca_label"``, votes with the probability of each level in its report.
    groupby
        Column of ``adata.obs`` with clusters: each gets one label, and the marker genes check it as
        :func:`gca_scanpy.tl.validate` does. If None, each cell gets its own label, and no genes are used.
    weights
        Weight of each column, 0 or more; 1 for a column that is not named.
    scores
        The column with the probabilities of a tool's labels, 0 to 1, by the column of its labels. A cell's vote counts
        as much as its probability; a cell without one abstains.
    terms
        Cell Ontology ids or names for labels that cannot be read, such as ``{"CD19+ B": "B cell"}``.
    min_agreement
        Agreement that a label must have, 0 to 1: the weight of the votes for it, divided by that of the votes for and
        against it. A vote that leaves it open, such as "T cell" for a subtype, counts half.
    species, tissue, marker_db
        As in :func:`gca_scanpy.tl.annotate`. The tissue also says what a label means that has several meanings.
    key_added
        Prefix of the ``.obs`` columns, and key in ``.uns``.
    copy
        Whether to work on a copy and return it; the copy of a backed object is in memory.

    Returns
    -------
    AnnData or None
        The copy if ``copy`` is true. The keys are those of :func:`gca_scanpy.tl.annotate` under ``key_added``, such as
        ``.obs["consensus_label"]``, ``.obs["consensus_broad_label"]``, ``.obs["consensus_ontology_id"]`` and
        ``.uns["consensus"]``. In addition it sets:

        ``.obs["consensus_agreement"]`` : float
            The agreement on the label, 0 to 1; 0 if there is none.

        The label is ``"Unknown or Novel"`` if there is no type on which the votes agree. If the marker genes speak
        against a label, its status is ``flagged``, but the label stands, whatever the setting ``force_unknown``.
        Each cluster of the report has the votes: ``gca.get.report(adata, "consensus").clusters[0].consensus``. Without
        ``groupby``, the clusters of the report are the cells with the same label.

    Raises
    ------
    MissingKeyError
        If a column does not exist.
    InputError
        If an argument cannot be used, or no cell has a label with a term. ``adata`` is untouched whenever an error is
        raised.

    Examples
    --------
    >>> import scanpy as sc
    >>> import gca_scanpy as gca
    >>> adata = sc.datasets.pbmc68k_reduced()
    >>> gca.tl.annotate(adata, groupby="louvain", tissue="blood")
    >>> gca.tl.consensus(adata, ["gptca_label", "bulk_labels"], groupby="louvain", tissue="blood")
    >>> vote = gca.get.report(adata, "consensus").cluster("4").consensus.votes[1]
    >>> vote.label, vote.relation
    ('CD19+ B', 'same')
    """
    voters = _Voters.of(keys, weights, scores)
    recorded = {**voters.recorded, "terms": terms, "min_agreement": min_agreement, "key_added": key_added}
    columns = voters.read(adata, _reader(tissue, species), terms_of(terms or {}, _bundled.ontology()))
    unread = _check_labels(columns)
    ladder = Ladder(_bundled.lineages(), frozenset(_bundled.short_names()))
    if groupby is None:
        request = evolve(make_request(tissue, species, marker_db, recorded), warnings=unread)
        check_key(adata, key_added, "", voters.inputs)
        return _label_cells(adata, columns, cell_verdicts(columns, min_agreement, ladder), request, copy=copy)
    cells = Cells.read(adata, groupby, None)
    by_column = [column.ballots(cells.clustering) for column in columns]
    ballots = dict(zip(cells.clustering.ids, zip(*by_column)))
    request = cells.request(species=species, tissue=tissue, marker_db=marker_db, groups=None, **recorded)
    settings = evolve(request.settings, force_unknown=False)
    request = evolve(request, proposer=Agreed(ballots, min_agreement, ladder, unread), settings=settings)
    return cells.label(request, key_added, copy=copy, inputs=voters.inputs)


@frozen
class _Voters:
    """The columns of labels, each with its weight and the column of its scores."""

    weights: Mapping[str, float]
    scores: Mapping[str, str]

    @classmethod
    def of(
        cls, keys: Sequence[str], weights: Optional[Mapping[str, float]], scores: Optional[Mapping[str, str]]
    ) -> _Voters:
        """The columns in the user's order.

        Raises
        ------
        InputError
            If a column is named twice, a weight or a score belongs to none of them, or no column has a weight.
        """
        twice = next((key for i, key in enumerate(keys) if key in list(keys)[:i]), None)
        if twice is not None:
            msg = f"keys names {twice!r} twice; name each column once, and use weights to let one count more"
            raise InputError(msg)
        for name, values in (("weights", weights or {}), ("scores", scores or {})):
            stranger = next((key for key in values if key not in keys), None)
            if stranger is not None:
                msg = f"{name} names {stranger!r}, which is not among the keys: {', '.join(map(repr, keys))}"
                raise InputError(msg)
        used = {key: float((weights or {}).get(key, 1.0)) for key in keys}
        if not any(used.values()):
            msg = "all weights are 0, so that no column counts; give at least one column a weight above 0"
            raise InputError(msg)
        return cls(used, dict(scores or {}))

    @property
    def inputs(self) -> tuple[str, ...]:
        """All columns that are read."""
        return (*self.weights, *self.scores.values())

    @property
    def recorded(self) -> dict[str, Any]:
        """What the report says about them."""
        is_weighed = any(weight != 1 for weight in self.weights.values())
        return {
            "keys": list(self.weights),
            "weights": dict(self.weights) if is_weighed else None,
            "scores": self.scores or None,
            "force_unknown": False,
        }

    def read(self, adata: AnnData, read: Callable[[str], Optional[str]], given: Mapping[str, str]) -> list[Column]:
        """The votes of the columns."""
        scores = self.scores.get
        return [read_column(adata, key, weight, scores(key), read, given) for key, weight in self.weights.items()]


def _reader(tissue: Tissue, species: str) -> Callable[[str], Optional[str]]:
    """What reads labels; of tissues by cluster, each may be meant."""
    place, kind = check_tissue(tissue), check_species(species)
    texts = [text for text in (place.values() if isinstance(place, Mapping) else [place]) if text]
    tissues = sorted({name for text in texts for name in _bundled.tissues().read(text).tissues})
    return lambda label: names.find(label, tissues, kind).ontology_id


def _check_labels(columns: Sequence[Column]) -> tuple[str, ...]:
    """Warn of labels that no term could be read for.

    Raises
    ------
    InputError
        If no cell has a label with a term.
    """
    messages = []
    for column in columns:
        if column.unread:
            listed = ", ".join(map(repr, column.unread[:LISTED]))
            more = f" and {len(column.unread) - LISTED} more" if len(column.unread) > LISTED else ""
            labels = "1 label" if len(column.unread) == 1 else f"{len(column.unread)} labels"
            message = (
                f"no cell type could be read from {labels} of .obs[{column.key!r}], whose cells do not count there: "
                f"{listed}{more}; name the types with the argument terms"
            )
            warn(message, LabelWarning)
            messages.append(message)
    if not any(column.strengths().any() for column in columns):
        msg = (
            f"no cell has a label with a cell type in {', '.join(f'.obs[{c.key!r}]' for c in columns)}; name other "
            "columns, or the types of the labels with the argument terms"
        )
        raise InputError(msg)
    return tuple(messages)


def _label_cells(
    adata: AnnData, columns: Sequence[Column], found: CellVerdicts, request: Request, *, copy: bool
) -> Optional[AnnData]:
    """Write the labels of the single cells, and a report on the cells with the same label."""
    if not copy:
        check_writable(adata)
    key, lineages = request.parameters["key_added"], found.poll.ladder.lineages
    ids = (*map(lineages.ontology.label, found.terms), *((UNKNOWN_LABEL,) if (found.codes < 0).any() else ()))
    codes = np.where(found.codes < 0, len(found.terms), found.codes)
    clustering = Clustering(ObsKeys(key).label, ids, codes, ids)
    terms, sizes = dict(zip(ids, (*found.terms, None))), clustering.sizes
    with Run(run_details(request, len(ids))) as run:
        clusters = []
        for position, votes in enumerate(zip(*(column.ballots(clustering) for column in columns))):
            name, mean = ids[position], float(found.agreement[codes == position].mean())
            agreed = evolve(describe(votes, terms[name], found.poll), agreement=round(mean, 4))
            clusters.append(voted_report(name, agreed, sizes[name], lineages))
        asked = evolve(request, parameters={**request.parameters, "groupby": clustering.groupby})
        report = _pipeline.report_votes(clusters, asked, Clock())
        target = duplicate(adata) if copy else adata
        report = keep_decisions(adata, report, clustering, key)
        palette, short = _bundled.palette(), _bundled.shortener()
        write_report(target, report, clustering, key, palette, short, found.agreement)
        run.report = report
    return target if copy else None
