"""What speaks for a label: its own candidate, and the genes that tell it from its nearest competitor, or other cells.

A question about one label and its own type belongs here; what speaks against it is in ``evidence``.
"""

from __future__ import annotations

import math
from collections.abc import Container, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import lru_cache
from itertools import chain, islice
from statistics import median
from typing import Literal, Optional

import numpy as np
from attrs import evolve, field, frozen

from gca_scanpy._judging.evidence import Rival, best_of, family, gather
from gca_scanpy._names.labels import term_of
from gca_scanpy._scoring import numbers
from gca_scanpy._scoring.case import Case
from gca_scanpy._scoring.facts import CellType, Floats, Places
from gca_scanpy._scoring.index import MarkerIndex
from gca_scanpy._scoring.malignancy import names_a_disease
from gca_scanpy._scoring.path import key_of, subtypes
from gca_scanpy._scoring.programs import is_generic
from gca_scanpy._scoring.weights import Gene
from gca_scanpy._steps import Verdict
from gca_scanpy.model import Candidate, Mixture, Separation

GeneKind = Literal["marker", "negative marker"]


def finest(verdict: Verdict) -> Verdict:
    """The verdict with its finest guess as the label."""
    if not verdict.path or verdict.path[-1].label == verdict.label:
        return verdict
    guess = verdict.path[-1]
    return evolve(verdict, label=guess.label, ontology_id=guess.ontology_id, confidence_score=guess.probability)


def own_candidate(term: Optional[str], label: str, case: Case) -> Optional[Candidate]:
    """The best candidate that speaks for a label: its own type or a subtype; None if the genes give it no score.

    Nothing speaks for a label that the negative markers of its own type deny. If the database does not describe the
    label, its best ancestor within the same broad type speaks for it. For a label that names the disease, not the type,
    it is the best candidate of all if genes raise the suspicion of malignancy.
    """
    key, index = term or label, case.index
    own = case.candidates.find(key)
    if own is not None and own.score < 0:
        return None
    if case.candidates and names_a_disease(term, index.lineages) and case.malignant_genes:
        return case.candidates[0] if case.candidates[0].score > 0 else None
    relatives = frozenset(family(term, label, index))
    above = index.lineages.ontology.ancestors(key) if key in index.types else {}
    places = (n for n, other in enumerate(case.candidates.keys) if other in relatives and other not in above)
    return next((c for c in map(case.candidates.__getitem__, places) if _has_evidence(c, case)), None)


def speaks_for(candidate: Candidate, term: Optional[str], case: Case) -> bool:
    """Whether a label's own candidate explains the genes well enough, compared with the best of all candidates."""
    values = given_features(candidate, term, case)
    return sum(slope * value for slope, value in zip(numbers.NUMBERS.given, values)) >= 0


def given_features(candidate: Candidate, term: Optional[str], case: Case) -> tuple[float, ...]:
    """What the probability that a given label is right is computed from."""
    offset = numbers.NUMBERS.given_offset
    scores = (math.log(max(c.score, 0.0) + offset) for c in (candidate, case.candidates[0]))
    return (1.0, *scores, float(is_kin_of_best(candidate, term, case)))


def is_kin_of_best(candidate: Candidate, term: Optional[str], case: Case) -> bool:
    """Whether a label's own candidate is the best one, or the label is a relative of that or of its broad type."""
    best = case.candidates[0]
    if candidate is best or term is None or best.ontology_id is None:
        return candidate is best
    return case.index.lineages.akin(term, best.ontology_id)


