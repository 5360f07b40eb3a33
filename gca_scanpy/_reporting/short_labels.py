"""The labels of a report by the short names of their types, for columns, tables and figures."""

from __future__ import annotations

from typing import Literal, Optional

from attrs import evolve

from gca_scanpy._names.short_names import Label, ShortNames
from gca_scanpy.model import Annotation, ClusterReport, DatasetReport, Decision, Part

Labels = Literal["full", "short"]


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
    """The labels of the clusters, the proposed ones, candidates, alternatives, broad types, and mixed lineages."""
    return (
        [_label(cluster) for cluster in clusters],
        [_proposed(cluster.annotation) for cluster in clusters],
        [(candidate.label, candidate.ontology_id) for cluster in clusters for candidate in cluster.candidates],
        [(other.label, other.ontology_id) for cluster in clusters for other in cluster.annotation.alternatives],
        [_broad(cluster) for cluster in clusters],
        [(part.label, part.ontology_id) for cluster in clusters for part in _mixed(cluster)],
    )


def _relabeled(cluster: ClusterReport, shown: dict[Label, str], short: ShortNames) -> ClusterReport:
    annotation, validation = cluster.annotation, cluster.validation
    parts = tuple(evolve(part, label=shown[part.label, part.ontology_id]) for part in _mixed(cluster))
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
        candidates=tuple(evolve(c, label=shown[c.label, c.ontology_id]) for c in cluster.candidates),
        mixture=cluster.mixture and evolve(cluster.mixture, parts=parts),
    )


def _mixed(cluster: ClusterReport) -> tuple[Part, ...]:
    """The lineages of a mixed cluster."""
    return cluster.mixture.parts if cluster.mixture else ()


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
