"""What one tab of the page knows: the file as it was last looked at, and what is left to decide."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import define
from filelock import FileLock, Timeout

from gca_scanpy._reporting.curation import Choice, decide, joined, standing
from gca_scanpy._stores import review
from gca_scanpy.db import _bundled
from gca_scanpy.errors import ConflictError
from gca_scanpy.model import ClusterReport, DatasetReport, Decision
from gca_scanpy.tl._curate import now

if TYPE_CHECKING:
    from anndata import AnnData


PATIENCE = 120  # seconds that another may take to copy a large file


def save(
    path: Path, key: str, seen: DatasetReport, choices: Collection[Choice], who: str, patience: float = PATIENCE
) -> DatasetReport:
    """Save what a curator decided who looked at ``seen``; gives the report as it is in the file then.

    What others decided about other clusters meanwhile stays. The lock is a file beside the data, so that it also holds
    between machines that share a folder.

    Raises
    ------
    ConflictError
        Where another decided about the same cluster meanwhile, or is saving for longer than ``patience`` seconds.
    InputError, MissingKeyError, ReportError, OSError
        Where a decision or the file cannot be used.
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


NEED = {"flagged": 0, "unknown": 1, "supported": 2}
MARKS = {"flagged": "⚠", "unknown": "?", "supported": "·"}

Stamp = tuple[int, int, int]


@define
class Desk:
    """A curator's view of a file.

    Attributes
    ----------
    report
        The report as the curator sees it, with which a decision is compared when it is saved.
    cells
        Labels and embeddings; no expression.
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
        cells = review.read_without_matrix(path, key)
        return cls(path, key, review.read_report(path, key), cells, stamp)

    @property
    def decided(self) -> dict[str, Decision]:
        """The decisions that stand, by cluster."""
        return standing(self.report)

    def order(self) -> list[str]:
        """Cluster ids, those in need first: open before decided, flagged, then unknown, then by low confidence."""
        decided = self.decided

        def need(cluster: ClusterReport) -> tuple[bool, int, float]:
            return cluster.cluster_id in decided, NEED[cluster.status], cluster.confidence_score

        return [cluster.cluster_id for cluster in sorted(self.report.clusters, key=need)]

    def next_open(self, after: str) -> str:
        """The cluster to look at when one is decided: the neediest that is open, else the same."""
        decided = self.decided
        return next((name for name in self.order() if name not in decided and name != after), after)

    def title(self, cluster_id: str) -> str:
        """A cluster in a line: whether it is done, its id, the label that stands, its cells."""
        cluster, decision = self.report.cluster(cluster_id), self.decided.get(cluster_id)
        label = decision.to_label if decision else cluster.annotation.primary_label
        cells = "" if cluster.n_cells is None else f" ({cluster.n_cells:,} cells)"
        return f"{'✓' if decision else MARKS[cluster.status]} {cluster_id}: {label}{cells}"

    def is_behind(self) -> bool:
        """Whether the file was written since it was looked at."""
        return _stamp(self.path) != self._stamp

    def refresh(self) -> None:
        """Look at the file again; where it was annotated anew, at its cells too."""
        stamp, report = _stamp(self.path), review.read_report(self.path, self.key)
        if report.provenance != self.report.provenance:
            self.cells = review.read_without_matrix(self.path, self.key)
        self.report, self._stamp = report, stamp

    def save(self, choice: Choice, who: str) -> None:
        """Save a decision, and look at the file as it is then; raises as :func:`gca_scanpy._ui.desk.save` does."""
        save(self.path, self.key, self.report, [choice], who)
        self.refresh()


def _stamp(path: Path) -> Stamp:
    found = path.stat()
    return found.st_mtime_ns, found.st_size, found.st_ino
