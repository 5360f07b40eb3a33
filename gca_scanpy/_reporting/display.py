"""How clusters look wherever they are shown: short labels, in which no two types look alike, texts, marks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, Optional

from attrs import evolve, frozen

from gca_scanpy._names.labels import Label, ShortNames
from gca_scanpy.model import (
    Annotation,
    Candidate,
    ClusterReport,
    DatasetReport,
    Decision,
    GenesFor,
    Level,
    PairContrast,
    Part,
    SampleAnswer,
    SampleVote,
)

VOTES: Mapping[SampleVote, str] = {
    "agrees": "agrees",
    "differs": "differs",
    "unclear": "no vote: unclear",
    "too_few": "no vote: too few cells",
    "no_contrast": "no vote: too few other cells",
}
# How the fields of a contrast are called where it is shown.
SHOWS = {"expressed": "expressed", "lacking": "lacking", "open": "undecided", "unmeasured": "not measured"}
Labels = Literal["full", "short"]
# Of each type of a contrast: its name, and the genes that speak for it, by what the cluster shows of them.
ContrastText = tuple[tuple[str, tuple[tuple[str, str], ...]], ...]


@frozen
class Look:
    """How a status or a level of confidence looks.

    Attributes
    ----------
    plot
        Its color in plots: Okabe and Ito's, which color-blind readers can tell apart.
    light, dark
        The same hue on a light and on a dark page, where letters in it need a contrast of 4.5.
    mark
        A sign for it, in matplotlib's own font; a level of confidence has none.
    """

    plot: str
    light: str
    dark: str
    mark: str = ""


STATUSES: Mapping[str, Look] = {
    "supported": Look("#009E73", "#00704F", "#46CFA2", "✓"),
    "flagged": Look("#D55E00", "#A94800", "#FFA266", "!"),
    "unknown": Look("#666666", "#596066", "#A1ABB4", "?"),
}
LEVELS: Mapping[str, Look] = {
    "High": Look("#0072B2", "#0072B2", "#3AA0DE"),
    "Medium": Look("#56B4E9", "#56B4E9", "#8FD0F7"),
    "Low": Look("#BBBBBB", "#A9B0B6", "#6D767E"),
}


def short_labels(report: DatasetReport, short: ShortNames) -> list[str]:
    """The short label of each cluster. Decisions of curators do not change it, as they do not change the label."""
    shown = short.shown(*_parts(report.clusters))
    return [shown[_label(cluster)] for cluster in report.clusters]


def with_labels(report: DatasetReport, labels: Labels, short: ShortNames) -> DatasetReport:
    """The report to draw: as it is, or with short names in place of all labels; texts such as notes stay as they are.

    A curated label that says more than its term ("activated pDC") keeps its words.
    """
    if labels == "full":
        return report
    against = [
        _named(name, short)
        for cluster in report.clusters
        for names in cluster.validation.contradictory_markers.values()
        for name in names
    ]
    shown = short.shown(*_parts(report.clusters), against, [_curated(decision, short) for decision in report.audit])
    return evolve(
        report,
        clusters=tuple(_relabeled(cluster, shown, short) for cluster in report.clusters),
        audit=tuple(evolve(decision, to_label=shown[_curated(decision, short)]) for decision in report.audit),
    )


def _parts(clusters: tuple[ClusterReport, ...]) -> tuple[list[Label], ...]:
    """The labels of the clusters, the proposed ones, candidates, alternatives, broad types, mixed lineages, samples."""
    return (
        [_label(cluster) for cluster in clusters],
        [_proposed(cluster.annotation) for cluster in clusters],
        [cluster.judged for cluster in clusters],
        [(candidate.label, candidate.ontology_id) for cluster in clusters for candidate in cluster.candidates],
        [(other.label, other.ontology_id) for cluster in clusters for other in cluster.annotation.alternatives],
        [_broad(cluster) for cluster in clusters],
        [(level.label, level.ontology_id) for cluster in clusters for level in cluster.path],
        [(part.label, part.ontology_id) for cluster in clusters for part in _mixed(cluster)],
        [(side.label, side.ontology_id) for cluster in clusters for side in _contrasted(cluster)],
        [(one.label, one.ontology_id) for cluster in clusters for one in cluster.samples if one.label],
    )


def _relabeled(cluster: ClusterReport, shown: dict[Label, str], short: ShortNames) -> ClusterReport:
    annotation, validation = cluster.annotation, cluster.validation
    parts = tuple(evolve(part, label=shown[part.label, part.ontology_id]) for part in _mixed(cluster))

    def named(side: GenesFor) -> GenesFor:
        return evolve(side, label=shown[side.label, side.ontology_id])

    return evolve(
        cluster,
        annotation=evolve(
            annotation,
            primary_label=shown[_label(cluster)],
            proposed_label=shown[_proposed(annotation)],
            alternatives=tuple(evolve(a, label=shown[a.label, a.ontology_id]) for a in annotation.alternatives),
        ),
        validation=evolve(
            validation,
            contradictory_markers={
                gene: tuple(shown[_named(name, short)] for name in names)
                for gene, names in validation.contradictory_markers.items()
            },
        ),
        broad_label=shown[_broad(cluster)],
        judged_label=shown[cluster.judged],
        candidates=tuple(evolve(c, label=shown[c.label, c.ontology_id]) for c in cluster.candidates),
        path=tuple(evolve(level, label=shown[level.label, level.ontology_id]) for level in cluster.path),
        mixture=cluster.mixture and evolve(cluster.mixture, parts=parts),
        contrasts=tuple(PairContrast(named(pair.first), named(pair.second)) for pair in cluster.contrasts),
        samples=tuple(
            evolve(one, label=shown[one.label, one.ontology_id]) if one.label else one for one in cluster.samples
        ),
    )


def is_label(level: Level, cluster: ClusterReport) -> bool:
    """Whether a level of the path is the label that was judged: the one that is shown, or the one that was stopped."""
    label, term = cluster.judged
    return level.label == label if term is None else level.ontology_id == term


def finer_guess(cluster: ClusterReport) -> Optional[Level]:
    """The finest guess, if it is finer than the label; None if a label was stopped, because then that one is shown."""
    if not cluster.path or cluster.stopped_label or is_label(cluster.path[-1], cluster):
        return None
    return cluster.path[-1]


def guess_text(cluster: ClusterReport) -> str:
    """The finest guess with its probability, if it is finer than the label; otherwise empty."""
    guess = finer_guess(cluster)
    return f"{guess.label} {guess.probability:.2f}" if guess else ""


def sample_text(answer: SampleAnswer) -> str:
    """What a sample says of a cluster, such as ``B: 20 cells, differs (T cell 0.93)``."""
    n_cells = f"{answer.n_cells:,} cell{'' if answer.n_cells == 1 else 's'}"
    said = f" ({answer.label} {answer.probability:.2f})" if answer.label and answer.probability is not None else ""
    return f"{answer.sample}: {n_cells}, {VOTES[answer.vote]}{said}"


def path_text(path: Iterable[Level]) -> str:
    """The levels of a path with their probabilities, in a line."""
    return " > ".join(f"{level.label} ({level.probability:.2f})" for level in path)


def step_texts(cluster: ClusterReport) -> list[str]:
    """What would settle a cluster, each step with its reason."""
    return [f"{step.text} {step.reason}" for step in cluster.next_steps]


def contrast_text(pair: PairContrast) -> ContrastText:
    """A contrast in words."""
    return tuple(
        (
            side.label,
            tuple((word, ", ".join(getattr(side, name))) for name, word in SHOWS.items() if getattr(side, name)),
        )
        for side in (pair.first, pair.second)
    )


def contrasts_of(cluster: ClusterReport) -> tuple[list[list[ContrastText]], list[ContrastText]]:
    """The contrasts of each candidate of a cluster, and those of a rival that is not among them."""
    by_candidate = [
        [contrast_text(pair) for pair in cluster.contrasts if _is_about(pair.second, one)] for one in cluster.candidates
    ]
    others = [pair for pair in cluster.contrasts if not any(_is_about(pair.second, one) for one in cluster.candidates)]
    return by_candidate, [contrast_text(pair) for pair in others]


def _is_about(side: GenesFor, candidate: Candidate) -> bool:
    return (side.label, side.ontology_id) == (candidate.label, candidate.ontology_id)


def state_texts(cluster: ClusterReport) -> list[str]:
    """Each state of a cluster with its genes in brackets, if the report has them."""
    genes = cluster.state_genes
    return [f"{state} ({', '.join(genes[state])})" if genes.get(state) else state for state in cluster.states]


def _mixed(cluster: ClusterReport) -> tuple[Part, ...]:
    """The lineages of a mixed cluster."""
    return cluster.mixture.parts if cluster.mixture else ()


def _contrasted(cluster: ClusterReport) -> list[GenesFor]:
    """Both types of each contrast."""
    return [side for pair in cluster.contrasts for side in (pair.first, pair.second)]


def _label(cluster: ClusterReport) -> Label:
    return cluster.annotation.primary_label, cluster.annotation.ontology_id


def _proposed(annotation: Annotation) -> Label:
    return annotation.proposed_label, annotation.proposed_ontology_id


def _broad(cluster: ClusterReport) -> Label:
    """The broad type; a label that belongs to none stands in its place, with the term that it has."""
    label, term = _label(cluster)
    return cluster.broad_label, cluster.broad_ontology_id or (term if cluster.broad_label == label else None)


def _named(name: str, short: ShortNames) -> Label:
    """A type that is given by its name alone: its term is the one that the ontology calls so."""
    return name, short.ontology.resolver.vocabulary.label(name)


def _curated(decision: Decision, short: ShortNames) -> Label:
    term: Optional[str] = decision.to_ontology_id
    is_name = term is not None and term in short.ontology and short.ontology.label(term) == decision.to_label
    return decision.to_label, term if is_name else None
