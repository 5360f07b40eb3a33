"""The evidence of a cluster's genes for a label, and for the lineages that exclude it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import chain, islice
from typing import Optional

import numpy as np
import numpy.typing as npt
from attrs import Factory, evolve, field, frozen

from gca_scanpy._scoring import numbers
from gca_scanpy._scoring.case import Case
from gca_scanpy._scoring.facts import Floats, Places
from gca_scanpy._scoring.index import MarkerIndex
from gca_scanpy._scoring.malignancy import names_a_disease
from gca_scanpy._scoring.weights import Gene

SHOWN_TYPES = 3


@frozen
class Rival:
    """A cell type that competes with the label.

    Attributes
    ----------
    evidence
        Evidence of the genes for the rival beyond their evidence for the label, in nats.
    share
        The ratio of that to their evidence for the label beyond that for the rival.
    genes
        The genes that are specific for the rival, strongest first, with the types that they mark.
    label_genes
        The genes that are specific for the label against the rival, strongest first.
    ontology_id
        Cell Ontology id of the rival; None if it has none.
    """

    label: str
    evidence: float
    share: float
    genes: Mapping[str, tuple[str, ...]]
    label_genes: tuple[str, ...] = ()
    ontology_id: Optional[str] = None

    @property
    def key(self) -> str:
        """Its key in the index."""
        return self.ontology_id or self.label

    def named(self, limit: int = 5) -> str:
        """The strongest genes, for a message."""
        return ", ".join(list(self.genes)[:limit])


@frozen
class LabelEvidence:
    """The genes of a cluster sorted by their relation to a label.

    Attributes
    ----------
    support
        Genes known for the label, a subtype or an ancestor of the same broad type, with their contribution in nats.
    contradictory
        Genes that only disjoint types have, with those types.
    rival
        The best supported type of a lineage that the label excludes, with the genes of all types of its broad type, or
        None if no lineage has enough evidence.
    better
        The best supported type of another broad type, disjoint or not, that has much more evidence than the label.
    leader
        The best candidate, if it is of another broad type and has specific genes.
    """

    support: Mapping[str, float] = Factory(dict)
    contradictory: Mapping[str, tuple[str, ...]] = Factory(dict)
    rival: Optional[Rival] = None
    better: Optional[Rival] = None
    leader: Optional[Rival] = None

    def against(self, rival: Rival) -> LabelEvidence:
        """The evidence if this rival speaks against the label: its genes do, and are no support."""
        support = {gene: nats for gene, nats in self.support.items() if gene not in rival.genes}
        return evolve(self, support=support, contradictory=rival.genes)


def family(term: Optional[str], label: str, index: MarkerIndex) -> tuple[str, ...]:
    """The label's own type, its subtypes, and its ancestors within the same broad type."""
    if term is None:
        return (label,) if label in index.types else ()
    broad = index.lineages.broad(term)
    ancestors = index.lineages.ontology.ancestors(term)
    return tuple(key for key in index.family(term) if key not in ancestors or index.lineages.broad(key) == broad)


def gather(relatives: Sequence[str], term: Optional[str], case: Case, *, by_lineage: bool = False) -> LabelEvidence:
    """Sort the genes of a cluster by their relation to a label.

    Parameters
    ----------
    relatives
        The label's :func:`family`.
    term
        The label's Cell Ontology id. Without an id, no type is known to exclude the label.
    case
        The cluster, whose best candidates are compared with the label.
    by_lineage
        Whether the types of an excluded lineage count together, as the subtypes of the label do. In a matrix, ambient
        RNA brings a cluster genes of several types of a lineage, so there one type must have enough of them.
    """
    used, index = numbers.NUMBERS, case.index
    ranked, present = case.weights.ranked, case.weights.present
    rivals = case.candidates.keys[: used.rivals_tried]
    family_keys = frozenset(relatives)
    for_label = {gene.symbol: best_of(gene, family_keys, index) for gene in (*ranked, *present)}

    comparison = _Comparison.of(case, for_label, relatives)
    unrelated = _unrelated(term, rivals, index)
    better = comparison.best(unrelated)
    excluding = [key for key in unrelated if index.lineages.disjoint(term, index.types[key].id)]
    disease = case.malignant_genes if names_a_disease(term, index.lineages) else ()
    return LabelEvidence(
        support={
            g.name: round(g.weight * max(_shown(g, for_label[g.symbol], term, index), g.name in disease), 4)
            for g in (*ranked, *present)
            if for_label[g.symbol] > 0 or g.name in disease
        },
        contradictory=_contradictory(ranked, term, index) if term else {},
        rival=comparison.of_another_lineage(term) if by_lineage and term else comparison.best(excluding),
        better=better if better is not None and better.share > used.contradicting_ratio_of_kin else None,
        leader=comparison.rival(rivals[0]) if rivals and rivals[0] in unrelated else None,
    )


