"""Label clusters from lists of marker genes, without an AnnData object."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from numbers import Integral
from os import PathLike
from typing import Any, Optional, Union

from gca_scanpy import _pipeline
from gca_scanpy._core.states import informative
from gca_scanpy._errors import InputError
from gca_scanpy._llm.cache import open_cache
from gca_scanpy._llm.chat import ChatModel
from gca_scanpy._settings import settings
from gca_scanpy.db import load
from gca_scanpy.model import ClusterMarkers, DatasetReport, RankedGene


def annotate_markers(
    markers: Mapping[Any, Iterable[str]],
    *,
    species: str = "human",
    tissue: Union[str, Mapping[str, str], None] = None,
    context: Optional[str] = None,
    model: Union[ChatModel, str, None] = None,
    n_markers: int = 50,
    marker_db: Any = None,
    min_support: Optional[int] = None,
    force_unknown: Optional[bool] = None,
    chunk_size: int = 16,
    n_threads: int = 4,
    cache: Union[bool, str, PathLike[str]] = True,
) -> DatasetReport:
    """Label clusters from their marker genes.

    Parameters
    ----------
    markers
        Marker genes by cluster, best first. Keys become strings; current and older symbols, human Ensembl
        ids and any case are understood.
    species, tissue, context, model, n_markers, marker_db, min_support, force_unknown, chunk_size, n_threads, cache
        As in :func:`gca_scanpy.tl.annotate`.

    Returns
    -------
    DatasetReport
        With a :class:`~gca_scanpy.model.ClusterReport` for every key, in the order of ``markers``.

    Raises
    ------
    InputError
        Where ``markers`` is empty, two keys read the same, or a value is a string instead of a list.
    NoOverlapError
        Where no gene at all is a gene symbol.

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
        model=model,
        marker_db=marker_db,
        min_support=min_support,
        force_unknown=force_unknown,
        chunk_size=chunk_size,
        n_threads=n_threads,
        cache=cache,
        parameters={"n_markers": n_markers},
    )
    return _pipeline.annotate(clusters, request)


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
    model: Union[ChatModel, str, None],
    marker_db: Any,
    min_support: Optional[int],
    force_unknown: Optional[bool],
    chunk_size: int,
    n_threads: int,
    cache: Union[bool, str, PathLike[str]],
    parameters: Mapping[str, Any],
    **more: Any,
) -> _pipeline.Request:
    """The request of a call, its arguments checked before anything is computed."""
    current = settings.current(min_support=min_support, force_unknown=force_unknown)
    for name, value in {"chunk_size": chunk_size, "n_threads": n_threads, **_counts(parameters)}.items():
        if isinstance(value, bool) or not isinstance(value, Integral) or value < 1:
            msg = f"{name}={value!r} must be a whole number from 1"
            raise InputError(msg)
    if isinstance(model, str):
        msg = (
            f"model={model!r}: this version has no client for model names yet. Pass an object with a name and a method "
            "complete(messages, schema) that returns a Completion, or leave model out for the offline scorer"
        )
        raise InputError(msg)
    given: object = model
    if given is not None and not isinstance(given, ChatModel):
        msg = f"model={model!r} has no name and no method complete(messages, schema)"
        raise InputError(msg)
    source = marker_db if marker_db is not None else current.marker_db_path or "bundled"
    shown = {
        "species": species,
        "tissue": tissue,
        "context": context,
        "min_support": current.min_support,
        "force_unknown": current.force_unknown,
        **parameters,
    }
    return _pipeline.Request(
        species=_pipeline.check_species(species),
        tissue={str(key): name for key, name in tissue.items()} if isinstance(tissue, Mapping) else tissue,
        context=context,
        database=load(source),
        settings=current,
        model=model,
        chunk_size=chunk_size,
        n_threads=n_threads,
        cache=open_cache(cache, current.cache_dir) if model is not None else None,
        parameters={key: str(value) for key, value in shown.items() if value is not None},
        **more,
    )


def _counts(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in parameters.items() if key == "n_markers"}


__all__: Sequence[str] = ["annotate_markers", "make_request"]
