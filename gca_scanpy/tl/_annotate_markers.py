"""Label clusters from lists of marker genes, without an AnnData object."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from os import PathLike
from typing import Any, Optional, Union

from gca_scanpy import _pipeline
from gca_scanpy._consult import Escalate, OnError, PlannedInstead
from gca_scanpy._llm.question import Plan
from gca_scanpy._scoring.states import informative
from gca_scanpy._settings import settings
from gca_scanpy._steps import ClusterMarkers, RankedGene
from gca_scanpy._telemetry.run import Run
from gca_scanpy.db import load
from gca_scanpy.errors import InputError
from gca_scanpy.model import DatasetReport
from gca_scanpy.tl._consultation import ModelLike, check_count, consultation


def annotate_markers(
    markers: Mapping[Any, Iterable[str]],
    *,
    species: str = "human",
    tissue: Union[str, Mapping[str, str], None] = None,
    context: Optional[str] = None,
    model: ModelLike = None,
    base_url: Optional[str] = None,
    api_key: Optional[str] = None,
    n_markers: int = 50,
    marker_db: Any = None,
    min_support: Optional[int] = None,
    force_unknown: Optional[bool] = None,
    escalate: Escalate = "all",
    on_error: OnError = "offline",
    max_requests: Optional[int] = None,
    max_tokens: Optional[int] = None,
    chunk_size: int = 16,
    n_threads: int = 8,
    cache: Union[bool, str, PathLike[str]] = True,
    dry_run: bool = False,
) -> Union[DatasetReport, Plan]:
    """Label clusters from their marker genes.

    Parameters
    ----------
    markers
        Marker genes by cluster, best first. Keys become strings; current and older symbols, human Ensembl
        ids and any case are understood.
    species, tissue, context, model, base_url, api_key, n_markers, marker_db, min_support, force_unknown, escalate, \
on_error, max_requests, max_tokens, chunk_size, n_threads, cache, dry_run
        As in :func:`gca_scanpy.tl.annotate`.

    Returns
    -------
    DatasetReport
        With a :class:`~gca_scanpy.model.ClusterReport` for every key, in the order of ``markers``; with
        ``dry_run`` the plan of what would be sent.

    Raises
    ------
    InputError
        Where ``markers`` is empty, two keys read the same, or a value is a string instead of a list.
    NoOverlapError
        Where no gene at all is a gene symbol.
    ModelError
        With ``on_error="raise"``, where a language model leaves a cluster unanswered.

    Examples
    --------
    >>> import gca_scanpy as gca
    >>> report = gca.annotate_markers({"0": ["MS4A1", "CD79A", "CD79B", "BANK1"]}, tissue="blood")
    >>> report.clusters[0].annotation.primary_label
    'B cell'
    """
    clusters = [_cluster(str(key), genes, n_markers) for key, genes in markers.items()]
    ids = [cluster.cluster_id for cluster in clusters]
    if not ids:
        msg = "markers is empty; it maps each cluster to its marker genes, best first"
        raise InputError(msg)
    if len(set(ids)) < len(ids):
        msg = "markers has clusters that differ in type only, such as 1 and '1'; make them strings"
        raise InputError(msg)
    request = make_request(
        species=species,
        tissue=tissue,
        context=context,
        marker_db=marker_db,
        min_support=min_support,
        force_unknown=force_unknown,
        model={
            "model": model,
            "base_url": base_url,
            "api_key": api_key,
            "escalate": escalate,
            "on_error": on_error,
            "max_requests": max_requests,
            "max_tokens": max_tokens,
            "chunk_size": chunk_size,
            "n_threads": n_threads,
            "cache": cache,
            "dry_run": dry_run,
        },
        parameters={"n_markers": n_markers},
    )
    with Run(request, len(clusters)) as run:
        try:
            run.report = _pipeline.annotate(clusters, request)
        except PlannedInstead as planned:
            return planned.plan
    return run.report


def _cluster(key: str, genes: Iterable[str], n_markers: int) -> ClusterMarkers:
    if isinstance(genes, (str, bytes)):
        msg = f"the markers of cluster {key!r} are the text {genes!r}; give a list of gene symbols"
        raise InputError(msg)
    names = [str(gene) for gene in genes if gene is not None and str(gene).strip() and str(gene) != "nan"]
    return ClusterMarkers(key, _leading(list(dict.fromkeys(names)), n_markers))


def _leading(names: list[str], n_markers: int) -> tuple[RankedGene, ...]:
    # A longer list is cut as a ranking of cells is: ribosomal genes do not take the places of others.
    return tuple(RankedGene(name) for name in (informative(names, n_markers) if len(names) > n_markers else names))


def make_request(
    *,
    species: str,
    tissue: Union[str, Mapping[str, str], None],
    context: Optional[str],
    marker_db: Any,
    min_support: Optional[int],
    force_unknown: Optional[bool],
    model: Mapping[str, Any],
    parameters: Mapping[str, Any],
    **more: Any,
) -> _pipeline.Request:
    """The request of a call, its arguments checked before anything is computed.

    Parameters
    ----------
    model
        The arguments of :func:`gca_scanpy.tl._consultation.consultation`.
    """
    current = settings.current(min_support=min_support, force_unknown=force_unknown)
    check_count("n_markers", parameters["n_markers"])
    asked = consultation(current=current, **model)
    source = marker_db if marker_db is not None else current.marker_db_path or "bundled"
    shown = {
        "species": species,
        "tissue": tissue,
        "context": context,
        "min_support": current.min_support,
        "force_unknown": current.force_unknown,
        "escalate": asked.escalate if asked.models else None,
        **parameters,
    }
    return _pipeline.Request(
        species=_pipeline.check_species(species),
        tissue={str(key): name for key, name in tissue.items()} if isinstance(tissue, Mapping) else tissue,
        context=context,
        database=load(source),
        settings=current,
        consultation=asked,
        parameters={key: str(value) for key, value in shown.items() if value is not None},
        **more,
    )


__all__: Sequence[str] = ["annotate_markers", "make_request"]
