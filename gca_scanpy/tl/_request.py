"""From the arguments of a verb to the request of the pipeline, checked before anything is computed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Optional

import numpy as np
from attrs import asdict, evolve, field, frozen

from gca_scanpy import _pipeline
from gca_scanpy._adata import (
    Clustering,
    check_key,
    check_writable,
    clusters_apart,
    duplicate,
    read_clustering,
    write_report,
)
from gca_scanpy._adata.clusters import Expression
from gca_scanpy._adata.members import keep_decisions
from gca_scanpy._events import Clock, Run, RunDetails
from gca_scanpy._prepare import Tissue, check_species, check_tissue
from gca_scanpy._ranking.read import ReadMarkers, rank_anew, read_markers, recorder
from gca_scanpy._request import Request, prepare
from gca_scanpy._scoring.database import MarkerDatabase
from gca_scanpy._settings import settings
from gca_scanpy._steps import ClusterMarkers, Ranking
from gca_scanpy.db import _bundled
from gca_scanpy.errors import InputError, MissingClusterWarning, warn
from gca_scanpy.model import DatasetReport

if TYPE_CHECKING:
    from anndata import AnnData

    from gca_scanpy._llm.asking import ModelLike

MAX_WITHOUT_CLUSTER = 0.05  # share of the cells


@frozen(eq=False)
class Cells:
    """An annotated object with its clusters, how their genes are ranked, and the samples in which they are judged."""

    adata: AnnData
    clustering: Clustering
    ranking: Ranking
    samples: Optional[Clustering] = None
    clock: Clock = field(factory=Clock)

    @classmethod
    def read(
        cls,
        adata: AnnData,
        groupby: str,
        groups: Optional[Sequence[str]],
        *,
        sample_key: Optional[str] = None,
        **ranking: Any,
    ) -> Cells:
        """The clusters and samples of an object.

        Raises
        ------
        MissingKeyError, InputError
            As :func:`gca_scanpy._adata.read_clustering` does, or if clusters and samples are the same column.
        """
        clustering = read_clustering(adata, groupby, groups)
        if sample_key == groupby:
            msg = f"sample_key={sample_key!r} is the column of the clusters; name the column of the samples instead"
            raise InputError(msg)
        samples = None if sample_key is None else read_clustering(adata, sample_key, what="sample")
        return cls(adata, clustering, Ranking(**ranking), samples)

    def markers(self) -> ReadMarkers:
        """The marker genes of each cluster, and how they were ranked."""
        with self.clock.step("markers"):
            return read_markers(self.adata, self.clustering, self.ranking, self.samples)

    def request(
        self,
        *,
        species: str,
        tissue: Tissue,
        marker_db: Any,
        groups: Optional[Sequence[str]],
        certainty: Optional[float] = None,
        **more: Any,
    ) -> Request:
        """The request of a verb; ``more`` is recorded among the parameters of the report."""
        asked_groups = None if groups is None else list(self.clustering.ids)
        parameters = {"groupby": self.clustering.groupby, **asdict(self.ranking), "groups": asked_groups, **more}
        if self.samples is not None:
            parameters["sample_key"] = self.samples.groupby
        with self.clock.step("database"):
            request = make_request(self._asked(tissue), species, marker_db, parameters, certainty)
        return evolve(request, cells_without_cluster=self.clustering.cells_without_cluster)

    def _asked(self, tissue: Tissue) -> Tissue:
        """The tissues of the clusters that ``groups`` selects; a tissue of another cluster is not a mistake."""
        if not isinstance(tissue, Mapping):
            return tissue
        others = set(self.clustering.all_ids).difference(self.clustering.ids)
        return {key: name for key, name in tissue.items() if str(key) not in others}

    def _warn_of_missing(self) -> tuple[str, ...]:
        """Warn if many cells have no cluster."""
        codes = self.clustering.codes
        n_cells, n_missing = len(codes), self.clustering.cells_without_cluster
        if n_missing <= MAX_WITHOUT_CLUSTER * n_cells:
            return ()
        without, within = (self.adata.obs_names[np.flatnonzero(part)[0]] for part in (codes < 0, codes >= 0))
        message = (
            f"{n_missing:,} of {n_cells:,} cells have no cluster in {self._columns()}, so they get no label, such as "
            f"{without!r} (but {within!r} has one). If the clusters come from a table, write the names of the cells in "
            "the same way in both; a missing '-1' at the end is often the reason"
        )
        warn(message, MissingClusterWarning)
        return (message,)

    def _columns(self) -> str:
        return f".obs[{self.clustering.groupby!r}]"

    def _warn_of_unsampled(self) -> tuple[str, ...]:
        """Warn if cells with a cluster have no sample."""
        if self.samples is None:
            return ()
        n_cells, without = len(self.samples.codes), (self.samples.codes < 0) & (self.clustering.codes >= 0)
        if not without.any():
            return ()
        message = (
            f"{int(without.sum()):,} of {n_cells:,} cells have a cluster but no sample in "
            f".obs[{self.samples.groupby!r}]; they count for their cluster, and for no sample"
        )
        warn(message, MissingClusterWarning)
        return (message,)

    def label(self, request: Request, key_added: str, *, copy: bool, inputs: Collection[str] = ()) -> Optional[AnnData]:
        """Run the request, write its report all at once, and give the copy if one was asked for.

        Raises
        ------
        InputError
            Before anything is computed, if the key is that of other data, or nothing can be written to the object.
        """
        check_key(self.adata, key_added, self.clustering.groupby, inputs)
        if not copy:
            check_writable(self.adata)
        with Run(run_details(request, len(self.clustering.ids))) as run:
            missing = (*self._warn_of_missing(), *self._warn_of_unsampled())
            found = self.markers()
            used = request.with_used(found.used, (*missing, *found.warnings))
            expression = Expression.of_run(self.adata, self.clustering, used.parameters, _bundled.gene_names())
            prepared, by_sample = prepare(found.clusters, used, self.clock), found.by_sample
            del found  # so that the tables of all genes are, too
            report = _pipeline.annotate(prepared, used, self.clock, expression, by_sample)
            target = duplicate(self.adata) if copy else self.adata
            report = keep_decisions(self.adata, report, self.clustering, key_added)
            write_report(target, report, self.clustering, key_added, _bundled.palette(), _bundled.shortener())
            run.report = report
        return target if copy else None


@frozen(eq=False)
class CellsApart(Cells):
    """An annotated object whose samples were clustered apart; ``clustering`` has the clusters of all samples.

    Attributes
    ----------
    grouping, sampling
        The clusters, of which those of one name have nothing to do with each other, and the samples.
    """

    grouping: Clustering = field(kw_only=True)
    sampling: Clustering = field(kw_only=True)

    @classmethod
    def read_apart(cls, adata: AnnData, groupby: str, sample_key: str, **ranking: Any) -> CellsApart:
        """The clusters of each sample; raises as :meth:`Cells.read` does."""
        cells = Cells.read(adata, groupby, None, sample_key=sample_key, **ranking)
        assert cells.samples is not None
        pairs = clusters_apart(cells.clustering, cells.samples)
        return cls(adata, pairs, cells.ranking, grouping=cells.clustering, sampling=cells.samples)

    def _columns(self) -> str:
        return f".obs[{self.grouping.groupby!r}], or no sample in .obs[{self.sampling.groupby!r}]"

    def markers(self) -> ReadMarkers:
        """The marker genes of each cluster, by t-test against the other cells of its sample."""
        with self.clock.step("markers"):
            say, warnings = recorder()
            ranking = rank_anew(self.adata, self.grouping, self.sampling, self.ranking, say)
            assert ranking.by_sample is not None  # there are samples
            clusters = ranking.by_sample.rank_apart(self.clustering)
            used = {"n_markers": self.ranking.n_markers, "gene_symbols": ranking.features.column, **ranking.used}
            return ReadMarkers(clusters, used, tuple(warnings))


def make_request(
    tissue: Tissue, species: str, marker_db: Any, parameters: Mapping[str, Any], certainty: Optional[float] = None
) -> Request:
    """The request of a call, with the offline scorer as its proposer.

    Parameters
    ----------
    parameters
        Further arguments, to be recorded in the report; those that are None are not.
    certainty
        If None, that of the settings.
    """
    current, kind, place = settings.current(certainty=certainty), check_species(species), check_tissue(tissue)
    recorded = {
        "species": kind,
        "tissue": place,
        "min_support": current.min_support,
        "force_unknown": current.force_unknown,
        "certainty": current.certainty,
        **parameters,
    }
    return Request(
        species=kind,
        tissue=place,
        database=_database(marker_db if marker_db is not None else current.marker_db_path or "bundled"),
        settings=current,
        parameters={key: str(value) for key, value in recorded.items() if value is not None},
    )


def _database(source: Any) -> MarkerDatabase:
    if isinstance(source, str) and source == "bundled":
        return _bundled.database()
    from gca_scanpy.db import load  # here, because the bundled database does not need what reads others

    return load(source)


def run_markers(markers: Sequence[ClusterMarkers], request: Request) -> DatasetReport:
    """Run a request on lists of genes."""
    with Run(run_details(request, len(markers))) as run:
        clock = Clock()
        run.report = _pipeline.annotate(prepare(markers, request, clock), request, clock)
    return run.report


def run_details(request: Request, n_clusters: int) -> RunDetails:
    """What the hooks receive when a run starts."""
    models = request.proposer.models
    return RunDetails(request_id=request.request_id, species=request.species, n_clusters=n_clusters, models=models)


def with_model(request: Request, model: ModelLike) -> Request:
    """The request with the language models that ``model`` names as its proposer, if it names any; nothing is sent.

    Raises
    ------
    InputError
        If a model's name cannot be used, or its key is missing.
    """
    if model is None and request.settings.model is None:
        return request
    from gca_scanpy._asked import Asked  # here, because most runs ask no model
    from gca_scanpy._llm.asking import asking_of

    asking = asking_of(model, request.settings)
    if asking is None:
        return request
    asked = Asked.of(asking, request.species, request.database.sha256, request.settings)
    recorded = {"context": asking.context, "escalate": asking.escalate, "ask_again": asking.ask_again or None}
    known = {key: str(value) for key, value in recorded.items() if value is not None}
    return evolve(request, proposer=asked, parameters={**request.parameters, **known})
