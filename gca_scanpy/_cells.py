"""What the cells of a judged cluster say: whether they are a mixture, and what each sample says of the label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Optional

import numpy as np
import numpy.typing as npt
from attrs import evolve, frozen

from gca_scanpy._adata.clusters import Clustering, Expression, Sample
from gca_scanpy._events import Clock
from gca_scanpy._judging import mixture
from gca_scanpy._judging.contrast import Contrast
from gca_scanpy._judging.evidence import Rival
from gca_scanpy._judging.judge import Judgment, judge
from gca_scanpy._judging.label import Named
from gca_scanpy._judging.mixture import Outcome
from gca_scanpy._judging.reasons import of_both, telling
from gca_scanpy._judging.samples import answer, with_samples
from gca_scanpy._prepare import genes_of_matrix
from gca_scanpy._ranking.by_sample import SampleMoments
from gca_scanpy._scoring import numbers
from gca_scanpy._scoring.case import Case
from gca_scanpy.errors import InputError
from gca_scanpy.model import ClusterReport, Mixture, Part, SampleAnswer

SEPARABLE = ("two_populations", "doublets")  # the kinds that can be taken apart
SHOWN_GENES = 3
MAX_SECONDS = 3  # lineages of other clusters that are looked for in the cells of a cluster
BIMODAL = (0.2, 0.8)  # shares of the cells; a gene that fewer or more cells have does not divide them
EXCLUSIVE = -0.2  # correlation of the numbers of expressed genes of two types, in cells that may be of one of them
SHOWN_SHARE = 0.005  # a smaller share of the cells is 0 %


@frozen
class Lineage:
    """One of the two lineages of a mixed cluster, with the genes that are specific for it against the other."""

    label: str
    ontology_id: Optional[str]
    genes: tuple[str, ...]


def _explained(report: ClusterReport, lineages: Sequence[Lineage], outcome: Outcome) -> ClusterReport:
    """The report of a cluster with what its cells are.

    A rival with much more evidence than the label may just be right; then only two lineages are worth reporting.
    """
    is_mixed = "mixed_lineage" in report.validation.flag_reasons
    if not (is_mixed or outcome.kind in SEPARABLE):
        return report
    found = _mixture(outcome, lineages)
    validation = evolve(report.validation, notes=(*report.validation.notes, _note(found, outcome, lineages)))
    return evolve(report, validation=validation, mixture=found)


def look_beside(
    cases: Sequence[Case], judgments: Sequence[Judgment], expression: Optional[Expression], clock: Clock
) -> list[Judgment]:
    """The judgments, with ``mixed_lineage`` if cells of a supported cluster are of the lineage of another cluster.

    Genes of both lineages are read, and only if the cluster has those of the other one on.
    """
    if expression is None:
        return [*judgments]
    named = [Named.of(case, one.verdict) if one.status == "supported" else None for case, one in zip(cases, judgments)]
    suspected = [_suspected(one, named) if one else [] for one in named]
    if not any(suspected):
        return [*judgments]
    with clock.step("mixtures"):
        pairs = {
            case.cluster_id: [_pair(("", None), rival, expression) for rival in rivals]
            for case, rivals in zip(cases, suspected)
            if rivals
        }
        outcomes = _find_all(pairs, expression)
        seconds = [_second(outcomes.get(case.cluster_id, ()), rivals) for case, rivals in zip(cases, suspected)]
    return [
        judge(one.case, one.verdict, second) if one and second else judgment
        for judgment, one, second in zip(judgments, named, seconds)
    ]


def _suspected(one: Named, others: Sequence[Optional[Named]]) -> list[Rival]:
    """The other lineages whose genes a cluster may express, the most expressed first."""
    found = (one.second(other) for other in others if other is not None and other is not one)
    beside = sorted(filter(None, found), key=lambda rival: -rival.share)[:MAX_SECONDS]
    return [*filter(None, [one.ranked]), *beside]


def _pair(label: tuple[str, Optional[str]], rival: Rival, expression: Expression) -> tuple[Lineage, ...]:
    """A label and its rival, with those of their genes that were measured."""
    second = Lineage(rival.label, rival.ontology_id, tuple(rival.genes))
    return _measured((Lineage(*label, rival.label_genes), second), expression)


def _second(outcomes: Sequence[Outcome], rivals: Sequence[Rival]) -> Optional[Rival]:
    """The lineage that most of the cells of a cluster turn out to have; None if these are too few."""
    parts = [_part(outcome, rival) for outcome, rival in zip(outcomes, rivals)]
    best = max(range(len(parts)), key=parts.__getitem__, default=None)
    return rivals[best] if best is not None and parts[best] > 0 else None


def _part(outcome: Outcome, rival: Rival) -> float:
    """The share of the cells that are of a second lineage, or doublets with half of its RNA; 0 if these are too few."""
    if outcome.model is None or outcome.kind not in SEPARABLE:
        return 0.0
    used, shares = numbers.NUMBERS, outcome.model.shares
    if outcome.kind == "two_populations":
        is_enough = min(shares[mixture.FIRST], shares[mixture.SECOND]) >= used.min_second_part
        return float(shares[mixture.SECOND]) if is_enough else 0.0
    is_enough = shares[mixture.BOTH] >= used.min_second_doublets and rival.evidence >= used.min_level_of_doublets
    return float(shares[mixture.BOTH]) if is_enough else 0.0


def explain_all(
    reports: Sequence[ClusterReport], rivals: Sequence[Optional[Rival]], expression: Optional[Expression], clock: Clock
) -> list[ClusterReport]:
    """The reports with what the cells of each mixed cluster are; without cells, or without rivals, as they are."""
    if expression is None or not any(rivals):
        return [*reports]
    with clock.step("mixtures"):
        pairs = {r.cluster_id: [_pair(r.judged, rival, expression)] for r, rival in zip(reports, rivals) if rival}
        found = _find_all(pairs, expression)
        return [
            _explained(report, pairs[report.cluster_id][0], found[report.cluster_id][0])
            if report.cluster_id in found
            else report
            for report in reports
        ]


def look_finer(
    reports: Sequence[ClusterReport],
    aparts: Sequence[Optional[Contrast]],
    expression: Optional[Expression],
    clock: Clock,
) -> list[Optional[Mixture]]:
    """Whether different cells of a cluster are of the two types between which it is undecided.

    None for a cluster whose cells are not looked at: it is a known mixture, does not express canonical markers of both,
    or too few genes tell the types apart.
    """
    asked = [apart if apart and of_both(apart) and not r.mixture else None for r, apart in zip(reports, aparts)]
    if expression is None or not any(asked):
        return [None] * len(reports)
    with clock.step("mixtures"):
        pairs = [_between(apart, expression) if apart else () for apart in asked]
        genes = {gene: column for column, gene in enumerate(dict.fromkeys(g for pair in pairs for g in _genes(pair)))}
        clustering = expression.clustering
        cells = np.flatnonzero(clustering.subsampled(numbers.NUMBERS.sampled_cells).codes >= 0)
        try:
            sample = expression.read(cells, list(genes)) if genes else None
        except InputError:  # a matrix that only Scanpy can read
            sample = None
        return [
            _populations(clustering.all_ids.index(report.cluster_id), pair, sample, [genes[g] for g in _genes(pair)])
            if pair and sample
            else None
            for report, pair in zip(reports, pairs)
        ]


def _between(apart: Contrast, expression: Expression) -> tuple[Lineage, ...]:
    """The two types of a contrast with the genes that can tell their cells apart; none if these are too few."""
    sides, least = ((apart.first, apart.first_id), (apart.second, apart.second_id)), numbers.NUMBERS.min_lineage_genes
    pair = tuple(Lineage(*side, telling(apart, side[0])) for side in sides)
    if min(len(one.genes) for one in pair) < least:
        return ()
    pair = _measured(pair, expression)
    return pair if min(len(one.genes) for one in pair) >= least else ()


def _populations(cluster: int, pair: Sequence[Lineage], sample: Sample, columns: Sequence[int]) -> Mixture:
    """What the cells show of two types.

    Nothing is fitted, which takes long, unless each has a gene that divides the cells, and cells with more genes of one
    type have fewer of the other.
    """
    values = sample.values[:, columns]
    is_first = np.arange(len(columns)) < len(pair[0].genes)
    expressed = values[sample.clusters == cluster] > 0
    shares, counts = expressed.mean(axis=0), [expressed[:, of_it].sum(axis=1) for of_it in (is_first, ~is_first)]
    divides = (BIMODAL[0] <= shares) & (shares <= BIMODAL[1])
    if not (divides[is_first].any() and divides[~is_first].any() and _correlation(*counts) <= EXCLUSIVE):
        return Mixture("undecided")
    return _mixture(mixture.find(values, sample.clusters, cluster, is_first, logged=sample.logged), pair)


def _correlation(first: npt.NDArray[np.intp], second: npt.NDArray[np.intp]) -> float:
    """0 if one of the two does not vary."""
    return float(np.corrcoef(first, second)[0, 1]) if first.std() > 0 and second.std() > 0 else 0.0


def states_of(report: ClusterReport, expression: Expression) -> Optional[npt.NDArray[np.intp]]:
    """The most probable state of each cell of a cluster whose report has the parts of a mixture.

    The result is None if the matrix or a gene is no longer there, or the cells do not show two lineages any more.
    """
    parts = report.mixture.parts if report.mixture else ()
    lineages = tuple(Lineage(part.label, part.ontology_id, part.genes) for part in parts)
    if not lineages or lineages != _measured(lineages, expression):
        return None
    found = _read_all({report.cluster_id: [lineages]}, expression)
    outcome = found[report.cluster_id][0] if found else None
    cells = _cells_of(report.cluster_id, expression.clustering)
    sample = expression.read(cells, _genes(lineages))
    if outcome is None or outcome.model is None or sample is None:
        return None
    return np.asarray(outcome.model.probabilities(sample.values).argmax(axis=1), dtype=np.intp)


def _measured(lineages: Sequence[Lineage], expression: Expression) -> tuple[Lineage, ...]:
    return tuple(evolve(lineage, genes=tuple(expression.available(lineage.genes))) for lineage in lineages)


def _genes(lineages: Sequence[Lineage]) -> list[str]:
    return [gene for lineage in lineages for gene in lineage.genes]


def _cells_of(cluster_id: str, clustering: Clustering) -> npt.NDArray[np.intp]:
    return np.flatnonzero(clustering.codes == clustering.all_ids.index(cluster_id))


def _find_all(pairs: Mapping[str, Sequence[tuple[Lineage, ...]]], expression: Expression) -> dict[str, list[Outcome]]:
    """What the cells of each cluster are for each pair of lineages; empty if only Scanpy can read the matrix."""
    try:
        return _read_all(pairs, expression)
    except InputError:
        return {}


def _read_all(pairs: Mapping[str, Sequence[Sequence[Lineage]]], expression: Expression) -> dict[str, list[Outcome]]:
    """The same, with one read of the matrix: empty without one."""
    cells = {cluster_id: _sampled(cluster_id, expression.clustering) for cluster_id in pairs}
    genes = list(dict.fromkeys(gene for some in pairs.values() for pair in some for gene in _genes(pair)))
    all_cells = np.unique(np.concatenate([*cells.values(), np.zeros(0, dtype=np.intp)]))
    sample = expression.read(all_cells, genes)
    if sample is None:
        return {}
    columns, outcomes = {gene: column for column, gene in enumerate(genes)}, {}
    for cluster_id, some in pairs.items():
        code, rows = expression.clustering.all_ids.index(cluster_id), np.searchsorted(all_cells, cells[cluster_id])
        outcomes[cluster_id] = [
            mixture.find(
                sample.values[rows][:, [columns[gene] for gene in _genes(pair)]],
                sample.clusters[rows],
                code,
                np.arange(len(_genes(pair))) < len(pair[0].genes),
                logged=sample.logged,
            )
            for pair in some
        ]
    return outcomes


def _sampled(cluster_id: str, clustering: Clustering) -> npt.NDArray[np.intp]:
    """Positions of cells: many of a cluster, and some of each other one."""
    codes, cells = clustering.subsampled(numbers.NUMBERS.sampled_cells).codes, _cells_of(cluster_id, clustering)
    n_read = min(len(cells), numbers.NUMBERS.mixture_cells)
    read = cells[np.linspace(0, len(cells) - 1, n_read).astype(np.intp)]
    others = np.flatnonzero((codes >= 0) & (codes != clustering.all_ids.index(cluster_id)))
    return np.sort(np.concatenate([read, others]))


def _mixture(outcome: Outcome, lineages: Sequence[Lineage]) -> Mixture:
    if outcome.kind == "undecided" or outcome.model is None:
        return Mixture("undecided")
    shares = [round(float(share), 4) for share in outcome.model.shares]
    parts = tuple(
        Part(lineage.label, lineage.ontology_id, shares[state], lineage.genes)
        for lineage, state in zip(lineages, (mixture.FIRST, mixture.SECOND))
    )
    return Mixture(outcome.kind, parts, shares[mixture.BOTH])


def _note(found: Mixture, outcome: Outcome, lineages: Sequence[Lineage]) -> str:
    """The outcome in a sentence."""
    first, second = (lineage.label for lineage in lineages)
    if found.kind == "undecided":
        return f"the cells do not show whether {first} and {second} are two populations or doublets: {outcome.why}"
    parts, both = found.parts, _percent(found.both)
    genes = " and of ".join(f"{part.label} ({_named(part)})" for part in parts)
    shares = [f"{_percent(part.share)} express only those of {part.label}" for part in parts]
    if found.kind == "two_populations":
        return (
            f"the cells are two populations by the genes of {genes}: {shares[0]}, {shares[1]}, and {both} both; "
            "gca_scanpy.tl.split separates them"
        )
    if found.kind == "doublets":
        others = [text for text, part in zip(shares, parts) if part.share >= SHOWN_SHARE]
        return ", ".join([f"{both} of the cells express the genes of {genes} together, as doublets do", *others])
    absent = min(parts, key=lambda part: part.share)
    return (
        f"no cell is of the lineage of {absent.label}: its genes ({_named(absent)}) are at a low level in all cells, "
        "as ambient RNA is, and higher in other clusters"
    )


def _named(part: Part) -> str:
    return ", ".join(part.genes[:SHOWN_GENES])


def _percent(share: float) -> str:
    return f"{share:.0%}"


def judge_samples(
    by_sample: SampleMoments, cases: Sequence[Case], judgments: Sequence[Judgment]
) -> tuple[list[Judgment], list[tuple[SampleAnswer, ...]]]:
    """The judgment of each cluster with what its samples say, and the answers of the samples."""
    if not cases:
        return [], []
    said = _said(by_sample, cases, judgments)
    judged, all_answers = [], []
    for case, judgment in zip(cases, judgments):
        row = by_sample.clustering.all_ids.index(case.cluster_id)
        own, total = by_sample.sizes[row], by_sample.sizes.sum(axis=0)
        answers = tuple(
            said.get((case.cluster_id, sample)) or _abstention(sample, int(n_cells))
            for sample, n_cells in zip(by_sample.samples.all_ids, own)
            if n_cells
        )
        others = dict(zip(by_sample.samples.all_ids, (total - own).tolist()))
        judged.append(with_samples(judgment, answers, others))
        all_answers.append(answers)
    return judged, all_answers


def _said(
    by_sample: SampleMoments, cases: Sequence[Case], judgments: Sequence[Judgment]
) -> dict[tuple[str, str], SampleAnswer]:
    """The answers of the samples that have enough cells, by cluster and sample."""
    clusters = {case.cluster_id: (case, judgment) for case, judgment in zip(cases, judgments)}
    index = cases[0].index
    genes = genes_of_matrix(by_sample.labels, index)
    known = np.flatnonzero([gene.symbol is not None and gene.symbol.upper() in index.known for gene in genes])
    answers = {}
    for cluster_id, sample, markers in by_sample.rank(genes, known, numbers.NUMBERS.min_sample_cells, absent=False):
        whole, judgment = clusters[cluster_id]
        case = Case.of(evolve(markers, measured=whole.markers.measured), index, whole.tissues, whole.limits)
        answers[cluster_id, sample] = answer(sample, judgment, case)
    return answers


def _abstention(sample: str, n_cells: int) -> SampleAnswer:
    is_small = n_cells < numbers.NUMBERS.min_sample_cells
    return SampleAnswer(sample, n_cells, "too_few" if is_small else "no_contrast")
