"""Record the decisions of a curator about clusters."""

from __future__ import annotations

import getpass
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Optional, Union

from gca_scanpy._adata.curate import read_for_curation, write_curation
from gca_scanpy._adata.objects import duplicate
from gca_scanpy._arguments import LABELS, checked, optional
from gca_scanpy._events import now
from gca_scanpy._keys import DEFAULT_KEY
from gca_scanpy._reporting.curation import Choice, decide
from gca_scanpy.db import _bundled
from gca_scanpy.errors import InputError

if TYPE_CHECKING:
    from anndata import AnnData

Ids = Union[str, Iterable[Any]]


@checked(labels=optional(LABELS))
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
    """Record the decisions of a curator about clusters. The automatic labels are not changed.

    The last decision about a cluster is the current one. The audit trail, which :func:`gca_scanpy.get.curation` shows,
    keeps all of them. If a curator repeats the current decision, no entry is added.

    Parameters
    ----------
    adata
        An annotated object.
    labels
        New label by cluster id. A name (``"pDC"``) or an id (``"CL:0000784"``) of the Cell Ontology is replaced by the
        ontology's own name of that term. ``"activated pDC (CL:0000784)"`` keeps your words and sets the term. Other
        labels have no term.
    accept
        Ids of clusters whose label is right: the curated label if there is one, otherwise the automatic one.
    mixed
        Note by id for clusters of several cell types, which names the types. The label becomes ``"Mixed"``.
    reopen
        Ids of clusters whose decision is withdrawn.
    who
        Name of the curator. If None, the name of the operating system's user.
    why
        Reason of the decisions, for the audit trail.
    key
        The ``key_added`` of the run.
    copy
        Whether to work on a copy and return it; the copy of a backed object is in memory.

    Returns
    -------
    AnnData or None
        The copy if ``copy`` is true. It sets (for ``key="gptca"``):

        ``.obs["gptca_curated_label"]`` : categorical
            The curated label, missing if there is no decision.
        ``.obs["gptca_curated_ontology_id"]`` : categorical
            Its Cell Ontology id, missing if it has none.
        ``.uns["gptca"]["report"]`` : str
            The report with the decisions in its audit trail.

    Raises
    ------
    MissingKeyError
        If there is no report under this key.
    InputError
        If a cluster does not exist (the message lists those that do), is named twice, or its cells have changed since
        the run, if a label is empty, or if a mixed cluster has no note. ``adata`` is untouched whenever an error is
        raised.
    ReportError
        If a later version of this package wrote the report.

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
        *(Choice(str(cluster), "changed", label, why) for cluster, label in ({} if labels is None else labels).items()),
        *(Choice(cluster, "accepted", why=why) for cluster in _ids(accept)),
        *(Choice(str(cluster), "mixed", why=note) for cluster, note in (mixed or {}).items()),
        *(Choice(cluster, "reopened", why=why) for cluster in _ids(reopen)),
    ]
    ids = [choice.cluster_id for choice in choices]
    repeated = [cluster for cluster in ids if ids.count(cluster) > 1]
    if repeated:
        msg = f"cluster {repeated[0]!r} is named twice; give one decision for each cluster"
        raise InputError(msg)
    report = read_for_curation(adata, key)
    decided = decide(report, choices, user() if who is None else who, now(), _bundled.ontology())
    target = duplicate(adata) if copy else adata
    write_curation(target, decided, key)
    return target if copy else None


def _ids(clusters: Ids) -> list[str]:
    return [clusters] if isinstance(clusters, str) else [str(cluster) for cluster in clusters]


def user() -> str:
    """The name of the operating system's user; ``"unknown"`` if it has none."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container may have a user without a name
        return "unknown"
