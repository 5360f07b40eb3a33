"""What a run is asked: its tissue, its settings, and who proposes the labels; and the cases that it makes of clusters.

The offline scorer and the user propose labels here, language models in ``_asked.py``.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from attrs import Factory, evolve, field, frozen

from gca_scanpy._events import Clock, now
from gca_scanpy._judging.consensus import Ballot, Ladder, consensus
from gca_scanpy._judging.judge import Judgment
from gca_scanpy._judging.samples import harmonized
from gca_scanpy._packages import versions
from gca_scanpy._prepare import Place, canonical, check_species, genes_of, index_of, tissues_of
from gca_scanpy._reporting.report import described
from gca_scanpy._scoring import numbers
from gca_scanpy._scoring.case import Case, Limits, propose
from gca_scanpy._scoring.database import MarkerDatabase
from gca_scanpy._scoring.malignancy import names_a_disease
from gca_scanpy._scoring.weights import of_cells
from gca_scanpy._settings import Settings
from gca_scanpy._steps import ClusterMarkers, Verdict
from gca_scanpy.db import _bundled
from gca_scanpy.model import Consensus, Provenance, Telemetry

if TYPE_CHECKING:  # a run that asks no language model does not import what asks them
    from gca_scanpy._llm.prompt import Plan

Judge = Callable[[Case, Verdict], Judgment]


@frozen
class Proposals:
    """A verdict for each case, in the order of the cases, and what the language models cost.

    Attributes
    ----------
    models
        Names of the language models that answered for any cluster, for the provenance.
    """

    verdicts: tuple[Verdict, ...]
    cost: Telemetry = field(factory=Telemetry)
    warnings: tuple[str, ...] = ()
    models: tuple[str, ...] = ()


class Proposer(Protocol):
    """Proposes a label for every case.

    Attributes
    ----------
    models
        Names of the language models that may be asked.
    """

    @property
    def models(self) -> tuple[str, ...]:
        """Names of the language models."""
        ...

    def propose(self, cases: Iterable[Case], judge: Judge) -> Proposals:
        """Give a verdict for each case.

        Parameters
        ----------
        cases
            The clusters; if ``models`` is not empty, each may be scored only when it is read.
        judge
            The guardrails, which remember their judgments.
        """
        ...

    def plan(self, cases: Sequence[Case], judge: Judge) -> Plan:
        """What :meth:`propose` would send."""
        ...


class _SendsNothing:
    """What proposers have in common that need no language model."""

    @property
    def models(self) -> tuple[str, ...]:
        """No model is asked."""
        return ()

    def plan(self, cases: Sequence[Case], judge: Judge) -> Plan:
        """Nothing is sent."""
        from gca_scanpy._llm.asking import plan

        del judge
        return plan((), [case.cluster_id for case in cases])


@frozen
class Offline(_SendsNothing):
    """The offline scorer."""

    def propose(self, cases: Iterable[Case], judge: Judge) -> Proposals:
        """The best justified term of each cluster."""
        del judge
        return Proposals(tuple(map(propose, cases)))


@frozen
class Given(_SendsNothing):
    """The user's own labels, to be checked.

    Attributes
    ----------
    labels
        Label by cluster id, with the share of the cluster's labeled cells that have it, 0 to 1.
    """

    labels: Mapping[str, tuple[str, float]]

    def propose(self, cases: Iterable[Case], judge: Judge) -> Proposals:
        """The label that the user gave for each cluster; empty if the user gave none."""
        del judge
        return Proposals(tuple(map(self._verdict, cases)))

    def _verdict(self, case: Case) -> Verdict:
        label, share = self.labels.get(case.cluster_id, ("", 0.0))
        ontology = case.index.lineages.ontology
        reading = ontology.read(label, case.tissues)
        term = reading.ontology_id
        score = case.levels.probability(term or label) if label else 0.0
        if names_a_disease(term, case.index.lineages):  # genes raise no more than a suspicion
            score = min(score, round(numbers.NUMBERS.high - 0.01, 4))
        caveats = [f"{share:.0%} of the cluster's labeled cells have this label"] if label and share < 1 else []
        if term and reading.is_partial:
            left = ", ".join(word.text for word in reading.aside)
            caveats.append(f"The label was read as {ontology.label(term)!r}" + (f", without {left}" if left else ""))
        return Verdict(case.cluster_id, label, term, score, "user", "The label was given.", caveats=tuple(caveats))


@frozen
class Harmonized(_SendsNothing):
    """The offline scorer, with one name for the same kind of cell in samples that were clustered apart.

    Attributes
    ----------
    samples
        The sample by cluster id.
    agreement
        Share of the samples with a kind of cell that must support its name, 0 to 1.
    """

    samples: Mapping[str, str]
    agreement: float

    def propose(self, cases: Iterable[Case], judge: Judge) -> Proposals:
        """The names of the clusters whose own labels the guardrails let stand, and the verdicts of the others."""
        cases = list(cases)
        if not cases:
            return Proposals(())
        verdicts = [propose(case) for case in cases]
        judged = [judge(case, verdict) for case, verdict in zip(cases, verdicts)]
        supported = [judgment.status == "supported" for judgment in judged]
        certainty, lineages = cases[0].limits.certainty, cases[0].index.lineages
        return Proposals(harmonized(verdicts, supported, self.samples, self.agreement, certainty, lineages))


@frozen
class Agreed(_SendsNothing):
    """The labels on which several columns agree, to be checked.

    Attributes
    ----------
    ballots
        The votes by cluster id.
    min_agreement
        Agreement that a label must have, 0 to 1.
    ladder
        The terms that can be the answer.
    warnings
        Warnings about the labels, for the report.
    """

    ballots: Mapping[str, Sequence[Ballot]]
    min_agreement: float
    ladder: Ladder
    warnings: tuple[str, ...] = ()

    def propose(self, cases: Iterable[Case], judge: Judge) -> Proposals:
        """The consensus of each cluster, checked as a label that was given."""
        cases = list(cases)
        agreed = {
            case.cluster_id: consensus(
                self.ballots[case.cluster_id], self.min_agreement, self.ladder, case.levels.probability
            )
            for case in cases
        }
        labels = {key: (one.label, 1.0) for key, one in agreed.items()}
        verdicts = Given(labels).propose(cases, judge).verdicts
        return Proposals(tuple(_with_votes(one, agreed[one.cluster_id]) for one in verdicts), warnings=self.warnings)


def _with_votes(verdict: Verdict, one: Consensus) -> Verdict:
    return evolve(verdict, ontology_id=one.ontology_id, rationale=described(one), consensus=one)


@frozen(kw_only=True)
class Request:
    """What a run is asked, apart from the markers.

    Attributes
    ----------
    tissue
        One text for all clusters, or a text by cluster id; :func:`check_tissue` has read it.
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


