"""What a run is asked, the cases that it makes of the clusters, and the provenance of its report."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence

from attrs import Factory, evolve, field, frozen

from gca_scanpy._events import Clock, now
from gca_scanpy._llm import prompt
from gca_scanpy._packages import versions
from gca_scanpy._prepare import Place, canonical, check_species, genes_of, index_of, tissues_of
from gca_scanpy._propose import Offline, Proposer
from gca_scanpy._scoring.case import Case, Limits
from gca_scanpy._scoring.database import MarkerDatabase
from gca_scanpy._scoring.weights import of_cells
from gca_scanpy._settings import Settings
from gca_scanpy._steps import ClusterMarkers
from gca_scanpy.db import _bundled
from gca_scanpy.model import Provenance


@frozen(kw_only=True)
class Request:
    """What a run is asked, apart from the markers.

    Attributes
    ----------
    tissue
        One text for all clusters, or a text by cluster id; :func:`gca_scanpy._prepare.check_tissue` has read it.
    parameters
        The arguments of the call, as text; for the ranking, what was used.
    warnings
        Warnings about the cells and their ranking, for the report.
    request_id
        Names the run in its report and its log: that of the settings, or a new one.
    """

    species: str = field(converter=check_species)
    tissue: Place
    database: MarkerDatabase
    settings: Settings
    proposer: Proposer = field(factory=Offline)
    parameters: Mapping[str, str] = field(factory=dict)
    cells_without_cluster: int = 0
    warnings: tuple[str, ...] = ()
    request_id: str = Factory(lambda self: self.settings.request_id or str(uuid.uuid4()), takes_self=True)

    def with_used(self, used: Mapping[str, object], warnings: tuple[str, ...]) -> Request:
        """The request with these parameters instead of those that were asked for; one that is None was not used."""
        parameters = {key: str(value) for key, value in {**self.parameters, **used}.items() if value is not None}
        return evolve(self, parameters=parameters, warnings=warnings)


def prepare(markers: Sequence[ClusterMarkers], request: Request, clock: Clock) -> tuple[list[Case], list[str]]:
    """A case for each cluster, and warnings about its genes and about the database."""
    index, limits = index_of(request.database, request.species), Limits.of(request.settings)
    tissues = tissues_of(markers, request.tissue)
    with clock.step("genes"):
        clusters, warnings = canonical(markers, request.tissue, index)
    with clock.step("scoring"):
        cases = [
            Case.of(cluster, index, tissues[cluster.cluster_id], limits, cells)
            for cluster, cells in zip(clusters, of_cells(clusters, index))
        ]
    return cases, [*warnings, *request.database.notes]


def provenance_of(request: Request, cases: Sequence[Case], models: Sequence[str]) -> Provenance:
    """The versions, the data and the models that a report comes from."""
    return Provenance(
        versions=versions(),
        database_version=request.database.version,
        database_sha256=request.database.sha256,
        ontology_version=_bundled.ontology().version,
        model=", ".join(models) or None,
        prompt_version=prompt.PROMPT_VERSION if models else None,
        request_id=request.request_id,
        created_at=now(),
        species=request.species,
        genes_of=genes_of(request.species),
        tissues={case.markers.tissue: case.tissues for case in cases if case.markers.tissue},
    )
