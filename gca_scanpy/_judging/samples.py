"""What the samples of a cluster say of its label, and whether the cluster is that of one sample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Optional

from attrs import evolve

from gca_scanpy._judging.judge import Judgment, judge
from gca_scanpy._keys import UNKNOWN_LABEL
from gca_scanpy._names.labels import term_of
from gca_scanpy._scoring import numbers
from gca_scanpy._scoring.case import Case, certain_level, propose
from gca_scanpy.model import Level, SampleAnswer

MAX_NAMED = 5  # samples in a sentence


def answer(sample: str, cluster: Judgment, case: Case) -> SampleAnswer:
    """What the cells of a cluster in one sample say.

    A label that the whole cluster has was judged there, so that here it needs no more than genes beyond chance. Another
    label must be certain enough and pass all checks before it counts against that of the cluster.

    Parameters
    ----------
    cluster
        The judgment of the whole cluster.
    case
        Its cells in this sample.
    """
    n_cells, found = case.markers.n_cells or 0, certain_level(case)
    if found is None:
        return SampleAnswer(sample, n_cells, "unclear")
    level, path = found
    said = SampleAnswer(sample, n_cells, "unclear", level.label, level.ontology_id, level.probability)
    if _agree(cluster, level, case):
        return evolve(said, vote="agrees") if case.strength and case.strength.beyond_chance else said
    if level.probability < case.limits.certainty or judge(case, propose(case)).status != "supported":
        return said
    common = _common(cluster.verdict.path, path)
    return evolve(said, vote="differs", common_label=common.label if common else "")


def _agree(cluster: Judgment, level: Level, case: Case) -> bool:
    """Whether the label of a cluster is that of its cells in a sample, or one is an ancestor of the other."""
    verdict, ontology = cluster.verdict, case.index.lineages.ontology
    term = term_of(verdict.label, verdict.ontology_id, ontology, case.tissues)
    if term is None or level.ontology_id is None:
        return verdict.label == level.label
    return term == level.ontology_id or ontology.related(term, level.ontology_id)


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
