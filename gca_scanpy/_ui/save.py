"""Decisions into the file, one curator after the other."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from filelock import FileLock, Timeout

from gca_scanpy._adata import review_file
from gca_scanpy._core.curation import Choice, decide, joined
from gca_scanpy._errors import ConflictError
from gca_scanpy.db import _bundled
from gca_scanpy.model import DatasetReport
from gca_scanpy.tl._curate import now

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
            report = joined(seen, review_file.read_report(place, key), choices)
            decided = decide(report, choices, who, now(), _bundled.ontology())
            if decided is not report:
                review_file.write(place, decided, key)
            return decided
    except Timeout as error:
        msg = f"another curator has been saving {path.name} for {patience:g} seconds; nothing was saved, so try again"
        raise ConflictError(msg) from error
