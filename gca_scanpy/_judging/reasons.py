"""The reason codes, once: the checks raise them; plots, page, review and documents explain them from here.

And what would settle an uncertain cluster: at most four steps, each with its reason; and the short contrasts of types
that a report shows, and that a language model is shown when its label was stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from itertools import chain, islice, zip_longest
from typing import Optional

from attrs import frozen

from gca_scanpy._judging.contrast import (
    Contrast,
    ContrastGene,
    Pair,
    Seen,
    contrast,
    first_apart,
    has_facts,
    question,
    shown,
    telling_among,
)
from gca_scanpy._judging.evidence import Rival
from gca_scanpy._judging.label import is_divided, name_of
from gca_scanpy._scoring import numbers
from gca_scanpy._scoring.case import Case
from gca_scanpy._steps import Objection
from gca_scanpy.model import ClusterReport, GenesFor, Mixture, NextStep, PairContrast


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


def undecided(case: Case, cluster: ClusterReport) -> Optional[Contrast]:
    """The contrast of what a cluster is undecided between; None if it is settled, or if nothing competes with it."""
    pair = None if _is_settled(cluster) else question(cluster, case.index)
    is_list = case.markers.measured is None  # the other genes only matter if the data lack them
    return contrast(cluster.cluster_id, pair, case.index, _seen(case), canonical=is_list) if pair else None


def next_steps(
    case: Case, cluster: ClusterReport, apart: Optional[Contrast], cells: Optional[Mixture], surface: Mapping[str, str]
) -> tuple[NextStep, ...]:
    """The steps that would settle a cluster below High, of two types, or without a supported label; else empty.

    Parameters
    ----------
    apart
        What :func:`undecided` gives.
    cells
        What its cells show of the two types of that contrast; None if they were not looked at.
    surface
        The names of surface proteins, by the symbol of the gene.
    """
    if _is_settled(cluster):
        return ()
    genes = chain(_finer(apart, cells), _measure(apart), _look(apart), _stain(apart, surface)) if apart else ()
    steps = chain(_of_mixture(cluster), _too_little(case), genes, _tissue(case))
    return tuple(islice(_once(steps), MAX_STEPS))


def _is_settled(cluster: ClusterReport) -> bool:
    return cluster.status == "supported" and cluster.confidence == "High" and cluster.mixture is None


def of_both(apart: Contrast) -> list[list[ContrastGene]]:
    """The canonical markers of each of two types that a cluster expresses; empty unless it expresses some of both."""
    both = [
        [gene for gene in apart.says(label) if gene.speaks_for == label and gene.kind == "marker" and gene.is_canonical]
        for label in (apart.first, apart.second)
    ]
    return both if all(both) else []


def telling(apart: Contrast, label: str) -> tuple[str, ...]:
    """The genes by which single cells may show that they are of a type: measured, not lacking, canonical ones first."""
    genes = [g for g in apart.for_type(label) if g.kind == "marker" and g.is_measured and g.says in ("", label)]
    return tuple(gene.gene for gene in sorted(genes, key=lambda gene: not gene.is_canonical)[:MAX_GENES])


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


def contrasts(case: Case, cluster: ClusterReport, rival: Optional[Rival]) -> tuple[PairContrast, ...]:
    """What separates each candidate of a cluster from the first of these that excludes it.

    These are the label, the finest guess, and the better candidates. The rival of the label is a candidate too.
    """
    keys = [*(one.ontology_id or one.label for one in cluster.candidates if one.score > 0), *_key_of(rival)]
    finest = [level.ontology_id or level.label for level in cluster.path[-1:]]
    better = [key for key in (_judged_key(cluster), *finest) if has_facts(key, case.index)]
    pairs = []
    for key in keys:
        if has_facts(key, case.index) and key not in better:
            pair = first_apart(key, better, case.index)
            pairs += [(pair[1], key)] if pair else []
            better.append(key)
    see = cache(_seen(case))  # pairs share most of their genes
    return tuple(_short(pair, case, see) for pair in pairs)


def objection(case: Case, cluster: ClusterReport, rival: Optional[Rival]) -> Objection:
    """What the checks say against the label of a cluster that they stopped, and its contrast with the rival."""
    index = case.index
    pair: Optional[Pair] = first_apart(_judged_key(cluster), _key_of(rival), index) or question(cluster, index)
    return Objection(
        label=cluster.judged[0],
        reasons=tuple(code for code in cluster.validation.flag_reasons if code not in ADVISORY),
        notes=cluster.validation.notes,
        contrast=_short(pair, case, _seen(case)) if pair else None,
    )


def _key_of(rival: Optional[Rival]) -> list[str]:
    return [rival.key] if rival else []


def _judged_key(cluster: ClusterReport) -> str:
    label, term = cluster.judged
    return term or label


def _short(pair: Pair, case: Case, see: Callable[[str], Seen]) -> PairContrast:
    """The most telling genes of both types."""
    first, second = pair
    return PairContrast(_genes_for(first, second, case, see), _genes_for(second, first, case, see))


def _genes_for(key: str, other: str, case: Case, see: Callable[[str], Seen]) -> GenesFor:
    genes = []
    for gene in telling_among(key, other, case.index, case.markers.expressed_symbols):
        seen = see(gene.symbol)
        kind = shown(gene, seen)
        # That the other type lacks a gene is worth showing only if the cluster has it.
        if gene.kind == "marker" or kind == "expressed":
            order = (kind in ("open", "unmeasured"), not gene.is_canonical, kind == "unmeasured", -gene.strength)
            genes.append((order, gene.symbol, kind, seen.name))
    kinds: dict[str, list[str]] = {}
    for *_, kind, name in sorted(genes)[:MAX_GENES]:
        kinds.setdefault(kind, []).append(name)
    ontology_id = key if key in case.index.lineages.ontology else None
    return GenesFor(name_of(key, case.index), ontology_id, **{kind: tuple(names) for kind, names in kinds.items()})


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
        yield NextStep("cells", text, (), f"It has {counted(n_cells, 'cell')}, too few to see which genes it lacks.")
    if n_cells is None and n_genes < numbers.NUMBERS.min_stored_genes:
        text = "Give more marker genes of the cluster, best first, or the cells themselves."
        yield NextStep("genes", text, (), f"It has {counted(n_genes, 'marker gene')}.")


def counted(number: int, name: str) -> str:
    """A number with the name of what it counts."""
    return f"{number} {name}{'' if number == 1 else 's'}"


def _finer(apart: Contrast, cells: Optional[Mixture]) -> Iterator[NextStep]:
    """A cluster that expresses markers of both types may hold cells of both, unless its cells show that it does not."""
    both = of_both(apart)
    if cells is not None:
        if is_divided(cells):
            first, second = cells.parts
            shares = f"{first.share:.0%} of the cells express those of {first.label} and {second.share:.0%} those of "
            genes = (*first.genes[: MAX_GENES // 2], *second.genes[: MAX_GENES // 2])
            reason = f"Different cells express these genes: {shares}{second.label}, and only {cells.both:.0%} both."
            yield NextStep("recluster", "Cluster these cells more finely.", genes, reason)
    elif both:
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
