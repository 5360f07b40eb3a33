"""A run: its steps in order, from marker genes to the report."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from itertools import tee
from typing import TYPE_CHECKING, Optional

from attrs import evolve

from gca_scanpy._adata.clusters import Expression
from gca_scanpy._cells import explain_all, judge_samples, look_beside, look_finer, look_within
from gca_scanpy._events import Clock
from gca_scanpy._judging.judge import judge
from gca_scanpy._judging.reasons import contrasts, next_steps, undecided
from gca_scanpy._ranking.by_sample import SampleMoments
from gca_scanpy._reporting.receipts import collect
from gca_scanpy._reporting.report import cluster_report, dataset_report, with_counts
from gca_scanpy._request import Prepared, Request, prepare, provenance_of
from gca_scanpy._steps import ClusterMarkers
from gca_scanpy.db import _bundled
from gca_scanpy.model import ClusterReport, DatasetReport, SampleAnswer, Telemetry

if TYPE_CHECKING:
    from gca_scanpy._llm.prompt import Plan


def annotate(
    prepared: Prepared,
    request: Request,
    clock: Clock,
    expression: Optional[Expression] = None,
    by_sample: Optional[SampleMoments] = None,
) -> DatasetReport:
    """Propose a label for each cluster, judge it, and report both; with cells, take mixed clusters apart.

    With the moments of samples, each cluster is judged in each sample as well.
    """
    scored, warnings = prepared
    # Language models work on the first clusters while the next ones are scored. Others wait, so that steps are timed.
    proposed, kept = tee(scored if request.proposer.models else list(scored))
    check = functools.cache(judge)  # what was judged while a model was awaited is not judged again
    with clock.step("verdicts"):
        proposals = request.proposer.propose(proposed, check)
    cases = list(kept)
    with clock.step("guardrails"):
        judgments = [check(case, verdict) for case, verdict in zip(cases, proposals.verdicts)]
    judgments = look_within(cases, look_beside(cases, judgments, expression, clock), expression, clock)
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
    return request.proposer.plan(list(cases), judge)