def best_of(gene: Gene, keys: AbstractSet[str], index: MarkerIndex) -> float:
    """The highest information of a gene for one of some types."""
    best = next((key for key in index.hits.best(gene.symbol) if key in keys), None)
    return index.hits[gene.symbol][best] if best is not None else 0.0


def _shown(gene: Gene, for_label: float, term: Optional[str], index: MarkerIndex) -> float:
    """The information of a gene for the label itself; a marker of its relatives only stands behind its own."""
    kind = index.types.get(term or "")
    if kind is None:
        return for_label
    is_own = gene.symbol in kind.positive
    return index.hits[gene.symbol][kind.key] if is_own else for_label * numbers.NUMBERS.inherited_far


def _unrelated(term: Optional[str], keys: Iterable[str], index: MarkerIndex) -> list[str]:
    """The types that are not related to the label by the ontology or the broad type; without a term, none is."""
    lineages = index.lineages
    if term is None or names_a_disease(term, lineages):
        return []
    related, broad = frozenset(index.family(term)), lineages.broad(term)
    others = (key for key in keys if key not in related and index.types[key].id is not None)
    others = (key for key in others if broad is None or lineages.broad(key) != broad)
    return [key for key in others if not names_a_disease(key, lineages)]


def _contradictory(genes: Sequence[Gene], term: str, index: MarkerIndex) -> dict[str, tuple[str, ...]]:
    """The genes of which every type is excluded by the label, with the types that they mark best."""
    hits, excluded = index.hits, index.hits.excluded(term)
    marking = (gene for gene in genes if gene.symbol in hits and excluded[hits.arrays(gene.symbol)[0]].all())
    return {gene.name: _labels(hits.best(gene.symbol), index) for gene in marking}


def _labels(keys: Iterable[str], index: MarkerIndex) -> tuple[str, ...]:
    """The names of the first types."""
    return tuple(index.types[key].label for key in islice(keys, SHOWN_TYPES))


@frozen(eq=False)
class _Gains:
    """What ranked genes tell of types beyond the label, wherever it is more than nothing.

    Attributes
    ----------
    weights
        Of each gene.
    genes, types, nats
        For each gene and type, their places and the information beyond that for the label.
    """

    weights: Floats
    genes: Places
    types: Places
    nats: Floats

    @classmethod
    def of(cls, genes: Sequence[Gene], for_label: Mapping[str, float], index: MarkerIndex) -> _Gains:
        rows, places, nats = index.hits.of_genes([gene.symbol for gene in genes])
        nats = nats - np.array([for_label[gene.symbol] for gene in genes])[rows]
        return cls(np.array([gene.weight for gene in genes]), rows, places, nats).only(nats > 0)

    def only(self, chosen: npt.NDArray[np.bool_]) -> _Gains:
        """Some of the pairs of a gene and a type."""
        return _Gains(self.weights, self.genes[chosen], self.types[chosen], self.nats[chosen])

    def times(self, factors: Floats) -> _Gains:
        """The gains with a factor for each type."""
        return evolve(self, nats=self.nats * factors[self.types])

    def by_type(self, n_types: int) -> Floats:
        """The evidence for each type, by place."""
        return np.bincount(self.types, self.nats * self.weights[self.genes], n_types).astype(np.float64, copy=False)


