"""A run: what it is asked, its steps in order, from marker genes to the report, and the provenance of the report."""

from __future__ import annotations

import functools
import uuid
from collections.abc import Mapping, Sequence
from typing import Optional

from attrs import Factory, evolve, field, frozen

from gca_scanpy._adata.expression import Expression
from gca_scanpy._cells import explain_all, judge_samples, look_beside, look_finer
from gca_scanpy._events import Clock, now
from gca_scanpy._judging.judge import judge
from gca_scanpy._judging.reasons import contrasts, next_steps, undecided
from gca_scanpy._llm import prompt
from gca_scanpy._llm.prompt import Plan
from gca_scanpy._packages import versions
from gca_scanpy._prepare import Place, canonical, check_species, genes_of, index_of, tissues_of
from gca_scanpy._propose import Offline, Proposer
from gca_scanpy._ranking.by_sample import SampleMoments
from gca_scanpy._reporting.receipts import collect
from gca_scanpy._reporting.report import cluster_report, dataset_report, with_counts
from gca_scanpy._scoring.case import Case, Limits
from gca_scanpy._scoring.database import MarkerDatabase
from gca_scanpy._scoring.weights import of_cells
from gca_scanpy._settings import Settings
from gca_scanpy._steps import ClusterMarkers
from gca_scanpy.db import _bundled
from gca_scanpy.model import ClusterReport, DatasetReport, Provenance, SampleAnswer, Telemetry


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


def annotate(
    markers: Sequence[ClusterMarkers],
    request: Request,
    clock: Clock,
    expression: Optional[Expression] = None,
    by_sample: Optional[SampleMoments] = None,
) -> DatasetReport:
    """Propose a label for each cluster, judge it, and report both; with cells, take mixed clusters apart.

    With the moments of samples, each cluster is judged in each sample as well.
    """
    cases, warnings = prepare(markers, request, clock)
    check = functools.cache(judge)  # asking a model only if the offline scorer is unsure judges its verdicts first
    with clock.step("verdicts"):
        proposals = request.proposer.propose(cases, check)
    with clock.step("guardrails"):
        judgments = [check(case, verdict) for case, verdict in zip(cases, proposals.verdicts)]
    judgments = look_beside(cases, judgments, expression, clock)
    answers: Sequence[tuple[SampleAnswer, ...]] = [()] * len(cases)
    if by_sample is not None:
        with clock.step("samples"):
            judgments, answers = judge_samples(by_sample, cases, judgments)
    reports = [
        evolve(cluster_report(case, judgment, force_unknown=request.settings.force_unknown), samples=said)
        for case, judgment, said in zip(cases, judgments, answers)
    ]
    rivals = [judgment.rival for judgment in judgments]
    reports = explain_all(reports, rivals, expression, clock)
    aparts = [undecided(case, report) for case, report in zip(cases, reports)]
    finer = look_finer(reports, aparts, expression, clock)
    surface = _bundled.surface_proteins()
    reports = [
        evolve(
            report,
            next_steps=next_steps(case, report, apart, within, surface),
            contrasts=contrasts(case, report, rival),
        )
        for case, report, rival, apart, within in zip(cases, reports, rivals, aparts, finer)
    ]
    telemetry = with_counts(proposals.cost, reports, request.cells_without_cluster, clock.seconds)
    said = [*request.warnings, *warnings, *proposals.warnings]
    provenance = provenance_of(request, cases, proposals.models)
    return dataset_report(reports, request.parameters, provenance, telemetry, said, collect(cases, reports))


def report_votes(clusters: Sequence[ClusterReport], request: Request, clock: Clock) -> DatasetReport:
    """The report of labels that come from votes alone; no marker genes are ranked."""
    telemetry = with_counts(Telemetry(), clusters, request.cells_without_cluster, clock.seconds)
    provenance = provenance_of(request, (), ())
    return dataset_report(clusters, request.parameters, provenance, telemetry, request.warnings, {})


def plan(markers: Sequence[ClusterMarkers], request: Request) -> Plan:
    """What a run would send to language models; nothing is sent or written."""
    cases, _ = prepare(markers, request, Clock())
    return request.proposer.plan(cases, judge)


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
