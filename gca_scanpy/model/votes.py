"""The classes of what several voters say of a cluster: language models, columns of labels, samples, or its cells.

Also what tells two types apart in it, because a language model is shown that when it is asked again.

And the plain HTML table as which all results look in a notebook; every text in it is escaped.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Literal, Optional  # these are read at run time, on Python 3.9 too

from attrs import frozen

VoteRelation = Literal["same", "finer", "broader", "related", "other lineage", "no consensus", "abstained"]
SampleVote = Literal["agrees", "differs", "unclear", "too_few", "no_contrast"]
MixtureKind = Literal["two_populations", "doublets", "ambient", "undecided"]


@frozen
class Level:
    """A level of the ontology in the path of a cluster.

    Attributes
    ----------
    label, ontology_id
        A Cell Ontology term; a type of a user's own table may have no id.
    probability
        Probability that the term or a subtype of it is right, 0 to 1.
    """

    label: str
    ontology_id: Optional[str]
    probability: float


@frozen
class ModelAnswer:
    """The answer of one of several language models; ``label`` is empty if it gave no answer."""

    model: str
    label: str
    ontology_id: Optional[str]
    confidence_score: float


@frozen
class Panel:
    """The answers of several language models, in the order in which the user named the models.

    Attributes
    ----------
    agreement
        Mean support of the verdict among the models that answered, 0 to 1; an ontology neighbor counts half.
    entropy
        Shannon entropy of the distinct answers, in bits; 0 if all agree.
    """

    answers: tuple[ModelAnswer, ...]
    agreement: float
    entropy: float


@frozen
class GenesFor:
    """The genes whose expression speaks for one of two types, the most telling ones, by what the cluster shows of them.

    Attributes
    ----------
    label, ontology_id
        The type.
    expressed, lacking
        Genes that the cluster expresses; and those that it lacks although another cluster has them.
    open
        Genes that are neither, or of which it is not known.
    unmeasured
        Genes that the data do not have.
    """

    label: str
    ontology_id: Optional[str]
    expressed: tuple[str, ...] = ()
    lacking: tuple[str, ...] = ()
    open: tuple[str, ...] = ()
    unmeasured: tuple[str, ...] = ()


@frozen
class PairContrast:
    """What separates two types in a cluster: the genes that speak for each of them."""

    first: GenesFor
    second: GenesFor


@frozen
class AskedAgain:
    """A label of a language model that the checks stopped, and what the model answered when it was asked once more.

    Attributes
    ----------
    first, second
        Both answers; the second label is empty if the second answer could not be used.
    reasons
        The reason codes that stopped the first answer.
    contrast
        What separates the first label from its best rival, as the model was shown it; None if no gene does.
    """

    first: ModelAnswer
    second: ModelAnswer
    reasons: tuple[str, ...]
    contrast: Optional[PairContrast] = None

    @property
    def text(self) -> str:
        """Both answers in a line."""
        then = self.second.label or "no answer that could be used"
        return f"{self.first.model}: {self.first.label} (stopped: {', '.join(self.reasons)}), then {then}"


@frozen
class Vote:
    """What the labels of one column say of a cluster.

    Attributes
    ----------
    key
        Name of the column.
    label, ontology_id
        The most frequent label, as the column has it, and its term; empty and None if no label has a term.
    relation
        How this term is related to the consensus: ``same``, ``finer``, ``broader``, ``related`` (of the same lineage),
        ``other lineage``, ``no consensus`` if there is none, or ``abstained`` if the column gives the cells no type.
    support, against
        Share of the weight of all votes that is for this term or a subtype of it, and that speaks against it, 0 to 1.
    weight
        Weight of the vote in this cluster: the weight of the column, times the share of the cells that have a term,
        each counted with its score.
    voting
        Share of the cluster's cells that have a term, 0 to 1.
    backing
        Share of this vote that stands behind each level of the path of the consensus, 0 to 1.
    unread
        Labels that no term could be read for; their cells abstain.
    """

    key: str
    label: str
    ontology_id: Optional[str]
    relation: VoteRelation
    support: float = 0.0
    against: float = 0.0
    weight: float = 0.0
    voting: float = 0.0
    backing: tuple[float, ...] = ()
    unread: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The column, its label, and how that is related to the consensus."""
        return f"{self.key}: {self.label} ({self.relation})" if self.label else f"{self.key}: none"

    @property
    def dissents(self) -> bool:
        """Whether it contradicts the consensus, or is finer, with at least half as many votes against it as for it."""
        is_disputed = self.relation == "finer" and 2 * self.against >= self.support
        return is_disputed or self.relation in ("related", "other lineage", "no consensus")


