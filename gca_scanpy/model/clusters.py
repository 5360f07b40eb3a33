"""The classes of a cluster's result."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Optional  # these are read at run time, on Python 3.9 too

from attrs import Factory, frozen

from gca_scanpy.model.votes import AskedAgain, Consensus, Level, Mixture, PairContrast, Panel, SampleAnswer, html_table

Status = Literal["supported", "flagged", "unknown"]
Confidence = Literal["Low", "Medium", "High"]
Source = Literal["offline", "model", "user"]
StepKind = Literal[
    "doublets", "ambient", "recluster", "cells", "genes", "measure", "look", "stain", "tissue"
]  # fmt: skip

SHOWN_GENES = 5  # in the table of a notebook
CONFIDENCE_LEVELS: tuple[Confidence, ...] = ("Low", "Medium", "High")
STATUSES: tuple[Status, ...] = ("supported", "flagged", "unknown")


@frozen
class Witnesses:
    """Who states that a gene marks a type.

    Attributes
    ----------
    fact_of
        Cell Ontology id of the type, or its name if it has none.
    stated_by
        The lists that state it for this very type, by the name of the source.
    nearby
        The sources that state it for a neighbor of the type in the ontology only, as ``panglaodb@CL:0000084``.
    seen_in
        The expression profiles of the type in which the gene stands out.
    measured
        Number of expression profiles of the type that measure the gene.
    """

    fact_of: str
    stated_by: tuple[str, ...] = ()
    nearby: tuple[str, ...] = ()
    seen_in: tuple[str, ...] = ()
    measured: int = 0


@frozen
class Evidence:
    """A marker gene's contribution to the score of a candidate, in nats: positive for it, negative against it."""

    gene: str
    contribution: float


@frozen
class Candidate:
    """A cell type that could explain a cluster.

    Attributes
    ----------
    label
        Name of the Cell Ontology term.
    ontology_id
        Its id, such as ``CL:0000236``.
    score
        Log-likelihood ratio against background genes, in nats; higher is better.
    probability
        Probability of this type among all candidates, 0 to 1.
    supporting
        Genes of the cluster that support this type, strongest first.
    contradicting
        Genes of the cluster that contradict it, strongest first.
    """

    label: str
    ontology_id: Optional[str]
    score: float
    probability: float
    supporting: tuple[Evidence, ...] = ()
    contradicting: tuple[Evidence, ...] = ()


@frozen
class Alternative:
    """Another label that was considered, and why."""

    label: str
    reason: str
    ontology_id: Optional[str] = None


@frozen
class Annotation:
    """The label of a cluster.

    Attributes
    ----------
    primary_label
        The result: as deep in the ontology as the evidence is certain, or ``"Unknown or Novel"``.
    proposed_label
        The scorer's finest guess, or the label of a language model or a user, whether or not the label was stopped.
    """

    primary_label: str
    proposed_label: str
    ontology_id: Optional[str]
    proposed_ontology_id: Optional[str]
    confidence: Confidence
    rationale: str
    alternatives: tuple[Alternative, ...]
    caveats: tuple[str, ...]
    markers: tuple[str, ...]


@frozen
class Separation:
    """The genes that tell a label from its nearest competitor, as far as the data measured them.

    Attributes
    ----------
    competitor, competitor_id
        The best other candidate that is neither an ancestor nor a subtype of the label.
    n_genes
        Genes of the database that separate the two: canonical markers of one that are no markers of the other.
    n_measured
        How many of them the data have.
    unmeasured
        The first genes that the data do not have, as symbols.
    """

    competitor: str
    competitor_id: Optional[str]
    n_genes: int
    n_measured: int
    unmeasured: tuple[str, ...] = ()


@frozen
class Validation:
    """How the evidence agrees with the proposed label.

    Attributes
    ----------
    supporting_markers
        Genes of the cluster, as the data names them, that the database lists for the label.
    missing_markers
        Canonical markers of the label, as symbols, that are not among the cluster's genes although they were measured,
        or if it is not known which genes were measured.
    unmeasured_markers
        Canonical markers of the label, as symbols, that the data do not have, for example because they are not on the
        panel.
    contradictory_markers
        Genes of the cluster that speak against the label, with the cell types they mark. If another type is why the
        label is flagged, these are the genes that are specific for that type, strongest first.
    flag_reasons
        Reason codes, as ``docs/scoring.md`` lists them.
    separation
        The genes that tell the label from its nearest competitor. None if it is not known which genes were measured, if
        the database does not describe the label, or if no other type competes with it.
    """

    is_supported: bool
    supporting_markers: tuple[str, ...]
    missing_markers: tuple[str, ...]
    contradictory_markers: Mapping[str, tuple[str, ...]]
    ontology_mismatch: bool
    notes: tuple[str, ...]
    support_count: int
    flag_reasons: tuple[str, ...]
    unmeasured_markers: tuple[str, ...] = ()
    separation: Optional[Separation] = None