Prepared = tuple[Iterator[Case], list[str]]


def prepare(markers: Sequence[ClusterMarkers], request: Request, clock: Clock) -> Prepared:
    """A case for each cluster, scored when it is read, and warnings about its genes and about the database."""
    index, limits = index_of(request.database, request.species), Limits.of(request.settings)
    tissues = tissues_of(markers, request.tissue)
    with clock.step("genes"):
        clusters, warnings = canonical(markers, request.tissue, index)
    cells = of_cells(clusters, index)
    cases = (Case.of(one, index, tissues[one.cluster_id], limits, its) for one, its in zip(clusters, cells))
    return clock.each("scoring", cases), [*warnings, *request.database.notes]


def provenance_of(request: Request, cases: Sequence[Case], models: Sequence[str]) -> Provenance:
    """The versions, the data and the models that a report comes from."""
    return Provenance(
        versions=versions(),
        database_version=request.database.version,
        database_sha256=request.database.sha256,
        ontology_version=_bundled.ontology().version,
        model=", ".join(models) or None,
        prompt_version=_prompt_version() if models else None,
        request_id=request.request_id,
        created_at=now(),
        species=request.species,
        genes_of=genes_of(request.species),
        tissues={case.markers.tissue: case.tissues for case in cases if case.markers.tissue},
    )


def _prompt_version() -> str:
    from gca_scanpy._llm import prompt  # here, because a run without language models does not need it

    return prompt.PROMPT_VERSION