@frozen(eq=False)
class _Comparison:
    """A label's evidence, to compare other types with.

    Attributes
    ----------
    genes
        By name, the ranked genes that mark any type, without those of a state or of a disease, each with its
        information by type and its information for the label.
    gains
        What they tell beyond the label, in the order of ``genes``.
    n_specific, evidence
        By place of the type, how many genes are specific for it, and the evidence for it beyond the label's.
    recognized
        Weight of the ranked genes that mark any type.
    present, shared
        Evidence of the present genes for the label, and the part of it that they have for another type too, by type.
    relatives
        The label's :func:`family`.
    factors
        By place, less than 1 for a type of other tissues: it is a rival only if there is much more evidence for it.
    min_genes
        Specific genes that another lineage needs; malignant cells express a few genes of others.
    """

    genes: Mapping[str, tuple[Gene, Mapping[str, float], float]]
    gains: _Gains
    n_specific: Places
    evidence: Floats
    recognized: float
    present: float
    shared: Mapping[str, float]
    relatives: AbstractSet[str]
    factors: Floats
    min_genes: int
    index: MarkerIndex
    _rivals: dict[str, Optional[Rival]] = field(factory=dict, init=False)

    @classmethod
    def of(cls, case: Case, for_label: Mapping[str, float], relatives: Sequence[str]) -> _Comparison:
        index, hits, used = case.index, case.index.hits, numbers.NUMBERS
        shared: dict[str, float] = {}
        supporting = [gene for gene in case.weights.present if for_label[gene.symbol] > 0]
        for gene in supporting:
            for key, nats in hits[gene.symbol].items():
                shared[key] = shared.get(key, 0.0) + min(nats, for_label[gene.symbol]) * gene.weight
        # Genes of a malignant cell are out of place in any lineage.
        known = [g for g in case.weights.free if g.symbol in hits and g.name not in case.malignant_genes]
        gains, n_types = _Gains.of(known, for_label, index), len(hits.ordered)
        factors = np.where(hits.elsewhere(case.tissues), used.rival_out_of_tissue, 1.0)
        return cls(
            genes={g.name: (g, hits[g.symbol], for_label[g.symbol]) for g in known},
            gains=gains,
            n_specific=np.bincount(gains.types[gains.nats > used.min_gain], minlength=n_types),
            evidence=factors * gains.by_type(n_types),
            recognized=case.recognized,
            present=sum(for_label[gene.symbol] * gene.weight for gene in supporting),
            shared=shared,
            relatives=frozenset(relatives),
            factors=factors,
            min_genes=used.min_rival_genes_of_given if case.malignant_genes else used.min_rival_genes,
            index=index,
        )

    def best(self, keys: Sequence[str]) -> Optional[Rival]:
        """The type of these with the most evidence beyond the label's, if it is enough."""
        used, places = numbers.NUMBERS, self.index.hits.places
        # In a longer list, the best of all types reaches more evidence by chance.
        min_evidence = used.min_rival_evidence + used.min_rival_evidence_per_weight * self.recognized
        min_genes = max(used.min_rival_genes, round(used.min_rival_genes_per_weight * self.recognized))
        is_enough = (self.n_specific >= min_genes) & (self.evidence >= min_evidence)
        enough = [key for key in keys if is_enough[places[key]]]
        return self.rival(max(enough, key=lambda key: self.evidence[places[key]])) if enough else None

    def of_another_lineage(self, term: str) -> Optional[Rival]:
        """The broad type that a term excludes with the most evidence beyond the label's, if it is enough.

        For the label, a gene of any of its subtypes counts; so any type of a broad type counts for that. The rival is
        the type of them with the most evidence. Only a type alone can contradict; together they are a mixture.
        """
        used, hits = numbers.NUMBERS, self.index.hits
        if not self.genes or names_a_disease(term, self.index.lineages):
            return None
        gains = self.gains.only(hits.excluded(term)[self.gains.types]).times(self.factors)
        best = hits.best_by_broad(len(self.genes), gains.genes, gains.types, gains.nats)
        has_enough_genes = (best > used.min_gain).sum(axis=0) >= self.min_genes
        evidence = np.where(has_enough_genes, gains.weights @ best, 0.0)
        winner = int(np.argmax(evidence))
        if evidence[winner] < max(used.min_lineage_evidence, used.min_lineage_evidence_per_weight * self.recognized):
            return None
        of_winner = gains.only(hits.broad_types()[1][gains.types] == winner)
        key = hits.ordered[int(np.argmax(of_winner.by_type(len(hits.ordered))))]
        found = self._rival(key, dict(zip(self.genes, best[:, winner].tolist())), float(evidence[winner]))
        alone = self.rival(key)
        if found and alone:
            return evolve(found, share=max(alone.share, min(found.share, used.contradicting_ratio)))
        return found

    def rival(self, key: str) -> Optional[Rival]:
        """A type as a rival; None if no gene is specific for it; kept."""
        if key not in self._rivals:
            gains = {name: nats.get(key, 0.0) - label for name, (_, nats, label) in self.genes.items()}
            self._rivals[key] = self._rival(key, gains, float(self.evidence[self.index.hits.places[key]]))
        return self._rivals[key]

    def _rival(self, key: str, gains: Mapping[str, float], evidence: float) -> Optional[Rival]:
        """A type as a rival with what genes tell for it beyond the label. Present genes count for the label only."""
        ahead = {name: gain * self.genes[name][0].weight for name, gain in gains.items() if gain > 0}
        specific = [name for name in ahead if gains[name] > numbers.NUMBERS.min_gain]
        if not specific:
            return None
        behind = {
            name: label - nats.get(key, 0.0)
            for name, (_, nats, label) in self.genes.items()
            if name not in ahead and label > nats.get(key, 0.0)
        }
        weighted = {name: gain * self.genes[name][0].weight for name, gain in behind.items()}
        against = sum(weighted.values()) + self.present - self.shared.get(key, 0.0)
        return Rival(
            label=self.index.types[key].label,
            evidence=evidence,
            share=evidence / against if against > 0 else float("inf"),
            genes={
                name: self._types(key, self.genes[name][0].symbol)
                for name in sorted(specific, key=lambda name: (-ahead[name], name))
            },
            label_genes=tuple(
                name
                for name in sorted(weighted, key=lambda name: (-weighted[name], name))
                if behind[name] > numbers.NUMBERS.min_gain
            ),
            ontology_id=self.index.types[key].id,
        )

    def _types(self, key: str, gene: str) -> tuple[str, ...]:
        """The rival's label if a gene marks it, and other types that it marks best, without relatives of the label."""
        marked = self.index.hits.best(gene)
        others = (other for other in marked if other != key and other not in self.relatives)
        return _labels(chain([key] if key in marked else [], others), self.index)