@frozen
class NextStep:
    """What would settle an uncertain cluster.

    Attributes
    ----------
    kind
        ``doublets``, ``ambient``, ``recluster``, ``cells``, ``genes``, ``measure``, ``look``, ``stain`` or ``tissue``.
    text
        What to do, in a sentence.
    genes
        The genes that it is about, as the data names them, or as symbols.
    reason
        Why, in a sentence.
    """

    kind: StepKind
    text: str
    genes: tuple[str, ...]
    reason: str


@frozen(repr=False)
class ClusterReport:
    """The result for one cluster.

    Attributes
    ----------
    confidence_score
        Probability that the label, or a subtype of it, is right, 0 to 1.
    states
        States of the cells beside their type, such as ``proliferating``; ``malignant?`` is a suspicion.
    path
        The levels of the ontology from the lineage through the label to the finest guess, each with its probability.
        For a label that is not shown, the path through what was proposed. Empty if no gene marks a type.
    state_genes
        The genes that show each state, as the data names them, in the order of their ranks.
    mixture
        What the cells of a cluster of two lineages are; None if it is not mixed, or its cells could not be read.
    next_steps
        What would settle a cluster below High or without a supported label, at most four steps.
    samples
        What the cells of each sample say; empty if the run had no ``sample_key``.
    consensus
        The votes of :func:`gca_scanpy.tl.consensus`; None if the label has another source.
    contrasts
        What separates the label, or the finest guess, from each other candidate that excludes it.
    asked_again
        The labels about which language models were asked once more; empty without ``ask_again``.
    judged_label, judged_ontology_id
        The label that was judged, and its id: it is shown, or it was stopped. It can be broader than the label that was
        proposed, the scorer's finest guess.
    """

    cluster_id: str
    annotation: Annotation
    validation: Validation
    warnings: tuple[str, ...]
    status: Status
    confidence: Confidence
    confidence_score: float
    broad_label: str
    broad_ontology_id: Optional[str]
    source: Source
    states: tuple[str, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    n_cells: Optional[int] = None
    tissue: Optional[str] = None
    struck_markers: tuple[str, ...] = ()
    panel: Optional[Panel] = None
    path: tuple[Level, ...] = ()
    state_genes: Mapping[str, tuple[str, ...]] = Factory(dict)
    mixture: Optional[Mixture] = None
    next_steps: tuple[NextStep, ...] = ()

    def __repr__(self) -> str:
        label, score = self.annotation.primary_label, f"{self.confidence} {self.confidence_score:.2f}"
        return f"<ClusterReport {self.cluster_id!r}: {label}, {score}, {self.status}>"

    def _repr_html_(self) -> str:
        names = ("cluster", "cells", "label", "id", "confidence", "status", "why", "supporting_genes")
        more = {
            "against": ", ".join(self.validation.contradictory_markers),
            "path": " > ".join(f"{level.label} ({level.probability:.2f})" for level in self.path),
            "candidates": ", ".join(candidate.label for candidate in self.candidates),
            "votes": "; ".join(vote.text for vote in self.consensus.votes) if self.consensus else "",
            "asked again": "; ".join(one.text for one in self.asked_again),
            "what would settle it": " ".join(f"{step.text} {step.reason}" for step in self.next_steps),
        }
        rows = [(name.replace("_", " "), value) for name, value in (*zip(names, self.row), *more.items()) if value]
        return html_table(f"Cluster {self.cluster_id}", ("field", "value"), rows)

    @property
    def row(self) -> tuple[str, ...]:
        """Its row in the table that a notebook shows."""
        annotation, validation = self.annotation, self.validation
        stopped = f" ({self.stopped_label}?)" if self.stopped_label else ""
        return (
            self.cluster_id,
            "" if self.n_cells is None else str(self.n_cells),
            f"{annotation.primary_label}{stopped}",
            annotation.ontology_id or "",
            f"{self.confidence} {self.confidence_score:.2f}",
            self.status,
            ", ".join(validation.flag_reasons),
            ", ".join(validation.supporting_markers[:SHOWN_GENES]),
        )

    samples: tuple[SampleAnswer, ...] = ()
    consensus: Optional[Consensus] = None
    contrasts: tuple[PairContrast, ...] = ()
    asked_again: tuple[AskedAgain, ...] = ()
    judged_label: str = ""
    judged_ontology_id: Optional[str] = None

    @property
    def judged(self) -> tuple[str, Optional[str]]:
        """The label that was judged and its id; it is shown, or it was stopped."""
        annotation = self.annotation
        if self.status == "supported":
            return annotation.primary_label, annotation.ontology_id
        if self.judged_label:
            return self.judged_label, self.judged_ontology_id
        return annotation.proposed_label, annotation.proposed_ontology_id

    @property
    def stopped_label(self) -> str:
        """The label that was stopped; empty if none was."""
        label, _ = self.judged
        return label if self.status != "supported" and label != self.annotation.primary_label else ""

    @property
    def fine_label(self) -> str:
        """The finest guess, the last level of the path; empty if no gene marks a type."""
        return self.path[-1].label if self.path else ""

    @property
    def fine_probability(self) -> Optional[float]:
        """The probability of the finest guess, 0 to 1; None if there is none."""
        return self.path[-1].probability if self.path else None
