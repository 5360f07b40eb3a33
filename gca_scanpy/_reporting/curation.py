"""Curators' decisions: the audit trail of a report, and the label that stands for each cluster."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Optional

from attrs import evolve, frozen

from gca_scanpy._names.labels import one_line, read_label, writable
from gca_scanpy._names.ontology import Ontology
from gca_scanpy.errors import ConflictError, InputError
from gca_scanpy.model import SCHEMA_VERSION, DatasetReport, Decision, DecisionKind

MIXED_LABEL = "Mixed"
PACKAGE = "gca_scanpy"  # recorded as `who` if a new run reopens a cluster
MAX_LISTED = 12


@frozen
class Choice:
    """A curator's choice for a cluster; only ``changed`` uses ``label``, and for ``mixed``, ``why`` names the types."""

    cluster_id: str
    kind: DecisionKind
    label: str = ""
    why: str = ""


def standing(report: DatasetReport) -> dict[str, Decision]:
    """The current decision by cluster; a cluster without a decision, or reopened since, is not in it."""
    latest = {decision.cluster_id: decision for decision in report.audit}
    ids = {cluster.cluster_id for cluster in report.clusters}
    return {key: decision for key, decision in latest.items() if decision.kind != "reopened" and key in ids}


def machine_label(report: DatasetReport, cluster_id: str) -> tuple[str, Optional[str]]:
    """The automatic label of a cluster, and its term."""
    annotation = report.cluster(cluster_id).annotation
    return annotation.primary_label, annotation.ontology_id


def label_of(report: DatasetReport, cluster_id: str) -> tuple[str, Optional[str]]:
    """The curated label of a cluster and its term, or the automatic ones if nobody decided."""
    decision = standing(report).get(cluster_id)
    if decision is None:
        return machine_label(report, cluster_id)
    return decision.to_label, decision.to_ontology_id


def history(report: DatasetReport, cluster_id: str) -> tuple[Decision, ...]:
    """The decisions about a cluster, oldest first."""
    return tuple(decision for decision in report.audit if decision.cluster_id == cluster_id)


def decide(report: DatasetReport, choices: Iterable[Choice], who: str, when: str, ontology: Ontology) -> DatasetReport:
    """The report with these decisions added to its audit trail; a choice that changes nothing adds no entry.

    Raises
    ------
    InputError
        If a cluster does not exist, a label or the name is empty, or a mixed cluster has no note.
    """
    name = one_line(who)
    if not name:
        msg = "who is empty; give the curator's name, which the audit trail keeps"
        raise InputError(msg)
    choices = list(choices)
    _check_clusters(report, [choice.cluster_id for choice in choices])
    for choice in choices:
        decision = _decision(report, choice, name, when, ontology)
        if decision is not None:
            report = evolve(report, schema_version=SCHEMA_VERSION, audit=(*report.audit, decision))
    return report


def _check_clusters(report: DatasetReport, requested: Collection[str]) -> None:
    ids = [cluster.cluster_id for cluster in report.clusters]
    missing = [key for key in requested if key not in ids]
    if missing:
        more = f" and {len(ids) - MAX_LISTED} more" if len(ids) > MAX_LISTED else ""
        msg = f"no cluster {missing[0]!r}; there are: {', '.join(map(repr, ids[:MAX_LISTED]))}{more}"
        raise InputError(msg)


def _decision(report: DatasetReport, choice: Choice, who: str, when: str, ontology: Ontology) -> Optional[Decision]:
    before, why = standing(report).get(choice.cluster_id), writable(choice.why).strip()
    label, term = label_of(report, choice.cluster_id)
    kind: DecisionKind = choice.kind
    if kind == "reopened":
        if before is None:
            return None
        to_label, to_term = machine_label(report, choice.cluster_id)
    elif kind == "mixed":
        if not why:
            msg = f"cluster {choice.cluster_id!r} is marked as mixed without a note; say which types are in it"
            raise InputError(msg)
        to_label, to_term = MIXED_LABEL, None
    elif kind == "changed":
        to_label, to_term = read_label(choice.label, ontology)
        kind = "accepted" if (to_label, to_term) == (label, term) else "changed"
    else:
        to_label, to_term = label, term
        if before is not None and before.kind == "mixed":  # who confirms "mixed" need not name the types again
            kind, why = "mixed", why or before.why
    decision = Decision(choice.cluster_id, kind, label, term, to_label, to_term, who, when, why)
    return None if before is not None and _effect(before) == _effect(decision) else decision


def _effect(decision: Decision) -> tuple[object, ...]:
    """What a decision changes; the same decision of the same curator is recorded once."""
    return (decision.to_label, decision.to_ontology_id, decision.kind in ("mixed", "reopened") and decision.kind,
            decision.who, decision.why)  # fmt: skip


def joined(seen: DatasetReport, current: DatasetReport, choices: Collection[Choice]) -> DatasetReport:
    """The report to decide on if a curator looked at ``seen`` and the file now has ``current``.

    Decisions that others made about other clusters in the meantime are kept.

    Raises
    ------
    ConflictError
        If somebody decided on one of these clusters in the meantime, or the file contains another run.
    """
    same_run = (current.provenance, current.clusters) == (seen.provenance, seen.clusters)
    if not same_run or current.audit[: len(seen.audit)] != seen.audit:
        msg = "the file was annotated again or replaced after it was opened; reload it and decide again"
        raise ConflictError(msg)
    ids = {choice.cluster_id for choice in choices}
    others = [decision for decision in current.audit[len(seen.audit) :] if decision.cluster_id in ids]
    if others:
        last = others[-1]
        msg = (
            f"{last.who} decided on cluster {last.cluster_id!r} meanwhile: {last.kind}, {last.from_label!r} to "
            f"{last.to_label!r}; nothing was saved; reload the file and decide again"
        )
        raise ConflictError(msg)
    return current


def carry_over(
    earlier: DatasetReport, new: DatasetReport, same: Collection[str]
) -> tuple[DatasetReport, tuple[str, ...]]:
    """A new run's report with the audit trail of the earlier one, and the ids of the reopened clusters.

    Parameters
    ----------
    same
        Clusters with exactly the same cells as before; decisions about all others are reopened.
    """
    labels: Mapping[str, tuple[str, Optional[str]]] = {
        c.cluster_id: (c.annotation.primary_label, c.annotation.ontology_id) for c in new.clusters
    }
    reopened = [decision for key, decision in standing(earlier).items() if key not in same]
    why = "annotated again with other cells than those of the decision"
    entries = [
        Decision(d.cluster_id, "reopened", d.to_label, d.to_ontology_id, *labels.get(d.cluster_id, ("", None)), PACKAGE,
                 new.provenance.created_at, why)
        for d in reopened
    ]  # fmt: skip
    return evolve(new, audit=(*earlier.audit, *entries)), tuple(d.cluster_id for d in reopened)
