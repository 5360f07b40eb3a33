"""Label clusters from lists of marker genes, check their labels, or plan that, without an AnnData object."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Optional

from attrs import evolve

from gca_scanpy import _pipeline
from gca_scanpy._arguments import checked
from gca_scanpy._prepare import Tissue, check_ids
from gca_scanpy._ranking.given import Markers, clusters_of
from gca_scanpy._request import Given, Request
from gca_scanpy._steps import ClusterMarkers, Ranking
from gca_scanpy.model import DatasetReport
from gca_scanpy.tl._request import make_request, run_markers, with_model

if TYPE_CHECKING:
    from gca_scanpy._llm.asking import ModelLike
    from gca_scanpy._llm.prompt import Plan


@checked()
def annotate_markers(
    markers: Markers,
    *,
    species: str = "human",
    tissue: Tissue = None,
    model: ModelLike = None,
    marker_db: Any = None,
    certainty: Optional[float] = None,
    n_markers: int = 50,
) -> DatasetReport:
    """Name clusters by their marker genes.

    Parameters
    ----------
    markers
        Marker genes by cluster, best first, each in a list, an array or another sequence with an order; or a data frame
        with a gene per row, as :func:`gca_scanpy.io.read_markers` reads it from a file, such as the result of
        :func:`scanpy.get.rank_genes_groups_df` with ``group=None``. Keys become strings; current and older symbols,
        human Ensembl ids and any case are understood. Missing names are left out, with a warning.
    species, tissue, model, marker_db, certainty, n_markers
        As in :func:`gca_scanpy.tl.annotate`.

    Returns
    -------
    DatasetReport
        With a :class:`~gca_scanpy.model.ClusterReport` for every key, in the order of ``markers``.

    Raises
    ------
    InputError
        If ``markers`` is empty, two keys read the same, the genes of a cluster are not a list of text (a set has no
        order), or a data frame is not a table of marker genes.
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
    clusters, request = _begin(markers, species, tissue, marker_db, n_markers, certainty)
    return run_markers(clusters, with_model(request, model))


@checked()
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
        Marker genes by cluster, as in :func:`gca_scanpy.annotate_markers`.
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


@checked()
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
        Marker genes by cluster, as in :func:`gca_scanpy.annotate_markers`.
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
    markers: Markers,
    species: str,
    tissue: Tissue,
    marker_db: Any,
    n_markers: int,
    certainty: Optional[float] = None,
) -> tuple[list[ClusterMarkers], Request]:
    ranking = Ranking(n_markers=n_markers)
    clusters = clusters_of(markers, ranking.n_markers)
    return clusters, make_request(tissue, species, marker_db, {"n_markers": ranking.n_markers}, certainty)


def _labels(labels: Mapping[Any, str], clusters: list[ClusterMarkers]) -> dict[str, str]:
    by_cluster = {str(key): label for key, label in labels.items()}
    check_ids("labels", by_cluster, [cluster.cluster_id for cluster in clusters], "without markers")
    return by_cluster
