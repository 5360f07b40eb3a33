"""The evidence of a cluster's genes for a label, and for the lineages that exclude it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import chain, islice
from typing import Optional

import numpy as np
import numpy.typing as npt
from attrs import Factory, evolve, frozen

from gca_scanpy._scoring import numbers
from gca_scanpy._scoring.case import Case
from gca_scanpy._scoring.index import MarkerIndex
from gca_scanpy._scoring.malignancy import names_a_disease
from gca_scanpy._scoring.weights import Gene

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]

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
    leads = comparison.leads(_unrelated(term, rivals, index))
    better = comparison.best(leads)
    excluding = {key: lead for key, lead in leads.items() if index.lineages.disjoint(term, index.types[key].id)}
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
        leader=comparison.rival(rivals[0]) if rivals and rivals[0] in leads else None,
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
    ids = ((key, index.types[key].id) for key in keys)
    return [
        key
        for key, other in ids
        if other is not None and not names_a_disease(other, lineages) and not lineages.akin(term, other)
    ]


def _contradictory(genes: Sequence[Gene], term: str, index: MarkerIndex) -> dict[str, tuple[str, ...]]:
    """The genes of which every type is excluded by the label, with the types that they mark best."""
    hits, excluded = index.hits, index.hits.excluded(term)
    marking = (gene for gene in genes if gene.symbol in hits and excluded[hits.arrays(gene.symbol)[0]].all())
    return {gene.name: _labels(hits.best(gene.symbol), index) for gene in marking}


def _labels(keys: Iterable[str], index: MarkerIndex) -> tuple[str, ...]:
    """The names of the first types."""
    return tuple(index.types[key].label for key in islice(keys, SHOWN_TYPES))


@frozen
class _Comparison:
    """A label's evidence, to compare other types with.

    Attributes
    ----------
    genes
        By name, the ranked genes without those of a state or of a disease, each with its information by type and
        its information for the label.
    recognized
        Weight of the ranked genes that mark any type.
    present
        Evidence of the present genes for the label.
    shared
        The part of it that they have for another type too, by type.
    relatives
        The label's :func:`family`.
    tissues
        Canonical tissues of the cluster, empty if unknown.
    min_genes
        Specific genes that another lineage needs: malignant cells express a few genes of others.
    """

    genes: Mapping[str, tuple[Gene, Mapping[str, float], float]]
    recognized: float
    present: float
    shared: Mapping[str, float]
    relatives: AbstractSet[str]
    tissues: tuple[str, ...]
    min_genes: int
    index: MarkerIndex

    @classmethod
    def of(cls, case: Case, for_label: Mapping[str, float], relatives: Sequence[str]) -> _Comparison:
        index, used = case.index, numbers.NUMBERS
        shared: dict[str, float] = {}
        supporting = [gene for gene in case.weights.present if for_label[gene.symbol] > 0]
        for gene in supporting:
            for key, nats in index.hits[gene.symbol].items():
                shared[key] = shared.get(key, 0.0) + min(nats, for_label[gene.symbol]) * gene.weight
        return cls(
            genes={
                g.name: (g, index.hits.get(g.symbol, {}), for_label[g.symbol])
                for g in case.weights.free
                if g.name not in case.malignant_genes  # they are out of place in any lineage
            },
            recognized=case.recognized,
            present=sum(for_label[gene.symbol] * gene.weight for gene in supporting),
            shared=shared,
            relatives=frozenset(relatives),
            tissues=case.tissues,
            min_genes=used.min_rival_genes_of_given if case.malignant_genes else used.min_rival_genes,
            index=index,
        )

    def leads(self, keys: Sequence[str]) -> dict[str, tuple[int, float]]:
        """For each type, how many genes are specific for it, and the evidence for it beyond the label's."""
        gains: dict[str, list[tuple[float, float]]] = {key: [] for key in keys}
        for gene, nats, label in self.genes.values():
            for key in gains.keys() & nats.keys():
                if nats[key] > label:
                    gains[key].append((nats[key] - label, gene.weight))
        least = numbers.NUMBERS.min_gain
        return {
            key: (
                sum(gain > least for gain, _ in ahead),
                self._tissue_factor(key) * sum(gain * weight for gain, weight in ahead),
            )
            for key, ahead in gains.items()
        }

    def best(self, leads: Mapping[str, tuple[int, float]]) -> Optional[Rival]:
        """The type with the most evidence beyond the label's, if it is enough; from :meth:`leads`."""
        used = numbers.NUMBERS
        # In a longer list, the best of all types reaches more evidence by chance.
        min_evidence = used.min_rival_evidence + used.min_rival_evidence_per_weight * self.recognized
        min_genes = max(used.min_rival_genes, round(used.min_rival_genes_per_weight * self.recognized))
        enough = [key for key, (n, evidence) in leads.items() if n >= min_genes and evidence >= min_evidence]
        return self.rival(max(enough, key=lambda key: leads[key][1])) if enough else None

    def of_another_lineage(self, term: str) -> Optional[Rival]:
        """The broad type that a term excludes with the most evidence beyond the label's, if it is enough.

        For the label, a gene of any of its subtypes counts; so any type of a broad type counts for that. The rival is
        the type of them with the most evidence. Only a type alone can contradict; together they are a mixture.
        """
        used, names = numbers.NUMBERS, [name for name, (_, nats, _) in self.genes.items() if nats]
        if not names or names_a_disease(term, self.index.lineages):
            return None
        rows, places, gains = self._gains(names, term)
        hits, weights = self.index.hits, np.array([self.genes[name][0].weight for name in names])
        best = hits.best_by_broad(len(names), rows, places, gains)
        has_enough_genes = (best > used.min_gain).sum(axis=0) >= self.min_genes
        evidence = np.where(has_enough_genes, weights @ best, 0.0)
        winner = int(np.argmax(evidence))
        if evidence[winner] < max(used.min_lineage_evidence, used.min_lineage_evidence_per_weight * self.recognized):
            return None
        is_of_it = hits.broad_types()[1][places] == winner
        by_type = np.bincount(places[is_of_it], (gains * weights[rows])[is_of_it])
        key = hits.ordered[int(np.argmax(by_type))]
        found = self._rival(key, dict(zip(names, best[:, winner].tolist())), float(evidence[winner]))
        alone = self.rival(key)
        if found is None or alone is None:
            return found
        return evolve(found, share=max(alone.share, min(found.share, used.contradicting_ratio)))

    def _gains(self, names: Sequence[str], term: str) -> tuple[Places, Places, Floats]:
        """For each gene and type that a term excludes and it marks more than the label: their places, and the gain."""
        hits = self.index.hits
        rows, places, nats = hits.of_genes([self.genes[name][0].symbol for name in names])
        labels = np.array([self.genes[name][2] for name in names])
        factors = np.where(hits.elsewhere(self.tissues)[places], numbers.NUMBERS.rival_out_of_tissue, 1.0)
        gains = (nats - labels[rows]) * factors
        ahead = (gains > 0) & hits.excluded(term)[places]
        return rows[ahead], places[ahead], gains[ahead]

    def rival(self, key: str) -> Optional[Rival]:
        """A type as a rival; None if no gene is specific for it."""
        gains = {name: nats.get(key, 0.0) - label for name, (_, nats, label) in self.genes.items()}
        return self._rival(key, gains, self.leads([key])[key][1])

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

    def _tissue_factor(self, key: str) -> float:
        """A type that belongs to other tissues only is a rival if there is much more evidence for it."""
        is_elsewhere = self.index.types[key].is_elsewhere(self.tissues)
        return numbers.NUMBERS.rival_out_of_tissue if is_elsewhere else 1.0

    def _types(self, key: str, gene: str) -> tuple[str, ...]:
        """The rival's label if a gene marks it, and other types that it marks best, without relatives of the label."""
        marked = self.index.hits.best(gene)
        others = (other for other in marked if other != key and other not in self.relatives)
        return _labels(chain([key] if key in marked else [], others), self.index)
