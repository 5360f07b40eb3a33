"""What the cells of a judged cluster say: whether they are a mixture, and what each sample says of the label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Optional

import numpy as np
import numpy.typing as npt
from attrs import evolve

from gca_scanpy._adata.clusters import Clustering, Expression, Sample
from gca_scanpy._events import Clock
from gca_scanpy._judging import mixture
from gca_scanpy._judging.contrast import Contrast
from gca_scanpy._judging.evidence import Rival
from gca_scanpy._judging.judge import Judgment, judge, of_two
from gca_scanpy._judging.label import Named, competitors, dividing, is_divided, name_of
from gca_scanpy._judging.mixture import Lineage, Outcome, mixture_of, note_of
from gca_scanpy._judging.reasons import of_both, telling
from gca_scanpy._judging.samples import answer, with_samples
from gca_scanpy._prepare import genes_of_matrix
from gca_scanpy._ranking.by_sample import SampleMoments
from gca_scanpy._scoring import numbers
from gca_scanpy._scoring.case import Case
from gca_scanpy.errors import InputError
from gca_scanpy.model import ClusterReport, Mixture, SampleAnswer

Pair = tuple[Lineage, ...]  # two types, or none

SEPARABLE = ("two_populations", "doublets")  # the kinds that can be taken apart
MAX_SECONDS = 3  # lineages of other clusters that are looked for in the cells of a cluster


def _explained(report: ClusterReport, lineages: Sequence[Lineage], outcome: Outcome) -> ClusterReport:
    """The report of a cluster with what its cells are.

    A rival with much more evidence than the label may just be right; then only two lineages are worth reporting.
    """
    if not ("mixed_lineage" in report.validation.flag_reasons or outcome.kind in SEPARABLE):
        return report
    found, labels = mixture_of(outcome, lineages), [lineage.label for lineage in lineages]
    notes = (*report.validation.notes, note_of(found, labels, outcome.why))
    return evolve(report, validation=evolve(report.validation, notes=notes), mixture=found)


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


def look_within(
    cases: Sequence[Case], judgments: Sequence[Judgment], expression: Optional[Expression], clock: Clock
) -> list[Judgment]:
    """The judgments, with a broader label if different cells of a supported cluster are of its type and a related one.

    The genes of both can rank high, and the better of the two would pass for the type of all cells.
    """
    if expression is None:
        return [*judgments]
    pairs = {
        case.cluster_id: _related(case, one.verdict.key, expression)
        for case, one in zip(cases, judgments)
        if one.status == "supported" and one.verdict.source == "offline"
    }
    if not any(map(any, pairs.values())):
        return [*judgments]
    with clock.step("mixtures"):
        found = _read_some(pairs, expression)
    divided = [next(filter(is_divided, found.get(case.cluster_id, ())), None) for case in cases]
    return [of_two(case, one, two) if two else one for case, one, two in zip(cases, judgments, divided)]


def _related(case: Case, key: str, expression: Expression) -> list[Pair]:
    """A label and each of the best other types of its lineage, if the cells may be of either."""
    index, least = case.index, numbers.NUMBERS.min_lineage_genes
    others = (kind.key for kind in competitors(key, case) if not index.lineages.disjoint(key, kind.id))
    pairs = []
    for other in islice(others, numbers.NUMBERS.related_types):
        genes = dividing(key, other, case), dividing(other, key, case)
        if min(map(len, genes)) >= least:
            terms = (one if one in index.lineages.ontology else None for one in (key, other))
            names = (name_of(one, index) for one in (key, other))
            pairs.append(_enough([*map(Lineage, names, terms, genes)], expression))
    return pairs


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
    asked = {r.cluster_id: apart for r, apart in zip(reports, aparts) if apart and of_both(apart) and not r.mixture}
    if expression is None or not asked:
        return [None] * len(reports)
    with clock.step("mixtures"):
        pairs = {cluster_id: [_between(apart, expression)] for cluster_id, apart in asked.items()}
        found = _read_some(pairs, expression)
        return [next(iter(found.get(report.cluster_id, ())), None) for report in reports]


def _read_some(pairs: Mapping[str, Sequence[Pair]], expression: Expression) -> dict[str, list[Mixture]]:
    """What some cells of each cluster show of each pair of types that has genes, with one read of the matrix."""
    pairs = {cluster_id: [*filter(None, some)] for cluster_id, some in pairs.items()}
    genes = dict.fromkeys(gene for some in pairs.values() for pair in some for gene in _genes(pair))
    clustering, columns = expression.clustering, {gene: column for column, gene in enumerate(genes)}
    try:
        sample = expression.sample(list(genes)) if genes else None
    except InputError:  # a matrix that only Scanpy can read
        return {}
    if sample is None:
        return {}
    return {
        cluster_id: [
            _populations(clustering.all_ids.index(cluster_id), pair, sample, [columns[gene] for gene in _genes(pair)])
            for pair in some
        ]
        for cluster_id, some in pairs.items()
    }


def _between(apart: Contrast, expression: Expression) -> Pair:
    """The two types of a contrast with the genes that can tell their cells apart; none if these are too few."""
    sides = (apart.first, apart.first_id), (apart.second, apart.second_id)
    return _enough([Lineage(*side, telling(apart, side[0])) for side in sides], expression)


def _enough(pair: Sequence[Lineage], expression: Expression) -> Pair:
    """Two types with those of their genes that were measured; empty if these are too few of either."""
    measured, least = _measured(pair, expression), numbers.NUMBERS.min_lineage_genes
    return measured if min(len(one.genes) for one in measured) >= least else ()


def _populations(cluster: int, pair: Sequence[Lineage], sample: Sample, columns: Sequence[int]) -> Mixture:
    """What the cells show of two types.

    Nothing is fitted, which takes long, unless each has a gene that divides the cells, and cells with more genes of one
    type have fewer of the other.
    """
    values = sample.values[:, columns]
    is_first = np.arange(len(columns)) < len(pair[0].genes)
    expressed = values[sample.clusters == cluster] > 0
    shares, counts = expressed.mean(axis=0), [expressed[:, of_it].sum(axis=1) for of_it in (is_first, ~is_first)]
    least, most = numbers.NUMBERS.dividing
    divides = (least <= shares) & (shares <= most)
    if not (
        divides[is_first].any()
        and divides[~is_first].any()
        and _correlation(*counts) <= numbers.NUMBERS.max_correlation
    ):
        return Mixture("undecided")
    return mixture_of(mixture.find(values, sample.clusters, cluster, is_first, logged=sample.logged), pair)


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
