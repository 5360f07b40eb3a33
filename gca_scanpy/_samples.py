"""Judges each cluster in each sample: from the moments of a run to answers of samples, and to reasons of clusters."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from attrs import evolve

from gca_scanpy._judging.judge import Judgment
from gca_scanpy._judging.samples import answer, with_samples
from gca_scanpy._prepare import genes_of_matrix
from gca_scanpy._ranking.by_sample import SampleMoments
from gca_scanpy._scoring import numbers
from gca_scanpy._scoring.case import Case
from gca_scanpy.model import SampleAnswer


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