def denied_by(own: Candidate, case: Case) -> tuple[str, ...]:
    """The canonical markers of a type that mark the fewest other types, if the cells lack all of this half; else empty.

    What is left then, such as the HLA genes of a B cell, is of many types. Markers that were not measured, or that no
    cluster has, are not used.
    """
    key, hits, absent = key_of(own), case.index.hits, case.absent
    canonical = [gene for gene in case.index.types[key].canonical if gene in case.expressed or gene in absent]
    better = sorted(canonical, key=lambda gene: (len(hits[gene]), gene))[: (len(canonical) + 1) // 2]
    return () if len(better) < numbers.NUMBERS.min_lacked or not absent.issuperset(better) else tuple(better)


def _has_evidence(candidate: Candidate, case: Case) -> bool:
    """Whether a type has a positive score, and not only from genes of a state, which cells of all types can express."""
    key, hits, bound = key_of(candidate), case.index.hits, case.weights.states.bound
    return candidate.score > 0 and any(
        key in hits.get(gene.symbol, {}) and gene.symbol not in bound and not is_generic(gene.symbol)
        for gene in case.weights.ranked
    )


SMALLEST = 1e-9  # avoids a division by zero
DIVIDING_GENES = 6
GENES_OF_CELLS = 10  # the strongest genes of a lineage that are looked for in cells


@frozen
class Named:
    """A cluster with a label.

    Attributes
    ----------
    term
        The Cell Ontology term of the finest guess.
    ranked
        The lineage that its ranked genes support beside that, if the label is what both have in common.
    """

    case: Case
    verdict: Verdict
    term: str
    ranked: Optional[Rival] = None
    _kin: frozenset[str] = field(init=False)  # the types that the label stands for
    _kin_places: Places = field(init=False)
    _marking: Mapping[Gene, float] = field(init=False)  # ranked genes that may tell it from others, with their nats
    _by_type: Floats = field(init=False)  # the nats of these genes for each type, genes by places of types
    _specific: dict[str, Mapping[str, Gene]] = field(factory=dict, init=False)

    @_kin.default
    def _find_kin(self) -> frozenset[str]:
        return frozenset(family(self.term, "", self.case.index))

    @_kin_places.default
    def _find_places(self) -> Places:
        return np.array([self.case.index.hits.places[key] for key in self._kin], dtype=np.intp)

    @_marking.default
    def _find_marking(self) -> Mapping[Gene, float]:
        genes = {gene: best_of(gene, self._kin, self.case.index) for gene in self.case.weights.free}
        least = numbers.NUMBERS.min_gain
        return {gene: nats for gene, nats in genes.items() if nats > least and not is_generic(gene.symbol)}

    @_by_type.default
    def _find_by_type(self) -> Floats:
        hits = self.case.index.hits
        by_type = np.zeros((len(self._marking), len(hits.ordered)))
        rows, places, nats = hits.of_genes([gene.symbol for gene in self._marking])
        by_type[rows, places] = nats
        return by_type

    @classmethod
    def of(cls, case: Case, verdict: Verdict) -> Optional[Named]:
        """A cluster by its finest guess; None without a term.

        A guess such as lymphocyte excludes none of its subtypes, although some of these exclude each other. Then the
        best of these is taken.
        """
        guess, lineages = finest(verdict), case.index.lineages
        term = term_of(guess.label, guess.ontology_id, lineages.ontology, case.tissues)
        if term is None:
            return None
        keys = case.candidates.keys[: numbers.NUMBERS.rivals_tried] if verdict.source == "offline" else ()
        heirs = [key for key in keys if term in lineages.ontology.ancestors(key)]
        heir = next((key for key in heirs if any(lineages.disjoint(key, other) for other in heirs)), None)
        if heir is None:
            return cls(case, verdict, term)
        path = case.levels.path(heir)
        finer = path[-1].ontology_id or heir
        return cls(case, evolve(verdict, path=path), finer, gather(family(finer, "", case.index), finer, case).rival)

    def specific(self, other: Named) -> Mapping[str, Gene]:
        """The strongest of its ranked genes that mark its label more than that of another cluster, by name; kept."""
        if other.term not in self._specific:
            self._specific[other.term] = self._compared(other)
        return self._specific[other.term]

    def _compared(self, other: Named) -> Mapping[str, Gene]:
        gains: dict[str, tuple[float, Gene]] = {}
        for_other = self._by_type[:, other._kin_places].max(axis=1, initial=0.0)
        for (gene, nats), its in zip(self._marking.items(), for_other.tolist()):
            gain = nats - its
            if gain > numbers.NUMBERS.min_gain:
                gains[gene.name] = gain * gene.weight, gene
        strongest = sorted(gains, key=lambda name: (-gains[name][0], name))[:GENES_OF_CELLS]
        return {name: gains[name][1] for name in strongest}

    def second(self, other: Named) -> Optional[Rival]:
        """The lineage of another cluster if it excludes the label, and cells of this one express its genes.

        A ranking hides these genes: because the other cluster has them, too, they are not higher in this one. The
        evidence is how far the cells have them on, and the share how many express three in four of them, compared with
        the other cluster, 0 to 1: cells of a third lineage express some.
        """
        cells, others, index, used = self.case.cells, other.case.cells, self.case.index, numbers.NUMBERS
        disease = any(names_a_disease(term, index.lineages) for term in (self.term, other.term))
        if cells is None or others is None or disease or not index.lineages.disjoint(self.term, other.term):
            return None
        own, its = self.specific(other), other.specific(self)
        if min(len(own), len(its)) < used.min_rival_genes:
            return None
        symbols = [gene.symbol for gene in its.values()]
        (levels, here), (_, there) = cells.of_genes(symbols), others.of_genes(symbols)
        shares = np.minimum(here / np.maximum(there, SMALLEST), 1.0)
        if not len(shares) or median(shares.tolist()) < used.min_second_share:
            return None
        kind = index.types.get(other.term)
        label = kind.label if kind else index.lineages.ontology.label(other.term)
        genes, told = dict.fromkeys(its, (label,)), float(np.quantile(shares, 0.25))
        return Rival(label, median(levels.tolist()), told, genes, tuple(own), other.term)


SHOWN_UNMEASURED = 10


@frozen
class Apart:
    """A label and its nearest competitor, with the genes that the database has to tell them apart.

    Attributes
    ----------
    competitor
        The best other candidate that excludes the label: neither an ancestor nor a subtype, and without a subtype in
        common. Types of the same broad type come first, then those that any gene separates from the label.
    of_label, of_competitor
        Canonical markers of one of the two, or of its ancestors, that are no markers of the other.
    inseparable
        The label of a better candidate that no gene of the database separates from the label; empty if there is none.
    """

    competitor: CellType
    of_label: tuple[str, ...]
    of_competitor: tuple[str, ...]
    inseparable: str = ""

    @property
    def genes(self) -> tuple[str, ...]:
        """The genes of both."""
        return (*self.of_label, *self.of_competitor)

    @classmethod
    def of(cls, key: str, case: Case) -> Optional[Apart]:
        """The genes that separate a type; None if the index has it not, or no other candidate competes with it."""
        index, first = case.index, None
        for competitor in competitors(key, case):
            other = competitor.key
            apart = cls(competitor, _only(key, other, index), _only(other, key, index))
            if apart.genes:
                return evolve(apart, inseparable=first.inseparable) if first else apart
            first = first or evolve(apart, inseparable=competitor.label)
        return first

    def separation(self, measured: Optional[Container[str]]) -> Optional[Separation]:
        """How many of the genes were measured; None if it is not known which genes were."""
        genes = self.genes
        if measured is None:
            return None
        unmeasured = tuple(gene for gene in genes if gene not in measured)
        return Separation(
            competitor=self.competitor.label,
            competitor_id=self.competitor.id,
            n_genes=len(genes),
            n_measured=len(genes) - len(unmeasured),
            unmeasured=unmeasured[:SHOWN_UNMEASURED],
        )


def competitors(key: str, case: Case) -> Iterator[CellType]:
    """The other candidates that exclude a type, best first: those of its broad type, then all."""
    if key not in case.index.types:
        return
    lineages, broad = case.index.lineages, case.index.lineages.broad(key)
    scored = zip(case.candidates.keys[: numbers.NUMBERS.rivals_tried], case.candidates.scores)
    tried = [case.index.types[other] for other, score in scored if score > 0]
    siblings = (kind for kind in tried if broad is not None and lineages.broad(kind.id) == broad)
    for kind in chain(siblings, tried):
        if not overlap(key, kind.key, case.index):
            yield kind


def overlap(key: str, other: str, index: MarkerIndex) -> bool:
    """Whether a cell can be of both types: as "naive" and "CD4-positive" T cells have naive CD4-positive ones."""
    is_related = index.lineages.ontology.related(key, other)
    return is_related or not subtypes(key, index).isdisjoint(subtypes(other, index))


def _only(key: str, other: str, index: MarkerIndex) -> tuple[str, ...]:
    """The canonical markers of a type and its ancestors that are no markers of another type; its own come first."""
    negative, others = index.types[key].negative, markers_of(other, index)
    return tuple(dict.fromkeys(g for g in canonical_of(key, index) if g not in negative and g not in others))


def canonical_of(key: str, index: MarkerIndex) -> Sequence[str]:
    """The canonical markers of a type and its ancestors; those of the type come first."""
    return [gene for owner in owners(key, index) for gene in index.types[owner].canonical]


@lru_cache(maxsize=1024)  # a type is compared with many others
def markers_of(key: str, index: MarkerIndex) -> frozenset[str]:
    """The markers of a type and its ancestors, strong or weak, without its negative ones."""
    return frozenset().union(*(index.types[owner].positive for owner in owners(key, index))) - denied(key, index)


def denied(key: str, index: MarkerIndex) -> frozenset[str]:
    """The negative markers of a type and its ancestors; of a type without facts, those of its nearest ancestor."""
    nearest = next(iter(owners(key, index)), None)
    return index.types[nearest].negative if nearest is not None else frozenset()


def owners(key: str, index: MarkerIndex) -> tuple[str, ...]:
    """The types whose facts hold for a type: itself and its ancestors, as far as they have facts, nearest first."""
    return (*([key] if key in index.types else []), *index.ancestors(key))


def name_of(key: str, index: MarkerIndex) -> str:
    """The name of a type by its key, whether or not the index describes it."""
    if key in index.types:
        return index.types[key].label
    return index.lineages.ontology.label(key) if key in index.lineages.ontology else key


def separating(
    key: str, other: str, index: MarkerIndex, symbols: Optional[AbstractSet[Optional[str]]] = None
) -> Mapping[str, GeneKind]:
    """The genes, all or of these symbols, whose expression speaks for a type and not for the other; by symbol."""
    markers, negative, others = markers_of(key, index), denied(other, index), markers_of(other, index)
    if symbols is not None:
        markers, negative = markers & symbols, negative & symbols
    genes: dict[str, GeneKind] = dict.fromkeys(markers - others, "marker")
    return {**dict.fromkeys(negative - denied(key, index) - others, "negative marker"), **genes}


def dividing(key: str, other: str, case: Case) -> tuple[str, ...]:
    """The markers of a type, and not of another one, that a part of the cells expresses; canonical ones come first."""
    if case.cells is None:
        return ()
    ranked, share = case.weights.names, case.cells.share
    own, others = markers_of(key, case.index), markers_of(other, case.index)
    symbols = dict.fromkeys((*canonical_of(key, case.index), *ranked))
    markers = (symbol for symbol in symbols if symbol in own and symbol not in others)
    least, most = numbers.NUMBERS.dividing
    divided = (symbol for symbol in markers if least <= share(symbol) <= most)
    return tuple(ranked.get(symbol, symbol) for symbol in islice(divided, DIVIDING_GENES))


def is_divided(mixture: Mixture) -> bool:
    """Whether the cells are two populations, and enough of them are of either."""
    least = numbers.NUMBERS.min_related_part
    return mixture.kind == "two_populations" and min(part.share for part in mixture.parts) >= least
