"""What the samples of a cluster say of its label, and whether the cluster is that of one sample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Optional

from attrs import evolve

from gca_scanpy._judging.judge import Judgment
from gca_scanpy._keys import UNKNOWN_LABEL
from gca_scanpy._names.labels import term_of
from gca_scanpy._scoring import numbers
from gca_scanpy._scoring.case import Case
from gca_scanpy.model import Level, SampleAnswer

MAX_NAMED = 5  # samples in a sentence


def answer(sample: str, cluster: Judgment, case: Case, judgment: Judgment) -> SampleAnswer:
    """What the cells of a cluster in one sample say.

    Parameters
    ----------
    cluster
        The judgment of the whole cluster.
    case, judgment
        Those of its cells in this sample.
    """
    verdict, n_cells = judgment.verdict, case.markers.n_cells or 0
    if not verdict.label or verdict.label == UNKNOWN_LABEL:
        return SampleAnswer(sample, n_cells, "unclear")
    said = SampleAnswer(
        sample, n_cells, "unclear", verdict.label, _term(judgment, case), round(verdict.confidence_score, 4)
    )
    if judgment.status != "supported":
        return said
    if _agree(cluster, judgment, case):
        return evolve(said, vote="agrees")
    common = _common(cluster.verdict.path, verdict.path)
    return evolve(said, vote="differs", common_label=common.label if common else "")


def _term(judgment: Judgment, case: Case) -> Optional[str]:
    verdict = judgment.verdict
    return term_of(verdict.label, verdict.ontology_id, case.index.lineages.ontology, case.tissues)


def _agree(cluster: Judgment, judgment: Judgment, case: Case) -> bool:
    """Whether the two labels are one term, or an ancestor and a subtype of it."""
    first, second = _term(cluster, case), _term(judgment, case)
    if first is None or second is None:
        return cluster.verdict.label == judgment.verdict.label
    return first == second or case.index.lineages.ontology.related(first, second)


def _common(first: Sequence[Level], second: Sequence[Level]) -> Optional[Level]:
    """The deepest level that two paths have in common."""
    terms = {level.ontology_id or level.label for level in second}
    return next((level for level in reversed(first) if (level.ontology_id or level.label) in terms), None)


def with_samples(judgment: Judgment, answers: Sequence[SampleAnswer], others: Mapping[str, int]) -> Judgment:
    """The judgment of a cluster with what its samples say.

    They never withdraw a label: the label is judged by all cells, of which each sample has a part, and the samples are
    judged offline, whoever gave the label. They can limit the confidence to Medium.

    Parameters
    ----------
    others
        Number of cells of the other clusters by sample.
    """
    found, caveats = [], list(judgment.caveats)
    difference = _difference(answers) if judgment.verdict.label not in ("", UNKNOWN_LABEL) else ""
    votes = [one.vote for one in answers if one.vote in ("agrees", "differs")]
    if difference and votes.count("differs") >= numbers.NUMBERS.max_differing * len(votes):
        found.append(("sample_disagreement", difference))
    elif difference:
        caveats.append(difference)
    alone = _alone(answers, others)
    if alone:
        found.append(("one_sample", alone))
    validation = judgment.validation
    return evolve(
        judgment,
        validation=evolve(
            validation,
            flag_reasons=(*validation.flag_reasons, *(code for code, _ in found)),
            notes=(*validation.notes, *(note for _, note in found)),
        ),
        caveats=tuple(caveats),
    )


def _difference(answers: Sequence[SampleAnswer]) -> str:
    """Which samples differ, in a sentence; empty if none does."""
    differing = [one for one in answers if one.vote == "differs"]
    n_votes = sum(one.vote in ("agrees", "differs") for one in answers)
    if not differing:
        return ""
    named = [f"{one.sample} ({one.label}, {one.probability:.2f})" for one in differing[:MAX_NAMED]]
    more = f" and {len(differing) - MAX_NAMED} more" if len(differing) > MAX_NAMED else ""
    return f"{len(differing)} of {n_votes} samples differ: {', '.join(named)}{more}"


def _alone(answers: Sequence[SampleAnswer], others: Mapping[str, int]) -> str:
    """That the cluster is one sample's alone, or nearly so, in a sentence; empty if it is not."""
    used, n_cells = numbers.NUMBERS, sum(one.n_cells for one in answers)
    if n_cells < used.min_sample_cells or not sum(others.values()):
        return ""
    most = max(answers, key=lambda one: (one.n_cells, one.sample))
    share, expected = most.n_cells / n_cells, others.get(most.sample, 0) / sum(others.values())
    if share < max(used.min_share_of_one, used.min_ratio_of_one * expected):
        return ""
    return f"{share:.0%} of the cells come from sample {most.sample}, which has {expected:.0%} of the other cells"
