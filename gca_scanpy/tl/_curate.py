"""Decide on the labels of clusters."""

from __future__ import annotations

import getpass
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Optional, Union

from gca_scanpy._adata.curate import read_for_curation, write_curation
from gca_scanpy._adata.objects import duplicate
from gca_scanpy._keys import DEFAULT_KEY
from gca_scanpy._reporting.curation import Choice, decide
from gca_scanpy.db import _bundled
from gca_scanpy.errors import InputError

if TYPE_CHECKING:
    from anndata import AnnData

Ids = Union[str, Iterable[Any]]


def curate(
    adata: AnnData,
    labels: Optional[Mapping[Any, str]] = None,
    *,
    accept: Ids = (),
    mixed: Optional[Mapping[Any, str]] = None,
    reopen: Ids = (),
    who: Optional[str] = None,
    why: str = "",
    key: str = DEFAULT_KEY,
    copy: bool = False,
) -> Optional[AnnData]:
    """Record what a curator decided about clusters; what the run proposed stays beside it, untouched.

    The last decision about a cluster stands. All are kept in the audit trail, which :func:`gca_scanpy.get.curation`
    shows; the same decision of the same curator, made again, is not entered twice.

    Parameters
    ----------
    adata
        An annotated object.
    labels
        A label by cluster id. What Cell Ontology knows by that name (``"pDC"``) or id (``"CL:0000784"``) is written as
        it has it; ``"activated pDC (CL:0000784)"`` keeps your words with its term; other words have no term.
    accept
        Clusters whose label is right as it stands: the curated one, else the machine's.
    mixed
        Clusters of several types, with a note that says which; their label becomes ``"Mixed"``.
    reopen
        Clusters to be decided again.
    who
        The curator's name; where None, that of the system's user.
    why
        The reason, kept in the audit trail.
    key
        The ``key_added`` of the run.
    copy
        Whether to work on a copy and return it; the copy of a backed object is in memory.

    Returns
    -------
    AnnData or None
        The copy where ``copy`` is true. It sets (for ``key="gptca"``):

        ``.obs["gptca_curated_label"]`` : categorical
            The label that was decided on, missing where nothing was.
        ``.obs["gptca_curated_ontology_id"]`` : categorical
            Its Cell Ontology id, missing where it has none.
        ``.uns["gptca"]["report"]`` : str
            The report with the decisions in its audit trail.

    Raises
    ------
    MissingKeyError
        Where there is no report under this key.
    InputError
        Where a cluster is not there (the message lists those that are), is named twice, or its cells were changed since
        the run; where a label is empty, or a mixed cluster has no note. ``adata`` is untouched whenever an error is
        raised.
    ReportError
        Where a later version wrote the report.

    Examples
    --------
    >>> import scanpy as sc
    >>> import gca_scanpy as gca
    >>> adata = sc.datasets.pbmc68k_reduced()
    >>> gca.tl.annotate(adata, groupby="louvain", tissue="blood")
    >>> gca.tl.curate(adata, {"5": "pDC"}, accept=["4"], who="Ada Lovelace", why="LILRA4 and GZMB")
    >>> adata.obs["gptca_curated_label"].dropna().unique().tolist()
    ['plasmacytoid dendritic cell', 'B cell']
    """
    choices = [
        *(Choice(str(key), "changed", str(label), why) for key, label in (labels or {}).items()),
        *(Choice(key, "accepted", why=why) for key in _ids(accept)),
        *(Choice(str(key), "mixed", why=str(note)) for key, note in (mixed or {}).items()),
        *(Choice(key, "reopened", why=why) for key in _ids(reopen)),
    ]
    named = [choice.cluster_id for choice in choices]
    twice = [name for name in named if named.count(name) > 1]
    if twice:
        msg = f"cluster {twice[0]!r} is named twice; give one decision for each cluster"
        raise InputError(msg)
    report = read_for_curation(adata, key)
    decided = decide(report, choices, user() if who is None else who, now(), _bundled.ontology())
    target = duplicate(adata) if copy else adata
    write_curation(target, decided, key)
    return target if copy else None


def _ids(clusters: Ids) -> list[str]:
    return [clusters] if isinstance(clusters, str) else [str(key) for key in clusters]


def now() -> str:
    """UTC in ISO 8601, to the second."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


def user() -> str:
    """The name of the system's user; where it has none, ``"unknown"``."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container may have a user without a name
        return "unknown"
