"""What the genes of a cluster say for a label, and for the lineages that exclude it."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Optional

from attrs import frozen

from gca_scanpy._scoring.index import MarkerIndex
from gca_scanpy._scoring.weights import Gene, present_genes, weighted_genes
from gca_scanpy._steps import ClusterMarkers

RIVALS_TRIED = 40  # best candidates that are looked at as rivals
SPECIFIC = 1.0  # nats by which a gene must speak more for the rival than for the label
# What a rival needs before it is taken seriously; the best of all types reaches more by chance in a longer list.
MIN_RIVAL, MIN_RIVAL_PER_WEIGHT = 2.0, 0.35  # nats, and nats for each unit of recognized weight
MIN_SPECIFIC_GENES, MIN_SPECIFIC_PER_WEIGHT = 2, 0.2
OUTWEIGHED = 1.0  # share of a rival from which it has more evidence than the label
OUTWEIGHED_BY_KIN = 2.0  # the same of a type that is not disjoint: neighbors have many genes in common
SHOWN_TYPES = 3


@frozen
class Rival:
    """A cell type of a disjoint lineage.

    Attributes
    ----------
    evidence
        What the genes tell for the rival beyond what they tell for the label, in nats.
    share
        That, relative to what they tell for the label beyond the rival.
    """

    label: str
    evidence: float
    share: float
    genes: tuple[str, ...]


@frozen
class LabelEvidence:
    """The genes of a cluster sorted by what they say of a label.

    Attributes
    ----------
    support
        Genes known for the label, a subtype or an ancestor of the same broad type; nats by gene.
    contradictory
        Genes that only disjoint types have, with the types.
    rival
        The best supported disjoint type, or None where none is worth naming.
    better
        The best supported type of another broad type, disjoint or not, that has much more evidence than the label.
    """

    support: Mapping[str, float]
    contradictory: Mapping[str, tuple[str, ...]]
    rival: Optional[Rival]
    better: Optional[Rival] = None


def family(term: Optional[str], label: str, index: MarkerIndex) -> tuple[str, ...]:
    """The label's own type, its subtypes, and its ancestors within the same broad type."""
    if term is None:
        return (label,) if label in index.types else ()
    broad = index.lineages.broad(term)
    ancestors = index.lineages.ontology.ancestors(term)
    return tuple(key for key in index.family(term) if key not in ancestors or index.lineages.broad(key) == broad)


def gather(
    relatives: Sequence[str], term: Optional[str], cluster: ClusterMarkers, rivals: Sequence[str], index: MarkerIndex
) -> LabelEvidence:
    """Sort the genes of a cluster.

    Parameters
    ----------
    relatives
        The label's :func:`family`.
    term
        The label's Cell Ontology id; without one nothing is known to exclude it.
    rivals
        Keys of the types to try as rivals, best first.
    """
    genes, present = weighted_genes(cluster), present_genes(cluster)
    kin = frozenset(relatives)
    own = {gene.symbol: _best(gene, kin, index) for gene in (*genes, *present)}
    support = {g.name: round(g.weight * own[g.symbol], 4) for g in (*genes, *present) if own[g.symbol] > 0}
    excluded = functools.cache(lambda key: index.lineages.disjoint(term, index.types[key].id))  # genes share types
    contradictory = {}
    for gene in genes:
        marked = index.hits.get(gene.symbol, {})
        # A gene that any compatible type has contradicts nothing.
        if marked and all(map(excluded, marked)):
            strongest = sorted(marked, key=lambda key: (-marked[key], key))[:SHOWN_TYPES]
            contradictory[gene.name] = tuple(index.types[key].label for key in strongest)
    tried = [key for key in rivals[:RIVALS_TRIED] if not _related(term, key, index)]
    disjoint = [key for key in tried if excluded(key)]
    better = _rival(genes, present, own, tried, index)
    return LabelEvidence(
        support,
        contradictory,
        rival=_rival(genes, present, own, disjoint, index),
        better=better if better is not None and better.share > OUTWEIGHED_BY_KIN else None,
    )


def _shared(present: Sequence[Gene], own: Mapping[str, float], index: MarkerIndex) -> tuple[float, dict[str, float]]:
    """What widely expressed genes tell for the label, and what of it they tell for each other type, too."""
    shared: dict[str, float] = {}
    telling = [gene for gene in present if own[gene.symbol] > 0]
    for gene in telling:
        for key, nats in index.hits[gene.symbol].items():
            shared[key] = shared.get(key, 0.0) + min(nats, own[gene.symbol]) * gene.weight
    return sum(own[gene.symbol] * gene.weight for gene in telling), shared


def _related(term: Optional[str], key: str, index: MarkerIndex) -> bool:
    """Whether a type is the label's kin: by the ontology, or by the broad type; what has no term has no kin."""
    other = index.types[key].id
    if term is None or other is None:
        return True
    return index.lineages.ontology.related(term, other) or index.lineages.broad(term) == index.lineages.broad(other)


def _best(gene: Gene, keys: AbstractSet[str], index: MarkerIndex) -> float:
    return max((nats for key, nats in index.hits.get(gene.symbol, {}).items() if key in keys), default=0.0)


def _rival(
    genes: Sequence[Gene], present: Sequence[Gene], own: Mapping[str, float], keys: Sequence[str], index: MarkerIndex
) -> Optional[Rival]:
    """The best of some types by what tells for it beyond the label; genes of all clusters tell for the label only."""
    best: Optional[Rival] = None
    recognized = sum(gene.weight for gene in genes if gene.symbol in index.hits)
    widely, shared = _shared(present, own, index)
    min_evidence = MIN_RIVAL + MIN_RIVAL_PER_WEIGHT * recognized
    min_genes = max(MIN_SPECIFIC_GENES, round(MIN_SPECIFIC_PER_WEIGHT * recognized))
    told = [(g.name, g.weight, index.hits.get(g.symbol, {}), own[g.symbol]) for g in genes]
    for key in keys:
        gains = {name: (tells.get(key, 0.0) - for_label, weight) for name, weight, tells, for_label in told}
        ahead = sum(gain * weight for gain, weight in gains.values() if gain > 0)
        behind = sum(-gain * weight for gain, weight in gains.values() if gain < 0)
        behind += widely - shared.get(key, 0.0)
        specific = [name for name, (gain, _) in gains.items() if gain > SPECIFIC]
        if len(specific) < min_genes or ahead < min_evidence or (best is not None and ahead <= best.evidence):
            continue
        strongest = sorted(specific, key=lambda name: (-gains[name][0] * gains[name][1], name))
        share = ahead / behind if behind > 0 else float("inf")
        best = Rival(index.types[key].label, ahead, share, tuple(strongest))
    return best
