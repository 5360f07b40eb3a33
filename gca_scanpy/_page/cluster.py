"""What the page shows of one cluster: its row in the table, and its section. Pure: no HTML, no file, no clock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Optional

from attrs import frozen

from gca_scanpy._judging.reasons import meaning
from gca_scanpy._page.cells import Colors, TermView, anchor_of, view_of_term
from gca_scanpy._reporting.display import (
    STATUSES,
    VOTES,
    ContrastText,
    contrasts_of,
    guess_text,
    is_label,
    path_text,
    state_texts,
    step_texts,
)
from gca_scanpy._reporting.receipts import SHOWN_GENES, Receipt, Receipts
from gca_scanpy.model import (
    Alternative,
    Candidate,
    ClusterReport,
    Consensus,
    Decision,
    Evidence,
    ModelAnswer,
    SampleAnswer,
    Vote,
)

SOURCES = {"offline": "offline scorer", "model": "language model", "user": "given label"}

Facts = tuple[tuple[str, str], ...]


@frozen
class FlagView:
    """A reason code, its meaning, and the number of clusters that have it."""

    code: str
    meaning: str
    count: int = 1


@frozen
class GeneView:
    """A gene with a note: its weight in nats, or the cell types that it marks; and its witnesses, if they are known."""

    name: str
    note: str = ""
    receipt: Optional[Receipt] = None


@frozen
class LevelView:
    """A level of the path of a cluster.

    Attributes
    ----------
    percent
        The probability, 0 to 100.
    roles
        What the level is: ``label`` or ``stopped label``, and ``finest guess``; empty for the levels between.
    """

    label: str
    term: Optional[TermView]
    score: str
    percent: float
    roles: tuple[str, ...]


@frozen
class CandidateView:
    """A row of the candidates of a cluster.

    Attributes
    ----------
    percent
        Its share of the evidence, 0 to 100.
    contrasts
        What separates it from the label, or from a better candidate.
    """

    label: str
    term: Optional[TermView]
    score: str
    percent: float
    supporting: tuple[GeneView, ...]
    contradicting: tuple[GeneView, ...]
    contrasts: Sequence[ContrastText]


@frozen(kw_only=True)
class ClusterView:
    """A cluster: its row in the table, and its section.

    Attributes
    ----------
    anchor
        Name of the section within the page, see :func:`anchor_of`.
    proposed
        The label before the guardrails; empty if it is the label.
    full
        The label or the proposed label in full, if it is shortened.
    curated
        The label that a curator decided on; empty if no curator did.
    decisions
        All decisions of curators about the cluster, oldest first, and whether each stands: no later one replaced it.
    percent
        The confidence, 0 to 100.
    finest
        The finest guess with its probability; empty if it is the label, or if the label was stopped.
    path
        The levels from the lineage to the finest guess.
    facts
        Short facts about the cluster: name and value.
    next_steps
        What would settle it, in sentences.
    asked_again
        Both answers of each model that was asked about its label once more, in a line.
    rivals
        What separates the label from a rival that is not among the candidates.
    votes, voted
        The votes of the columns that were joined, each with its term and the share that stands behind the label; and
        the agreement at each level.
    """

    anchor: str
    id: str
    n_cells: str
    label: str
    full: str
    proposed: str
    proposed_term: Optional[TermView]
    curated: str
    decisions: tuple[tuple[Decision, Optional[TermView], bool], ...]
    term: Optional[TermView]
    broad: str
    colors: Colors
    status: str
    mark: str
    confidence: str
    score: str
    percent: float
    finest: str
    path: tuple[LevelView, ...]
    facts: Facts
    rationale: str
    supporting: tuple[GeneView, ...]
    missing: tuple[str, ...]
    unmeasured: tuple[str, ...]
    contradicting: tuple[GeneView, ...]
    struck: tuple[str, ...]
    flags: tuple[FlagView, ...]
    remarks: tuple[str, ...]
    alternatives: tuple[tuple[Alternative, Optional[TermView]], ...]
    candidates: tuple[CandidateView, ...]
    answers: tuple[tuple[ModelAnswer, Optional[TermView]], ...]
    agreement: str
    votes: tuple[tuple[Vote, Optional[TermView], str], ...]
    voted: str
    samples: tuple[tuple[SampleAnswer, str, Optional[TermView]], ...] = ()
    next_steps: tuple[str, ...] = ()
    asked_again: tuple[str, ...] = ()
    rivals: Sequence[ContrastText] = ()


def view_of_cluster(
    cluster: ClusterReport,
    colors: Colors,
    receipts: Receipts,
    decisions: Sequence[Decision] = (),
    standing: Optional[Decision] = None,
    unshortened: Optional[ClusterReport] = None,
) -> ClusterView:
    """The view of one cluster.

    Parameters
    ----------
    cluster
        The cluster.
    colors
        Its colors.
    receipts
        The witnesses of its genes in words.
    decisions
        The decisions of curators about it, oldest first.
    standing
        The decision that stands; None if the cluster is undecided.
    unshortened
        The same cluster with its labels in full, if ``cluster`` has short ones.
    """
    annotation, validation = cluster.annotation, cluster.validation
    full = _full_names(cluster, unshortened or cluster)
    by_candidate, rivals = contrasts_of(cluster)
    # The codes among the warnings are explained with the flags.
    remarks = (*validation.notes, *annotation.caveats, *cluster.warnings)
    return ClusterView(
        anchor=anchor_of(cluster.cluster_id),
        id=cluster.cluster_id,
        n_cells="" if cluster.n_cells is None else f"{cluster.n_cells:,}",
        label=annotation.primary_label,
        full=full,
        proposed=cluster.stopped_label,
        proposed_term=view_of_term(cluster.judged[1]) if cluster.stopped_label else None,
        curated=standing.to_label if standing else "",
        decisions=tuple((one, view_of_term(one.to_ontology_id), one is standing) for one in decisions),
        term=view_of_term(annotation.ontology_id),
        broad=cluster.broad_label,
        colors=colors,
        status=cluster.status,
        mark=STATUSES[cluster.status].mark,
        confidence=cluster.confidence,
        score=f"{cluster.confidence_score:.2f}",
        percent=_percent(cluster.confidence_score),
        finest=guess_text(cluster),
        path=_path(cluster),
        facts=_facts(cluster, full),
        rationale=annotation.rationale,
        supporting=_supporting(cluster, receipts),
        missing=validation.missing_markers,
        unmeasured=validation.unmeasured_markers,
        contradicting=tuple(GeneView(g, ", ".join(types)) for g, types in validation.contradictory_markers.items()),
        struck=cluster.struck_markers,
        flags=tuple(view_of_flag(code) for code in validation.flag_reasons),
        remarks=tuple(dict.fromkeys(text for text in remarks if text not in validation.flag_reasons)),
        alternatives=tuple((one, view_of_term(one.ontology_id)) for one in annotation.alternatives),
        candidates=tuple(_candidate(*one, receipts) for one in zip(cluster.candidates, by_candidate)),
        rivals=rivals,
        asked_again=tuple(one.text for one in cluster.asked_again),
        answers=tuple((one, view_of_term(one.ontology_id)) for one in (cluster.panel.answers if cluster.panel else ())),
        agreement=f"{cluster.panel.agreement:.2f}" if cluster.panel else "",
        next_steps=tuple(step_texts(cluster)),
        samples=_samples(cluster),
        votes=_votes(cluster.consensus),
        voted=path_text(cluster.consensus.path) if cluster.consensus else "",
    )


def _samples(cluster: ClusterReport) -> tuple[tuple[SampleAnswer, str, Optional[TermView]], ...]:
    return tuple((one, VOTES[one.vote], view_of_term(one.ontology_id)) for one in cluster.samples)


def view_of_flag(code: str, count: int = 1) -> FlagView:
    """A reason code with its meaning."""
    return FlagView(code, meaning(code), count)


def _path(cluster: ClusterReport) -> tuple[LevelView, ...]:
    label = "stopped label" if cluster.stopped_label else "label"
    return tuple(
        LevelView(
            label=level.label,
            term=view_of_term(level.ontology_id),
            score=f"{level.probability:.2f}",
            percent=_percent(level.probability),
            roles=(*([label] if is_label(level, cluster) else []), *(["finest guess"] if is_last else [])),
        )
        for level, is_last in ((level, level is cluster.path[-1]) for level in cluster.path)
    )


def _full_names(shown: ClusterReport, full: ClusterReport) -> str:
    pairs = ((shown.annotation.primary_label, full.annotation.primary_label), (shown.judged[0], full.judged[0]))
    return "; ".join(dict.fromkeys(name for text, name in pairs if name != text))


def _facts(cluster: ClusterReport, full: str) -> Facts:
    texts = {
        "full name": full,
        "broad type": cluster.broad_label,
        "states": ", ".join(state_texts(cluster)),
        "tissue": cluster.tissue or "",
        "proposed by": SOURCES[cluster.source],
    }
    return tuple((name, text) for name, text in texts.items() if text)


def _supporting(cluster: ClusterReport, receipts: Receipts) -> tuple[GeneView, ...]:
    """The genes for the judged label, with their weights if it is among the candidates."""
    (_, judged), known = cluster.judged, receipts.of_label(cluster)
    same = [c for c in cluster.candidates if judged is not None and c.ontology_id == judged]
    weights = {gene.name: gene.note for candidate in same for gene in _genes(candidate.supporting)}
    return tuple(
        GeneView(gene, weights.get(gene, ""), known.get(gene)) for gene in cluster.validation.supporting_markers
    )


def _candidate(candidate: Candidate, contrasts: Sequence[ContrastText], receipts: Receipts) -> CandidateView:
    return CandidateView(
        label=candidate.label,
        term=view_of_term(candidate.ontology_id),
        score=f"{candidate.score:.1f}",
        percent=_percent(candidate.probability),
        supporting=_genes(candidate.supporting[:SHOWN_GENES], receipts.of_candidate(candidate)),
        contradicting=_genes(candidate.contradicting),
        contrasts=contrasts,
    )


def _votes(one: Optional[Consensus]) -> tuple[tuple[Vote, Optional[TermView], str], ...]:
    if one is None:
        return ()
    backs = (f"{one.backing(vote, one.level):.0%}" if one.level else "" for vote in one.votes)
    return tuple(zip(one.votes, (view_of_term(vote.ontology_id) for vote in one.votes), backs))


def _genes(evidence: Iterable[Evidence], known: Mapping[str, Receipt] = MappingProxyType({})) -> tuple[GeneView, ...]:
    return tuple(GeneView(item.gene, f"{item.contribution:+.1f}", known.get(item.gene)) for item in evidence)


def _percent(share: float) -> float:
    return round(100 * min(max(share, 0.0), 1.0), 1)