@frozen
class Consensus:
    """What the labels of several columns say of a cluster together.

    Attributes
    ----------
    label, ontology_id
        The deepest term with enough agreement; empty and None if there is none.
    agreement
        Agreement on it: the weight of the votes for it, relative to the votes for it and against it, 0 to 1. Votes
        that leave it open count half.
    path
        The levels from the broad type through the label to the finest term below it that a vote is for; the
        ``probability`` of each is the agreement on it.
    votes
        The votes in the order of the columns.
    by_markers
        Whether the votes were split between broad types, so that the marker genes decided: each vote counts for the
        agreement as much as they make its type probable.
    """

    label: str
    ontology_id: Optional[str]
    agreement: float
    path: tuple[Level, ...] = ()
    votes: tuple[Vote, ...] = ()
    by_markers: bool = False

    @property
    def dissenters(self) -> tuple[Vote, ...]:
        """The votes that contradict the consensus or each other."""
        return tuple(vote for vote in self.votes if vote.dissents)

    @property
    def level(self) -> Optional[Level]:
        """The level of the path that is the label; None if there is no consensus."""
        return next((level for level in self.path if self.ontology_id and level.ontology_id == self.ontology_id), None)

    def backing(self, vote: Vote, level: Optional[Level]) -> float:
        """Share of a vote that stands behind a level of the path, 0 to 1; 0 if it is not known."""
        shares = dict(zip(self.path, vote.backing))
        return shares.get(level, 0.0) if level else 0.0


@frozen
class SampleAnswer:
    """What the cells of a cluster in one sample say, compared with the other cells of that sample.

    Attributes
    ----------
    sample
        The sample as the data names it.
    n_cells
        Number of the cluster's cells in this sample, at least 1.
    vote
        ``agrees`` if the label of these cells is that of the cluster, an ancestor or a subtype of it; ``differs`` if it
        is another type. The others are abstentions: ``unclear`` if no label is justified, ``too_few`` cells of the
        cluster, or ``no_contrast`` if the sample has too few other cells.
    label, ontology_id, probability
        The label of these cells, its id and its probability, 0 to 1; empty if the cells have no label.
    common_label
        If the label is another type, the deepest level that it has in common with that of the cluster; empty if they
        have none.
    """

    sample: str
    n_cells: int
    vote: SampleVote
    label: str = ""
    ontology_id: Optional[str] = None
    probability: Optional[float] = None
    common_label: str = ""


MAX_ROWS = 200


@frozen
class Part:
    """One lineage of a mixed cluster.

    Attributes
    ----------
    share
        Share of the cluster's cells that express the genes of this lineage and not those of the other, 0 to 1.
    genes
        The genes by which the cells were told apart, as the data names them: specific for it against the other.
    """

    label: str
    ontology_id: Optional[str]
    share: float
    genes: tuple[str, ...]


@frozen
class Mixture:
    """What the cells of a cluster with ``mixed_lineage``, or with the markers of another lineage than the label's, are.

    Attributes
    ----------
    kind
        ``two_populations``; ``doublets`` if the same cells express both lineages; ``ambient`` if the genes of one
        lineage are at a low level in all cells, which other clusters express; or ``undecided``.
    parts
        The proposed label and the other lineage. Empty if it is undecided.
    both
        Share of the cells that express the genes of both, 0 to 1. The remaining cells express too few genes.
    """

    kind: MixtureKind
    parts: tuple[Part, ...] = ()
    both: float = 0.0


def html_table(caption: str, columns: Sequence[str], rows: Sequence[Iterable[object]]) -> str:
    """A table with a caption; of a long one, the first rows, and how many more there are."""
    head = "".join(f"<th>{escape(column.replace('_', ' '))}</th>" for column in columns)
    body = "".join(f"<tr>{''.join(f'<td>{escape(str(cell))}</td>' for cell in row)}</tr>" for row in rows[:MAX_ROWS])
    more = f"<p>and {len(rows) - MAX_ROWS} more rows</p>" if len(rows) > MAX_ROWS else ""
    style = "text-align: left; font-weight: bold"
    return (
        f'<table border="1" class="dataframe"><caption style="{style}">{escape(caption)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}"
    )
