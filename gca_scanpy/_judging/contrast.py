"""The contrast of two cell types: the genes that separate them, and what the cells of a cluster show of each.

The genes and their order depend on the database and the cells alone, not on which of the two types comes first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING, Optional

from attrs import asdict, evolve, frozen

from gca_scanpy._judging.label import (
    GeneKind,
    canonical_of,
    denied,
    markers_of,
    name_of,
    overlap,
    owners,
    separating,
)
from gca_scanpy._scoring import numbers
from gca_scanpy._scoring.index import MarkerIndex
from gca_scanpy.model import ClusterReport, Witnesses
from gca_scanpy.model.votes import html_table

if TYPE_CHECKING:
    import pandas as pd

Pair = tuple[str, str]


@frozen
class Seen:
    """What the data show of a gene in a cluster.

    Attributes
    ----------
    name
        The gene as the data names it; its symbol if the data do not have it.
    is_measured
        Whether the data have the gene; None if that is not known, as with lists of marker genes.
    fraction, mean
        Share of the cells of the cluster that express it, 0 to 1; and its mean there, in the unit of the matrix.
    highest_other
        The highest mean of any other cluster; None if there is no other.
    is_expressed
        True if the cluster has it, False if it lacks it although another cluster has it, None between the two.
    """

    name: str
    is_measured: Optional[bool] = None
    fraction: Optional[float] = None
    mean: Optional[float] = None
    highest_other: Optional[float] = None
    is_expressed: Optional[bool] = None


@frozen
class ContrastGene:
    """A gene that separates two types, with what a cluster shows of it.

    Attributes
    ----------
    gene, symbol
        As the data names it, or its symbol if the data do not have it; and its symbol in the marker database.
    speaks_for, kind
        The type that its expression speaks for, as a ``marker`` of it or as a ``negative marker`` of the other one.
    fact_of, strength
        The type that the database has the fact for, one of the two or an ancestor; and its information, in nats.
    is_canonical
        Whether it is a canonical marker of that type; a negative marker is not.
    is_measured
        Whether the data have the gene; None if that is not known.
    fraction, mean, highest_other
        Share of the cluster's cells that express it, 0 to 1; its mean there; and the highest mean of any other cluster.
    says
        The type that the cluster's expression of the gene speaks for; empty if it says nothing. That a cluster lacks
        a canonical marker speaks for the other type.
    witnesses
        Who states it; None for a negative marker.
    """

    gene: str
    symbol: str
    speaks_for: str
    kind: GeneKind
    fact_of: str
    strength: float
    is_canonical: bool
    is_measured: Optional[bool] = None
    fraction: Optional[float] = None
    mean: Optional[float] = None
    highest_other: Optional[float] = None
    says: str = ""
    witnesses: Optional[Witnesses] = None


COLUMNS = (
    "gene", "symbol", "speaks_for", "kind", "fact_of", "strength", "is_canonical", "is_measured", "fraction",
    "mean", "highest_other", "says", "stated_by", "seen_in", "profiles",
)  # fmt: skip
REALS = ("strength", "fraction", "mean", "highest_other")
SHOWN_COLUMNS = ("gene", "speaks_for", "kind", "measured", "fraction", "mean", "highest_other", "says", "witnesses")


@frozen(repr=False)
class Contrast:
    """Two cell types, and the genes that separate them, the most telling first.

    First come the genes that say something here, then those that were measured and say nothing, then the others; each
    by the information of the fact. The contrast of the second type with the first has the same genes.

    Attributes
    ----------
    cluster_id
        The cluster whose cells are shown.
    first, first_id, second, second_id
        The two types, with their Cell Ontology ids; a type of a user's own table may have none.
    """

    cluster_id: str
    first: str
    first_id: Optional[str]
    second: str
    second_id: Optional[str]
    genes: tuple[ContrastGene, ...]

    def for_type(self, label: str) -> tuple[ContrastGene, ...]:
        """The genes whose expression speaks for one of the two types."""
        return tuple(gene for gene in self.genes if gene.speaks_for == label)

    def says(self, label: str) -> tuple[ContrastGene, ...]:
        """The genes that speak for one of the two types in this cluster."""
        return tuple(gene for gene in self.genes if gene.says == label)

    def to_frame(self) -> pd.DataFrame:
        """The genes as a table, one row per gene in the same order; the sources are joined by commas."""
        import pandas as pd

        rows = [{**asdict(gene, recurse=False), **_sources(gene.witnesses)} for gene in self.genes]
        frame = pd.DataFrame(rows, columns=list(COLUMNS))
        return frame.astype({"is_measured": "boolean"} | dict.fromkeys(REALS, "float64"))

    def __repr__(self) -> str:
        counts = f"{len(self.says(self.first))} for the first, {len(self.says(self.second))} for the second here"
        pair = f"{self.first} or {self.second}"
        return f"<Contrast of cluster {self.cluster_id!r}: {pair}, {len(self.genes)} genes, {counts}>"

    def _repr_html_(self) -> str:
        caption = f"Cluster {self.cluster_id}: {self.first} or {self.second}"
        return html_table(caption, SHOWN_COLUMNS, [_cells(gene) for gene in self.genes])


def _sources(witnesses: Optional[Witnesses]) -> dict[str, object]:
    if witnesses is None:
        return {"stated_by": "", "seen_in": "", "profiles": 0}
    stated, seen = ", ".join(witnesses.stated_by), ", ".join(witnesses.seen_in)
    return {"stated_by": stated, "seen_in": seen, "profiles": witnesses.measured}


def _cells(gene: ContrastGene) -> tuple[str, ...]:
    measured = {True: "yes", False: "no", None: ""}[gene.is_measured]
    known = gene.witnesses
    seen = f"seen in {len(known.seen_in)} of {known.measured} profiles" if known and known.measured else ""
    texts = [*(known.stated_by if known else ()), *([seen] if seen else [])]
    numbers_ = ("" if x is None else f"{x:.2f}" for x in (gene.fraction, gene.mean, gene.highest_other))
    return (gene.gene, gene.speaks_for, gene.kind, measured, *numbers_, gene.says, ", ".join(texts))


def contrast(
    cluster_id: str, pair: Pair, index: MarkerIndex, see: Callable[[str], Seen], *, canonical: bool = False
) -> Contrast:
    """The contrast of two types in a cluster.

    Parameters
    ----------
    pair
        Two keys of the index, or ids of the ontology with an ancestor in the index.
    see
        What the data show of a gene, by its symbol.
    canonical
        Whether to leave out the hundreds of genes that are no canonical markers.
    """
    genes = [gene for order in (pair, pair[::-1]) for gene in _genes_of(*order, index, see, canonical=canonical)]
    genes.sort(key=lambda gene: (not gene.says, gene.is_measured is False, -gene.strength, gene.symbol))
    ids = (key if key in index.lineages.ontology else None for key in pair)
    (first_id, second_id), (label, other) = ids, (name_of(key, index) for key in pair)
    return Contrast(cluster_id, label, first_id, other, second_id, tuple(genes))


@lru_cache(maxsize=512)  # clusters of one run ask for the same few pairs
def unseen(key: str, other: str, index: MarkerIndex) -> Sequence[ContrastGene]:
    """The genes that speak for a type and not for the other, as the database has them, before any data are asked."""
    kinds = separating(key, other, index)
    return [_gene(symbol, kind, key, key if kind == "marker" else other, index) for symbol, kind in kinds.items()]


def canonical_unseen(key: str, other: str, index: MarkerIndex) -> Sequence[ContrastGene]:
    """Those of them that are canonical markers of the type, the strongest first."""
    others = markers_of(other, index)
    return [gene for gene in _canonical(key, index) if gene.symbol not in others]


@lru_cache(maxsize=1024)  # a type is compared with many others
def _canonical(key: str, index: MarkerIndex) -> Sequence[ContrastGene]:
    symbols = markers_of(key, index).intersection(canonical_of(key, index))
    genes = (_gene(symbol, "marker", key, key, index) for symbol in symbols)
    return sorted((gene for gene in genes if gene.is_canonical), key=lambda gene: (-gene.strength, gene.symbol))


def strongest(key: str, other: str, index: MarkerIndex, symbols: AbstractSet[Optional[str]]) -> list[str]:
    """Those of some genes that speak for a type and not for the other, the strongest first."""
    strengths = {
        symbol: _fact(symbol, kind, key if kind == "marker" else other, index)[1]
        for symbol, kind in separating(key, other, index, symbols).items()
    }
    return sorted(strengths, key=lambda symbol: (-strengths[symbol], symbol))


def _gene(symbol: str, kind: GeneKind, key: str, of: str, index: MarkerIndex) -> ContrastGene:
    """A gene that speaks for a type by a fact of that type or of the other one, see :func:`_fact`."""
    owner, strength = _fact(symbol, kind, of, index)
    is_marker = kind == "marker"
    return ContrastGene(
        gene=symbol,
        symbol=symbol,
        speaks_for=name_of(key, index),
        kind=kind,
        fact_of=index.types[owner].label,
        strength=strength,
        is_canonical=is_marker and symbol in index.types[owner].canonical,
        witnesses=index.witnesses(owner, symbol) if is_marker else None,
    )


def _fact(symbol: str, kind: GeneKind, of: str, index: MarkerIndex) -> tuple[str, float]:
    """The type that has a fact, a type or an ancestor of it; and its information, as the scorer weighs it."""
    used, nats = numbers.NUMBERS, index.hits.get(symbol, {})
    if kind == "marker":
        owner = next(owner for owner in owners(of, index) if symbol in index.types[owner].positive)
        return owner, round(float(nats.get(of, nats[owner] * used.inherited)), 4)
    # The negative markers of a type include those of its ancestors, so the farthest type that has it is the source.
    owner = [owner for owner in owners(of, index) if symbol in index.types[owner].negative][-1]
    return owner, round(used.negative_factor * max(nats.values(), default=used.negative_information), 4)


def _genes_of(
    key: str, other: str, index: MarkerIndex, see: Callable[[str], Seen], *, canonical: bool
) -> Iterator[ContrastGene]:
    label, against = name_of(key, index), name_of(other, index)
    for gene in (canonical_unseen if canonical else unseen)(key, other, index):
        seen = see(gene.symbol)
        if seen.is_measured is None and seen.is_expressed is None:  # as of most genes if there are lists only
            yield gene
            continue
        yield evolve(
            gene,
            gene=seen.name,
            is_measured=seen.is_measured,
            fraction=seen.fraction,
            mean=seen.mean,
            highest_other=seen.highest_other,
            says={"expressed": label, "lacking": against}.get(_shown(gene, seen), ""),
        )


def _shown(gene: ContrastGene, seen: Seen) -> str:
    """What a cluster shows of a gene: ``expressed``, ``lacking`` (a canonical marker), ``unmeasured`` or ``open``."""
    if seen.is_expressed:
        return "expressed"
    if seen.is_expressed is False and gene.is_canonical:
        return "lacking"
    return "unmeasured" if seen.is_measured is False else "open"


def question(cluster: ClusterReport, index: MarkerIndex) -> Optional[Pair]:
    """The two types between which a cluster is undecided; None if none of its genes marks a type that has a competitor.

    These are the two lineages of a mixed cluster; the two best subtypes of a broad label with a finer guess; or else
    the label and the best type that is neither an ancestor nor a subtype of it.
    """
    keys, (label, term) = _candidates(cluster, index), cluster.judged
    parts = [part.ontology_id or part.label for part in (cluster.mixture.parts if cluster.mixture else ())]
    if parts:
        return (parts[0], parts[1]) if all(has_facts(key, index) for key in parts) else None
    key, above = term or label, index.lineages.ontology.ancestors
    if cluster.status != "supported":
        key = key if has_facts(key, index) else next(iter(keys), "")
        return (first_apart(key, keys, index) or _known_competitor(key, cluster, index)) if key else None
    finest = cluster.path[-1].ontology_id or cluster.path[-1].label if cluster.path else key
    subtypes = [other for other in keys if key in above(other)]
    pair = first_apart(finest, subtypes, index) if key in above(finest) else None
    return pair or competitor(key, cluster, index)


def competitor(key: str, cluster: ClusterReport, index: MarkerIndex) -> Optional[Pair]:
    """A type with the best candidate of a cluster that excludes it; types of the same broad type come first."""
    keys = _candidates(cluster, index)
    akin = [other for other in keys if _is_akin(key, other, index)]
    return first_apart(key, [*akin, *keys], index) or _known_competitor(key, cluster, index)


def _known_competitor(key: str, cluster: ClusterReport, index: MarkerIndex) -> Optional[Pair]:
    """A type with its competitor beyond the reported candidates: that of the checks, or else the best by the genes."""
    separation = cluster.validation.separation
    nearest = [separation.competitor_id or separation.competitor] if separation and key in cluster.judged else []
    of_best = [item.gene for item in cluster.candidates[0].supporting] if cluster.candidates else []
    symbols = (index.known.get(gene.upper(), gene) for gene in cluster.validation.supporting_markers or of_best)
    best = index.hits.most_marked([symbol for symbol in symbols if symbol in index.hits])
    akin = (other for other in best if _is_akin(key, other, index))
    return first_apart(key, chain((other for other in nearest if other in index.types), akin, best), index)


def has_facts(key: str, index: MarkerIndex) -> bool:
    """Whether the index describes a type or an ancestor of it."""
    return bool(owners(key, index))


def _candidates(cluster: ClusterReport, index: MarkerIndex) -> list[str]:
    keys = (one.ontology_id or one.label for one in cluster.candidates if one.score > 0)
    return [key for key in keys if key in index.types]


def _is_akin(key: str, other: str, index: MarkerIndex) -> bool:
    return index.lineages.broad(key) is not None and index.lineages.broad(key) == index.lineages.broad(other)


def is_separated(key: str, other: str, index: MarkerIndex) -> bool:
    """Whether the expression of any gene speaks for a type and not for the other."""
    others = markers_of(other, index)
    return not (markers_of(key, index) <= others and denied(other, index) - denied(key, index) <= others)


def first_apart(key: str, others: Iterable[str], index: MarkerIndex) -> Optional[Pair]:
    """The type with the first other one that excludes it and that any gene separates from it."""
    if not has_facts(key, index):
        return None
    apart = (other for other in others if not overlap(key, other, index))
    pairs = ((key, other) for other in apart)
    return next((pair for pair in pairs if is_separated(*pair, index) or is_separated(*pair[::-1], index)), None)


def seen_in(genes: Mapping[str, Seen]) -> Callable[[str], Seen]:
    """What the data show of a gene, by symbol; a gene that is not among these is not in the data."""
    return lambda symbol: genes.get(symbol) or Seen(symbol, is_measured=False)
