"""Label clusters from lists of marker genes, check their labels, or plan that, without an AnnData object."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from attrs import evolve

from gca_scanpy import _pipeline
from gca_scanpy._llm.asking import ModelLike
from gca_scanpy._llm.question import Plan
from gca_scanpy._options import Ranking
from gca_scanpy._pipeline import Request
from gca_scanpy._places import Tissue
from gca_scanpy._propose import Given
from gca_scanpy._scoring.states import informative
from gca_scanpy._steps import ClusterMarkers, RankedGene
from gca_scanpy.errors import InputError
from gca_scanpy.model import DatasetReport
from gca_scanpy.tl._request import make_request, run_markers, with_model

Markers = Mapping[Any, Iterable[str]]


def annotate_markers(
    markers: Markers,
    *,
    species: str = "human",
    tissue: Tissue = None,
    model: ModelLike = None,
    marker_db: Any = None,
    n_markers: int = 50,
) -> DatasetReport:
    """Name clusters by their marker genes.

    Parameters
    ----------
    markers
        Marker genes by cluster, best first. Keys become strings; current and older symbols, human Ensembl ids and any
        case are understood.
    species, tissue, model, marker_db, n_markers
        As in :func:`gca_scanpy.tl.annotate`.

    Returns
    -------
    DatasetReport
        With a :class:`~gca_scanpy.model.ClusterReport` for every key, in the order of ``markers``.

    Raises
    ------
    InputError
        If ``markers`` is empty, two keys read the same, or a value is a string instead of a list.
    NoOverlapError
        If no gene at all is a gene symbol.
    ModelError
        With ``on_error="raise"`` in the :class:`~gca_scanpy.Asking`, if a language model leaves a cluster unanswered.

    Examples
    --------
    >>> import gca_scanpy as gca
    >>> report = gca.annotate_markers({"0": ["MS4A1", "CD79A", "CD79B", "BANK1"]}, tissue="blood")
    >>> report.clusters[0].annotation.primary_label
    'B cell'
    """
    clusters, request = _begin(markers, species, tissue, marker_db, n_markers)
    return run_markers(clusters, with_model(request, model))


def validate_markers(
    markers: Markers,
    labels: Mapping[Any, str],
    *,
    species: str = "human",
    tissue: Tissue = None,
    marker_db: Any = None,
    n_markers: int = 50,
) -> DatasetReport:
    """Check labels of clusters against their marker genes, and propose none; no language model is asked.

    Parameters
    ----------
    markers
        Marker genes by cluster, best first, as in :func:`gca_scanpy.annotate_markers`.
    labels
        A label by cluster. A cluster without one is flagged ``validation_missing``.
    species, tissue, marker_db, n_markers
        As in :func:`gca_scanpy.tl.annotate`.

    Returns
    -------
    DatasetReport
        With a :class:`~gca_scanpy.model.ClusterReport` for every key, in the order of ``markers``.

    Raises
    ------
    InputError
        If ``markers`` cannot be used, or a label is for a cluster that is not among them, or is not text.
    NoOverlapError
        If no gene at all is a gene symbol.

    Examples
    --------
    >>> import gca_scanpy as gca
    >>> report = gca.validate_markers({"0": ["MS4A1", "CD79A", "CD79B", "BANK1"]}, {"0": "T cell"}, tissue="blood")
    >>> report.clusters[0].validation.flag_reasons
    ('contradictory_markers',)
    """
    clusters, request = _begin(markers, species, tissue, marker_db, n_markers)
    given = Given({key: (label, 1.0) for key, label in _labels(labels, clusters).items()})
    return run_markers(clusters, evolve(request, proposer=given))


def plan_markers(
    markers: Markers,
    *,
    model: ModelLike = None,
    species: str = "human",
    tissue: Tissue = None,
    marker_db: Any = None,
    n_markers: int = 50,
) -> Plan:
    """Show what :func:`gca_scanpy.annotate_markers` would send to language models; nothing is sent or written.

    Parameters
    ----------
    markers
        Marker genes by cluster, best first, as in :func:`gca_scanpy.annotate_markers`.
    model, species, tissue, marker_db, n_markers
        As in :func:`gca_scanpy.tl.plan`.

    Returns
    -------
    Plan
        The exact messages, about how many tokens they have, and which clusters are answered offline.

    Raises
    ------
    InputError
        If an argument cannot be used.

    Examples
    --------
    >>> import gca_scanpy as gca
    >>> gca.plan_markers({"0": ["MS4A1", "CD79A", "CD79B"]}).offline
    ('0',)
    """
    clusters, request = _begin(markers, species, tissue, marker_db, n_markers)
    return _pipeline.plan(clusters, with_model(request, model))


def _begin(
    markers: Markers, species: str, tissue: Tissue, marker_db: Any, n_markers: int
) -> tuple[list[ClusterMarkers], Request]:
    ranking = Ranking(n_markers=n_markers)
    clusters = [_cluster(str(key), genes, ranking.n_markers) for key, genes in markers.items()]
    ids = [cluster.cluster_id for cluster in clusters]
    if not ids:
        msg = "markers is empty; it maps each cluster to its marker genes, best first"
        raise InputError(msg)
    if len(set(ids)) < len(ids):
        msg = "markers has clusters that differ in type only, such as 1 and '1'; make them strings"
        raise InputError(msg)
    return clusters, make_request(tissue, species, marker_db, {"n_markers": ranking.n_markers})


def _cluster(key: str, genes: Iterable[str], n_markers: int) -> ClusterMarkers:
    if isinstance(genes, (str, bytes)):
        msg = f"the markers of cluster {key!r} are the text {genes!r}; give a list of gene symbols"
        raise InputError(msg)
    names = [str(gene) for gene in genes if gene is not None and str(gene).strip() and str(gene) != "nan"]
    names = list(dict.fromkeys(names))
    # A longer list is cut as a ranking of cells is: ribosomal genes do not take the places of others.
    leading = informative(names, n_markers) if len(names) > n_markers else names
    return ClusterMarkers(key, tuple(map(RankedGene, leading)))


def _labels(labels: Mapping[Any, Any], clusters: list[ClusterMarkers]) -> dict[str, str]:
    by_cluster = {str(key): label for key, label in labels.items()}
    ids = [cluster.cluster_id for cluster in clusters]
    strangers = [key for key in by_cluster if key not in ids]
    if strangers:
        there = ", ".join(ids[:12])
        msg = f"labels names clusters without markers: {', '.join(strangers[:5])}; the clusters are: {there}"
        raise InputError(msg)
    for key, label in by_cluster.items():
        if not isinstance(label, str):
            msg = f"the label of cluster {key!r} is {label!r}; it must be text"
            raise InputError(msg)
    return by_cluster
