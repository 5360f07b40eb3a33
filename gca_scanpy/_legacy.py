"""``annotate_anndata`` as it was called in GPT Cell Annotator, and the three objects that were its arguments.

docs/migration.md says what takes the place of each; all of this goes before version 1.0.
"""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING, Any, Callable, Optional, Union

from attrs import asdict, define, frozen

from gca_scanpy import get, tl
from gca_scanpy._keys import DEFAULT_KEY
from gca_scanpy._settings import settings
from gca_scanpy.errors import DeprecatedNameWarning, InputError, warn
from gca_scanpy.model import DatasetReport

if TYPE_CHECKING:
    from anndata import AnnData

HERE = "docs/migration.md of gca-scanpy has a table of what takes the place of each name"


@define
class BatchOptions:
    """Older name of ``chunk_size``, which was called ``size`` before that, and of ``n_threads``."""

    chunk_size: Optional[int] = None
    size: Optional[int] = None
    concurrency: int = 8


@define
class GuardrailConfig:
    """Older name of ``min_support`` and ``force_unknown``."""

    min_marker_overlap: Optional[int] = None
    force_unknown_on_fail: Optional[bool] = None


@define
class DiskAnnotationCache:
    """Older name of ``cache``, a folder; it is made when there is an answer to keep."""

    root: Union[str, PathLike[str]]


@frozen
class AnnotationResult:
    """What the older call gave: the object, which is the one that was passed, and its report."""

    adata: AnnData
    report: DatasetReport

    @property
    def annotations(self) -> list[dict[str, Any]]:
        """A dict for each cluster, with its id and what the report says of its label."""
        return [{"cluster_id": c.cluster_id, **asdict(c.annotation)} for c in self.report.clusters]

    @property
    def stats(self) -> dict[str, Any]:
        """What the run cost, by the names of :class:`gca_scanpy.model.Telemetry`."""
        return asdict(self.report.telemetry)


def annotate_anndata(
    adata: AnnData,
    cluster_key: str,
    *,
    species: str,
    tissue: Optional[str] = None,
    top_n_markers: int = 50,
    result_prefix: str = DEFAULT_KEY,
    marker_db: Any = None,
    marker_db_path: Union[str, PathLike[str], None] = None,
    annotator: Any = None,
    compute_rankings: bool = True,  # noqa: ARG001
    batch_options: Optional[BatchOptions] = None,
    guardrails: Optional[GuardrailConfig] = None,
    annotation_cache: Optional[DiskAnnotationCache] = None,
    request_id: Optional[str] = None,
    progress_callback: Optional[Callable[[int], object]] = None,
) -> AnnotationResult:
    """Call :func:`gca_scanpy.tl.annotate` by its name and arguments in GPT Cell Annotator; deprecated.

    Parameters
    ----------
    adata
        Annotated data, shape (n_obs, n_vars); labeled in place.
    cluster_key, top_n_markers, result_prefix
        Older names of ``groupby``, ``n_markers`` and ``key_added``.
    species, tissue
        As in :func:`gca_scanpy.tl.annotate`.
    marker_db, marker_db_path
        A DataFrame and a file; both are ``marker_db`` now.
    annotator
        None, or one whose ``llm_mode`` is ``mock``: both answer offline. A language model is named with ``model=``
        of :func:`gca_scanpy.tl.annotate`; ``settings.model`` is used here, too.
    compute_rankings
        Not used: a stored ranking that fits is used, and genes are ranked where there is none.
    batch_options, guardrails, annotation_cache, request_id
        Any objects with the attributes of ``BatchOptions`` and the other two older classes.
    progress_callback
        Called once, at the end, with the number of clusters.

    Returns
    -------
    AnnotationResult
        With ``adata``, ``report``, ``annotations`` and ``stats``.

    Raises
    ------
    InputError
        Where ``annotator`` would have asked a language model, and as :func:`gca_scanpy.tl.annotate` does.

    Examples
    --------
    >>> import warnings
    >>> import scanpy as sc
    >>> from gca_scanpy import annotate_anndata
    >>> adata = sc.datasets.pbmc68k_reduced()
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore", DeprecationWarning)
    ...     result = annotate_anndata(adata, "louvain", species="Homo sapiens", tissue="Peripheral blood")
    >>> result.report.summary.total_clusters
    11
    """
    msg = f"annotate_anndata is deprecated; call gca_scanpy.tl.annotate(adata, groupby={cluster_key!r}). {HERE}"
    warn(msg, DeprecatedNameWarning)
    if annotator is not None and getattr(annotator, "llm_mode", "live") == "live":
        msg = f"annotator={annotator!r} is not asked any more; name the model: gca_scanpy.tl.annotate(..., model=...)"
        raise InputError(msg)
    batch, guard = batch_options or BatchOptions(), guardrails or GuardrailConfig()
    with settings.override(**({} if request_id is None else {"request_id": request_id})):
        tl.annotate(
            adata,
            cluster_key,
            species=species,
            tissue=tissue,
            n_markers=top_n_markers,
            key_added=result_prefix,
            marker_db=marker_db if marker_db is not None else marker_db_path,
            model=None if annotator is None else "offline",
            chunk_size=getattr(batch, "chunk_size", None) or getattr(batch, "size", None) or 16,
            n_threads=getattr(batch, "concurrency", BatchOptions().concurrency),
            min_support=guard.min_marker_overlap,
            force_unknown=guard.force_unknown_on_fail,
            cache=True if annotation_cache is None else annotation_cache.root,
        )
    report = get.report(adata, result_prefix)
    if progress_callback is not None:
        progress_callback(len(report.clusters))
    return AnnotationResult(adata, report)
