"""What samples say: of a cluster that they share, and of the same kind of cell in samples that were clustered apart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Optional

from attrs import define, evolve, field, frozen

from gca_scanpy._judging.judge import Judgment, judge
from gca_scanpy._keys import UNKNOWN_LABEL
from gca_scanpy._names.labels import term_of
from gca_scanpy._names.ontology import Lineages
from gca_scanpy._scoring import numbers
from gca_scanpy._scoring.case import Case, certain_level, propose
from gca_scanpy._steps import Verdict
from gca_scanpy.model import Level, SampleAnswer

LENT = 0.5  # part of the certainty that a cluster itself must give a finer name of other samples to take it


@frozen
class Member:
    """A cluster of one sample with a label of its own.

    Attributes
    ----------
    sample
        Its sample.
    verdict
        Its own verdict, with the path through the label.
    """

    sample: str
    verdict: Verdict

    @property
    def key(self) -> str:
        """The label as a key."""
        return self.verdict.key


def _key(level: Level) -> str:
    return level.ontology_id or level.label


@define(eq=False)
class Harmony:
    """The names of the clusters of all samples.

    A name is kept if enough of the samples that have this kind of cell support it. A sample supports a name if one of
    its clusters has this label or a subtype. It speaks against it if none has, and one has

    - a coarser label of the same broad type, or
    - another label of the same broad type that no sample has beside the name: probably the same cells, called
      differently.

    A sample counts once, however many cells and clusters it has, because samples are the replicates. Names never become
    coarser than the broad type.

    Attributes
    ----------
    members
        The clusters with a label of their own.
    agreement
        Share of these samples that must support a name, 0 to 1.
    certainty
        The probability that a label must have, 0 to 1.
    """

    members: Sequence[Member]
    agreement: float
    certainty: float
    lineages: Lineages
    _kept: dict[str, bool] = field(factory=dict, init=False)

    def rename(self) -> list[Verdict]:
        """The verdicts with the names, in the order of the members; each path ends at the cluster's own label."""
        names = [self._name(member) for member in self.members]
        there = {_key(level) for level in names}
        return [self._renamed(member, self._lent(member, there) or level) for member, level in zip(self.members, names)]

    def _name(self, member: Member) -> Level:
        """The deepest level down to a cluster's own label that is kept, but nothing above its broad type."""
        levels = self._levels(member)
        return next((level for level in reversed(levels) if self._is_kept(_key(level))), levels[0])

    def _levels(self, member: Member) -> list[Level]:
        """The levels from the broad type down to a cluster's own label."""
        path, broad = member.verdict.path, self.lineages.broad(member.verdict.ontology_id)
        end = next(place for place, level in enumerate(path) if _key(level) == member.key)
        within = [level for level in path[:end] if broad is not None and self.lineages.broad(_key(level)) == broad]
        return [*within, path[end]]

    def _lent(self, member: Member, there: Iterable[str]) -> Optional[Level]:
        """The deepest name of others on a cluster's path below its own label, if its own cells make it likely."""
        path = member.verdict.path
        end = next(place for place, level in enumerate(path) if _key(level) == member.key)
        broad = self.lineages.broad(member.verdict.ontology_id)
        finer = [
            level
            for level in path[end + 1 :]
            if _key(level) in there
            and level.probability >= LENT * self.certainty
            and self._is_kept(_key(level))
            and broad is not None
            and self.lineages.broad(_key(level)) == broad
        ]
        return finer[-1] if finer else None

    def _is_kept(self, key: str) -> bool:
        if key not in self._kept:
            n_for, n_against = self.votes(key)
            self._kept[key] = n_for >= self.agreement * (n_for + n_against)
        return self._kept[key]

    def votes(self, key: str) -> tuple[int, int]:
        """The numbers of samples that support a name, and that speak against it."""
        supporting = {member.sample for member in self.members if self._is_at_or_below(member.key, key)}
        against = {
            member.sample
            for member in self.members
            if member.sample not in supporting and self._is_same_kind(member.key, key, supporting)
        }
        return len(supporting), len(against)

    def _is_same_kind(self, other: str, key: str, supporting: Iterable[str]) -> bool:
        """Whether a label that is no subtype of a name may be given to the same cells."""
        broad = self.lineages.broad(key)
        if broad is None or self.lineages.broad(other) != broad:
            return False
        if self._is_at_or_below(key, other):
            return True
        beside = {member.sample for member in self.members if self._is_at_or_below(member.key, other)}
        return beside.isdisjoint(supporting)

    def _is_at_or_below(self, key: str, other: str) -> bool:
        return key == other or other in self.lineages.ontology.ancestors(key)

    def _renamed(self, member: Member, level: Level) -> Verdict:
        verdict = member.verdict
        own = next(place for place, one in enumerate(verdict.path) if _key(one) == member.key)
        end = max(own, verdict.path.index(level))
        alone, said = f"alone, this cluster is {verdict.label} ({verdict.confidence_score:.2f})", []
        if end > own:
            said = [f"{alone}; {level.label} is its best guess, and the name in {self.votes(_key(level))[0]} samples"]
        elif _key(level) != member.key:
            n_for, n_against = self.votes(member.key)
            said = [f"{alone}, which {n_for} of {n_for + n_against} samples with this kind of cell support"]
        return evolve(
            verdict,
            label=level.label,
            ontology_id=level.ontology_id,
            confidence_score=level.probability,
            caveats=(*verdict.caveats, *said),
            path=verdict.path[: end + 1],
        )


def harmonized(
    verdicts: Sequence[Verdict],
    supported: Sequence[bool],
    samples: Mapping[str, str],
    agreement: float,
    certainty: float,
    lineages: Lineages,
) -> tuple[Verdict, ...]:
    """The verdicts with one name for the same kind of cell; those that are not supported stay as they are.

    Parameters
    ----------
    samples
        The sample by cluster id.
    """
    members = [Member(samples[v.cluster_id], v) for v, is_supported in zip(verdicts, supported) if is_supported]
    renamed = {v.cluster_id: v for v in Harmony(members, agreement, certainty, lineages).rename()}
    return tuple(renamed.get(verdict.cluster_id, verdict) for verdict in verdicts)


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
