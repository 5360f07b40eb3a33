"""What curators decided: the label that stands for each cluster, and how it came about."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Optional

from attrs import evolve, frozen

from gca_scanpy._names.labels import one_line, read_label, writable
from gca_scanpy._names.ontology import Ontology
from gca_scanpy.errors import ConflictError, InputError
from gca_scanpy.model import SCHEMA_VERSION, DatasetReport, Decision, DecisionKind

MIXED_LABEL = "Mixed"
ITSELF = "gca_scanpy"  # who reopened a cluster, where it was no curator
MAX_LISTED = 12


@frozen
class Choice:
    """What a curator wants of a cluster; ``label`` is for ``changed`` only, ``why`` says the types for ``mixed``."""

    cluster_id: str
    kind: DecisionKind
    label: str = ""
    why: str = ""


def standing(report: DatasetReport) -> dict[str, Decision]:
    """The decision that stands, by cluster; a cluster that is open has none."""
    last = {decision.cluster_id: decision for decision in report.audit}
    ids = {cluster.cluster_id for cluster in report.clusters}
    return {key: found for key, found in last.items() if found.kind != "reopened" and key in ids}


def machine_label(report: DatasetReport, cluster_id: str) -> tuple[str, Optional[str]]:
    """The label that the run gave a cluster, and its term."""
    annotation = report.cluster(cluster_id).annotation
    return annotation.primary_label, annotation.ontology_id


def label_of(report: DatasetReport, cluster_id: str) -> tuple[str, Optional[str]]:
    """The curated label of a cluster and its term, else the machine's."""
    decision = standing(report).get(cluster_id)
    if decision is None:
        return machine_label(report, cluster_id)
    return decision.to_label, decision.to_ontology_id


def history(report: DatasetReport, cluster_id: str) -> tuple[Decision, ...]:
    """The decisions about a cluster, oldest first."""
    return tuple(decision for decision in report.audit if decision.cluster_id == cluster_id)


def decide(report: DatasetReport, choices: Iterable[Choice], who: str, when: str, ontology: Ontology) -> DatasetReport:
    """The report with these decisions in its audit trail; what changes nothing leaves no entry.

    Raises
    ------
    InputError
        Where a cluster is not there, a label or name is empty, or a mixed cluster has no note.
    """
    name = one_line(who)
    if not name:
        msg = "who is empty; give the curator's name, which the audit trail keeps"
        raise InputError(msg)
    wanted = list(choices)
    _check_clusters(report, [choice.cluster_id for choice in wanted])
    for choice in wanted:
        decision = _decision(report, choice, name, when, ontology)
        if decision is not None:
            report = evolve(report, schema_version=SCHEMA_VERSION, audit=(*report.audit, decision))
    return report


def _check_clusters(report: DatasetReport, wanted: Collection[str]) -> None:
    there = [cluster.cluster_id for cluster in report.clusters]
    missing = [key for key in wanted if key not in there]
    if missing:
        more = f" and {len(there) - MAX_LISTED} more" if len(there) > MAX_LISTED else ""
        msg = f"no cluster {missing[0]!r}; there are: {', '.join(map(repr, there[:MAX_LISTED]))}{more}"
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
            msg = f"cluster {choice.cluster_id!r} is to be mixed without a note; say which types are in it"
            raise InputError(msg)
        to_label, to_term = MIXED_LABEL, None
    elif kind == "changed":
        to_label, to_term = read_label(choice.label, ontology)
        kind = "accepted" if (to_label, to_term) == (label, term) else "changed"
    else:
        to_label, to_term = label, term
        if before is not None and before.kind == "mixed":  # who agrees that it is mixed need not name the types again
            kind, why = "mixed", why or before.why
    decision = Decision(choice.cluster_id, kind, label, term, to_label, to_term, who, when, why)
    return None if before is not None and _says(before) == _says(decision) else decision


def _says(decision: Decision) -> tuple[object, ...]:
    """What a decision comes to; the same said twice by the same curator is one decision."""
    return (decision.to_label, decision.to_ontology_id, decision.kind in ("mixed", "reopened") and decision.kind,
            decision.who, decision.why)  # fmt: skip


def joined(seen: DatasetReport, now: DatasetReport, choices: Collection[Choice]) -> DatasetReport:
    """The report to decide on, where a curator looked at ``seen`` and the file has ``now``.

    Decisions about other clusters that were made meanwhile are kept.

    Raises
    ------
    ConflictError
        Where one of these clusters was decided meanwhile, or the file is another than the one that was looked at.
    """
    same_run = (now.provenance, now.clusters) == (seen.provenance, seen.clusters)
    if not same_run or now.audit[: len(seen.audit)] != seen.audit:
        msg = (
            "the file was annotated again, or replaced, since it was opened; look at it as it is now, and decide again"
        )
        raise ConflictError(msg)
    wanted = {choice.cluster_id for choice in choices}
    others = [decision for decision in now.audit[len(seen.audit) :] if decision.cluster_id in wanted]
    if others:
        last = others[-1]
        msg = (
            f"{last.who} decided on cluster {last.cluster_id!r} meanwhile: {last.kind}, {last.from_label!r} to "
            f"{last.to_label!r}; nothing was saved, so look at it and decide again"
        )
        raise ConflictError(msg)
    return now


def carry_over(
    earlier: DatasetReport, new: DatasetReport, same: Collection[str], when: str
) -> tuple[DatasetReport, tuple[str, ...]]:
    """A new run's report with the audit trail of the earlier one, and the clusters that are open again.

    Parameters
    ----------
    same
        Clusters that have the very cells that they had; a decision about any other does not stand.
    """
    labels: Mapping[str, tuple[str, Optional[str]]] = {
        c.cluster_id: (c.annotation.primary_label, c.annotation.ontology_id) for c in new.clusters
    }
    opened = [found for key, found in standing(earlier).items() if key not in same]
    why = "annotated again, not with the very cells that were decided on"
    entries = [
        Decision(d.cluster_id, "reopened", d.to_label, d.to_ontology_id, *labels.get(d.cluster_id, ("", None)), ITSELF,
                 when, why)
        for d in opened
    ]  # fmt: skip
    return evolve(new, audit=(*earlier.audit, *entries)), tuple(d.cluster_id for d in opened)
