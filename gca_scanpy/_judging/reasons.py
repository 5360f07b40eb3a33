"""The reason codes, once: the checks raise them; plots, page, review and documents explain them from here.

And what would settle an uncertain cluster: at most four steps, each with its reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain, islice, zip_longest
from typing import Optional

from attrs import frozen

from gca_scanpy._judging.contrast import Contrast, ContrastGene, Seen, contrast, question
from gca_scanpy._scoring import numbers
from gca_scanpy._scoring.case import Case
from gca_scanpy.model import ClusterReport, NextStep


@frozen
class Reason:
    """A reason code.

    Attributes
    ----------
    code
        Its name in a report.
    meaning
        A sentence for the reader.
    stops
        Whether it stops the label. One that does not is advice: the label stays, and its confidence is at most Medium.
    is_absence
        Whether it says only that there is no evidence. The status is then ``unknown``, not ``flagged``, unless there is
        another reason that stops the label.
    """

    code: str
    meaning: str
    stops: bool
    is_absence: bool = False


def _stops(code: str, meaning: str, *, is_absence: bool = False) -> Reason:
    return Reason(code, meaning, stops=True, is_absence=is_absence)


def _advice(code: str, meaning: str) -> Reason:
    return Reason(code, meaning, stops=False)


REASONS = {
    reason.code: reason
    for reason in (
        _stops("no_markers_supplied", "The cluster has no marker gene.", is_absence=True),
        _stops(
            "low_marker_overlap",
            "Too few of the cluster's genes are known for the label, or no more than chance would give.",
            is_absence=True,
        ),
        _stops("contradictory_markers", "Markers of another lineage or type outweigh the support for the label."),
        _stops(
            "mixed_lineage",
            "Two lineages that exclude each other are both supported: a doublet, or two types in one cluster.",
        ),
        _stops("ontology_mismatch", "The ontology id that came with the label belongs to another cell type."),
        _stops("label_not_in_kb", "The marker database knows neither the label nor a relative of it."),
        _stops("species_mismatch", "The marker database knows the label for another species only."),
        _stops("validation_missing", "No label was given for this cluster."),
        _stops("model_disagreement", "The language models do not agree on a cell type."),
        _advice("tissue_mismatch", "The cell type belongs to other tissues than the one given."),
        _advice("missing_ontology_id", "The label has no Cell Ontology term."),
        _advice(
            "separating_genes_unmeasured",
            "The data measured none of the genes that tell the label from its nearest competitor.",
        ),
        _advice("not_separated", "No gene tells the label from its nearest competitor."),
        _advice("sample_disagreement", "In many of the samples the cells are of another type."),
        _advice("one_sample", "Nearly all cells come from one sample, whose share of the other cells is much lower."),
        _advice("ortholog_unmapped", "Most genes of the cluster have no known human ortholog."),
        _advice("other_species", "The genes were read by the symbols of human or mouse, a relative of the species."),
        _advice("llm_unavailable", "No language model answered, so the label is the offline scorer's."),
    )
}
ADVISORY = frozenset(reason.code for reason in REASONS.values() if not reason.stops)
ABSENT = frozenset(reason.code for reason in REASONS.values() if reason.is_absence)


def meaning(code: str) -> str:
    """The sentence for a code; empty for a code of another version."""
    reason = REASONS.get(code)
    return reason.meaning if reason else ""


MAX_STEPS, MAX_GENES = 4, 6
SPLIT = "gca_scanpy.tl.split"


def next_steps(case: Case, cluster: ClusterReport, surface: Mapping[str, str]) -> tuple[NextStep, ...]:
    """The steps that would settle a cluster below High or without a supported label; empty for any other.

    Parameters
    ----------
    surface
        The names of surface proteins, by the symbol of the gene.
    """
    if cluster.status == "supported" and cluster.confidence == "High":
        return ()
    pair = question(cluster, case.index)
    is_list = case.markers.measured is None  # the other genes only matter if the data lack them
    apart = contrast(cluster.cluster_id, pair, case.index, _seen(case), canonical=is_list) if pair else None
    genes = chain(_finer(apart), _measure(apart), _look(apart), _stain(apart, surface)) if apart else ()
    steps = chain(_of_mixture(cluster), _too_little(case), genes, _tissue(case))
    return tuple(islice(_once(steps), MAX_STEPS))


def _once(steps: Iterator[NextStep]) -> Iterator[NextStep]:
    """The first step of each kind."""
    kinds = set()
    for step in steps:
        if step.kind not in kinds:
            kinds.add(step.kind)
            yield step


def _seen(case: Case) -> Callable[[str], Seen]:
    """What the markers of a cluster show of a gene."""
    markers = case.markers
    names = {
        g.symbol: g.name for g in reversed((*markers.genes, *markers.expressed, *markers.present, *markers.absent))
    }
    expressed, absent = markers.expressed_symbols, frozenset(gene.symbol for gene in markers.absent)

    def see(symbol: str) -> Seen:
        is_expressed = True if symbol in expressed else False if symbol in absent else None
        is_named = True if symbol in names else None
        is_measured = is_named or (None if markers.measured is None else symbol in markers.measured)
        return Seen(names.get(symbol, symbol), is_measured=is_measured, is_expressed=is_expressed)

    return see


def _of_mixture(cluster: ClusterReport) -> Iterator[NextStep]:
    mixture = cluster.mixture
    if mixture is None or not mixture.parts:
        return
    first, second = mixture.parts
    genes = (*first.genes[: MAX_GENES // 2], *second.genes[: MAX_GENES // 2])
    pair = f"{first.label} and {second.label}"
    if mixture.kind == "doublets":
        text = f"Look for doublets and remove them; {SPLIT} separates them from the other cells."
        yield NextStep(
            "doublets", text, genes, f"{mixture.both:.0%} of the cells express the genes of {pair} together."
        )
    elif mixture.kind == "ambient":
        text = "Correct the counts for ambient RNA, and annotate again."
        yield NextStep("ambient", text, genes, f"The genes of one of {pair} are at a low level in all cells.")
    elif mixture.kind == "two_populations":
        text = f"Separate the cells with {SPLIT}, and annotate the parts."
        shares = (
            f"{first.share:.0%} of the cells express the genes of {first.label}, {second.share:.0%} of {second.label}"
        )
        yield NextStep("recluster", text, genes, f"{shares}.")


def _too_little(case: Case) -> Iterator[NextStep]:
    n_cells, n_genes = case.markers.n_cells, len(case.markers.genes)
    if n_cells is not None and n_cells < numbers.NUMBERS.min_cluster_cells:
        text = "Join the cluster with one that is like it, or take more cells."
        yield NextStep("cells", text, (), f"It has {_count(n_cells, 'cell')}, too few to see which genes it lacks.")
    if n_cells is None and n_genes < numbers.NUMBERS.min_stored_genes:
        text = "Give more marker genes of the cluster, best first, or the cells themselves."
        yield NextStep("genes", text, (), f"It has {_count(n_genes, 'marker gene')}.")


def _count(number: int, name: str) -> str:
    return f"{number} {name}{'' if number == 1 else 's'}"


def _finer(apart: Contrast) -> Iterator[NextStep]:
    """A cluster that expresses markers of both types may hold cells of both."""
    both = [
        [gene for gene in apart.for_type(label) if gene.says == label and gene.kind == "marker" and gene.is_canonical]
        for label in (apart.first, apart.second)
    ]
    if all(both):
        genes = _in_turns(both)
        reason = f"It expresses canonical markers of both: {_listed(both[0])} of {apart.first}, {_listed(both[1])} of "
        text = "Cluster these cells more finely, and see whether different cells express these genes."
        yield NextStep("recluster", text, genes, f"{reason}{apart.second}.")


def _measure(apart: Contrast) -> Iterator[NextStep]:
    genes = _best(apart, [gene for gene in apart.genes if gene.is_measured is False and gene.kind == "marker"])
    if genes:
        reason = f"These genes would separate {apart.first} from {apart.second}, but the data do not have them."
        yield NextStep("measure", f"Measure {', '.join(genes)}.", genes, reason)


def _look(apart: Contrast) -> Iterator[NextStep]:
    """Genes that are measured, or may be, and were neither high nor lacking."""
    open_ = [gene for gene in apart.genes if gene.is_measured is not False and not gene.says and gene.kind == "marker"]
    genes = _best(apart, [gene for gene in open_ if gene.is_canonical])
    if genes:
        known = all(gene.is_measured for gene in open_ if gene.gene in genes)
        state = "neither high nor lacking here" if known else "not among the marker genes here"
        reason = f"{apart.first} and {apart.second} differ in what is {state}."
        yield NextStep("look", f"See how many cells express {', '.join(genes)}.", genes, reason)


def _stain(apart: Contrast, surface: Mapping[str, str]) -> Iterator[NextStep]:
    genes = _best(apart, [gene for gene in apart.genes if gene.symbol in surface and gene.is_canonical])
    if genes:
        symbols = {gene.gene: gene.symbol for gene in apart.genes}
        names = (f"{surface[symbols[gene]]} ({gene})" for gene in genes)
        reason = f"{apart.first} and {apart.second} differ in these surface proteins."
        yield NextStep("stain", f"Stain {', '.join(dict.fromkeys(names))}.", genes, reason)


def _tissue(case: Case) -> Iterator[NextStep]:
    if not case.tissues:
        reason = "No tissue was given, so types of all tissues compete for the label."
        yield NextStep("tissue", "Give the tissue of the cells (tissue=...).", (), reason)


def _best(apart: Contrast, genes: Sequence[ContrastGene]) -> tuple[str, ...]:
    """The strongest genes of both types, in turns."""
    return _in_turns([[gene for gene in genes if gene.speaks_for == label] for label in (apart.first, apart.second)])


def _in_turns(sides: Sequence[Sequence[ContrastGene]]) -> tuple[str, ...]:
    turns: Iterator[Optional[ContrastGene]] = chain.from_iterable(zip_longest(*sides))
    return tuple(islice(dict.fromkeys(gene.gene for gene in turns if gene is not None), MAX_GENES))


def _listed(genes: Sequence[ContrastGene]) -> str:
    return ", ".join(gene.gene for gene in genes[: MAX_GENES // 2])
