"""The state of one browser tab: the file as it was last read, what is left to decide, and the labels to choose from."""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import define
from filelock import FileLock, Timeout

from gca_scanpy._events import now
from gca_scanpy._keys import UNKNOWN_LABEL
from gca_scanpy._names.ontology import TERM_ID, Ontology, normalize_name
from gca_scanpy._reporting.curation import Choice, decide, joined, standing
from gca_scanpy._reporting.display import STATUSES
from gca_scanpy._stores import review
from gca_scanpy.db import _bundled
from gca_scanpy.errors import ConflictError
from gca_scanpy.model import ClusterReport, DatasetReport, Decision

if TYPE_CHECKING:
    from anndata import AnnData

PATIENCE = 120  # seconds that another curator may take to copy a large file
NEED = {"flagged": 0, "unknown": 1, "supported": 2}
DECIDED, OPEN = "☑", "☐"

Stamp = tuple[int, int, int]


def save(
    path: Path, key: str, seen: DatasetReport, choices: Collection[Choice], who: str, patience: float = PATIENCE
) -> DatasetReport:
    """Save the decisions of a curator who has read the report ``seen``; returns the report that the file then holds.

    Decisions that others saved about other clusters meanwhile are kept. The lock is a file beside the data, so it also
    works between machines that share a folder.

    Raises
    ------
    ConflictError
        If another curator decided about the same cluster meanwhile, or is saving for longer than ``patience`` seconds.
    InputError, MissingKeyError, ReportError, OSError
        If a decision or the file cannot be used.
    """
    place = path.resolve()
    try:
        with FileLock(str(place.with_name(f".{place.name}.lock")), timeout=patience):
            report = joined(seen, review.read_report(place, key), choices)
            decided = decide(report, choices, who, now(), _bundled.ontology())
            if decided is not report:
                review.write(place, decided, key)
            return decided
    except Timeout as error:
        msg = f"another curator has been saving {path.name} for {patience:g} seconds; nothing was saved, so try again"
        raise ConflictError(msg) from error


@define
class Desk:
    """A curator's view of a file.

    Attributes
    ----------
    report
        The report as the curator sees it; saving compares it with the file.
    cells
        Labels and embeddings, without expression.
    """

    path: Path
    key: str
    report: DatasetReport
    cells: AnnData
    _stamp: Stamp

    @classmethod
    def open(cls, path: Path, key: str) -> Desk:
        """Read a file; raises as :func:`gca_scanpy._stores.review.read_without_matrix` does."""
        stamp = _stamp(path)
        cells, report = review.read_without_matrix(path, key)
        return cls(path, key, report, cells, stamp)

    @property
    def decided(self) -> dict[str, Decision]:
        """The decisions that stand, by cluster."""
        return standing(self.report)

    def order(self) -> list[str]:
        """Cluster ids by need: open before decided, flagged before unknown before supported, low confidence first."""
        decided = self.decided

        def need(cluster: ClusterReport) -> tuple[bool, int, float]:
            return cluster.cluster_id in decided, NEED[cluster.status], cluster.confidence_score

        return [cluster.cluster_id for cluster in sorted(self.report.clusters, key=need)]

    def next_open(self, after: str) -> str:
        """The cluster to show after one is decided: the first open one by need, or the same if all are decided."""
        decided = self.decided
        return next((name for name in self.order() if name not in decided and name != after), after)

    def title(self, cluster_id: str) -> str:
        """A cluster in a line: whether it is decided, its status if it is open, its id, label and number of cells."""
        cluster, decision = self.report.cluster(cluster_id), self.decided.get(cluster_id)
        label = decision.to_label if decision else cluster.annotation.primary_label
        mark = DECIDED if decision else f"{OPEN} {STATUSES[cluster.status].mark}"
        n = cluster.n_cells
        cells = "" if n is None else f" ({n:,} {'cell' if n == 1 else 'cells'})"
        return f"{mark} {cluster_id}: {label}{cells}"

    def is_behind(self) -> bool:
        """Whether the file was written since it was read."""
        return _stamp(self.path) != self._stamp

    def refresh(self) -> None:
        """Read the report again; if the file was annotated again, its cells too."""
        stamp, report = _stamp(self.path), review.read_report(self.path, self.key)
        if report.provenance != self.report.provenance:
            self.cells, report = review.read_without_matrix(self.path, self.key)
        self.report, self._stamp = report, stamp

    def save(self, choice: Choice, who: str) -> None:
        """Save a decision and read the file again; raises as :func:`gca_scanpy._ui.desk.save` does."""
        save(self.path, self.key, self.report, [choice], who)
        self.refresh()


def _stamp(path: Path) -> Stamp:
    stat = path.stat()
    return stat.st_mtime_ns, stat.st_size, stat.st_ino


def offered_labels(cluster: ClusterReport) -> dict[str, str]:
    """The labels to choose from for a cluster, by their shown text.

    First are the levels of its path, the finest guess before the broader ones, then the other labels of the run, then
    the Cell Ontology.
    """
    annotation = cluster.annotation
    ideas = [
        *((level.label, level.ontology_id) for level in reversed(cluster.path)),
        (annotation.proposed_label, annotation.proposed_ontology_id),
        *((candidate.label, candidate.ontology_id) for candidate in cluster.candidates),
        *((alternative.label, alternative.ontology_id) for alternative in annotation.alternatives),
    ]
    ontology = _bundled.ontology()
    ideas_shown = {
        _shown(label, term): term if term is not None and term in ontology else label
        for label, term in ideas
        if label.strip()
    }
    return {**ideas_shown, **_of_ontology()}


def stopped_proposal(cluster: ClusterReport) -> str:
    """The proposed label that the checks stopped, as :func:`meant_label` gives it; empty if none was stopped."""
    label, term = cluster.stopped_label.strip(), cluster.annotation.proposed_ontology_id
    if label in ("", UNKNOWN_LABEL):
        return ""
    ontology = _bundled.ontology()
    return f"{label} ({term})" if term is not None and term in ontology and TERM_ID.fullmatch(term) else label


def meant_label(label: str, words: str) -> str:
    """The label that a chosen term (or idea of the run) and a curator's own words mean; either may be empty."""
    if not words.strip():
        return label
    return f"{words} ({label})" if TERM_ID.fullmatch(label) else words


@lru_cache(maxsize=1)
def _of_ontology() -> dict[str, str]:
    ontology = _bundled.ontology()
    labels = {_shown(term.label, term.id): term.id for term in ontology.terms.values()}
    synonyms = {f"{name} → {_shown(ontology.label(term), term)}": term for name, term in _synonyms(ontology)}
    return {name: terms[name] for terms in (labels, synonyms) for name in sorted(terms, key=str.casefold)}


def _synonyms(ontology: Ontology) -> list[tuple[str, str]]:
    """Synonyms and short names with their ids, without those that differ from another name of the id in case only."""
    names = [(synonym, term.id) for term in ontology.terms.values() for synonym in term.synonyms]
    known = {(normalize_name(term.label), term.id) for term in ontology.terms.values()}
    synonyms = []
    short = [(row.name, row.term) for row in ontology.names if row.term]
    for name, term in [*names, *short]:
        if (normalize_name(name), term) not in known:
            known.add((normalize_name(name), term))
            synonyms.append((name, term))
    return synonyms


def _shown(label: str, term: str | None) -> str:
    return f"{label} ({term})" if term else label
