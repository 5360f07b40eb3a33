"""The marker database by cell type and by gene, for one species, and how usual each type is in a tissue."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Literal, Optional, cast

import numpy as np
from attrs import Factory, define, evolve, field, frozen

from gca_scanpy._names.ontology import Lineages
from gca_scanpy._scoring import numbers
from gca_scanpy._scoring.database import COLUMNS, GENERAL, STATED, WEAK, Columns, MarkerDatabase
from gca_scanpy._scoring.facts import CellType, Floats, Hits, group, parts, read_once, witnesses
from gca_scanpy.model import Witnesses

Grade = Literal["common", "occasional", "rare"]

COMMON: Grade = "common"
OCCASIONAL: Grade = "occasional"
RARE: Grade = "rare"
ANY = "any"  # the rows of the table that hold if no tissue is known


@frozen
class Priors:
    """The grade of each cell type in each tissue.

    Attributes
    ----------
    grades
        By canonical tissue, or ``any``, and Cell Ontology id. Types that are not listed are rare.
    """

    grades: Mapping[str, Mapping[str, Grade]]
    _listed: frozenset[str] = field(
        init=False, repr=False, default=Factory(lambda self: frozenset().union(*self.grades.values()), takes_self=True)
    )

    def knows(self, key: str) -> bool:
        """Whether the table has a type in any tissue."""
        return key in self._listed

    def is_common(self, cl_id: str) -> bool:
        """Whether a type is common in any tissue."""
        return any(grades.get(cl_id) == COMMON for grades in self.grades.values())

    def nats(self, tissues: Sequence[str]) -> Mapping[str, float]:
        """What the grade of each listed type adds to its score when scores become shares, by Cell Ontology id.

        The best grade of any of the tissues counts; the rows of ``any`` are used if there is no tissue. Only rows of
        the type itself count. A subtype does not get the grade of its parent: where T cells are common, most of their
        subtypes are not.
        """
        used = numbers.NUMBERS
        nats = dict.fromkeys(self._listed, used.prior_rare)
        values: tuple[tuple[Grade, float], ...] = ((OCCASIONAL, 0.0), (COMMON, used.prior_common))  # the best one last
        for grade, value in values:
            for tissue in tissues or (ANY,):
                nats.update((cl_id, value) for cl_id, is_ in self.grades.get(tissue, {}).items() if is_ == grade)
        return nats

    def common(self, tissues: Sequence[str]) -> frozenset[str]:
        """The Cell Ontology ids of the types that are common in any of the tissues, or anywhere if there is none."""
        grades = (self.grades.get(tissue, {}).items() for tissue in tissues or (ANY,))
        return frozenset(cl_id for rows in grades for cl_id, is_ in rows if is_ == COMMON)


NEUTRAL = Priors({})  # prefers no type


def read_priors(lines: Iterable[str]) -> Priors:
    """Read the grades from the lines of ``priors.tsv``, header first."""
    grades: dict[str, dict[str, Grade]] = {}
    for line in list(lines)[1:]:
        tissue, grade, cl_id = line.rstrip("\n").split("\t")
        grades.setdefault(tissue, {})[cl_id] = cast(Grade, grade)
    return Priors(grades)


@define(eq=False)
class MarkerIndex:
    """All cell types of one species.

    Attributes
    ----------
    species
        Common name of the species of the cells.
    genes_of
        ``human`` or ``mouse``: the species whose facts are used.
    types
        By Cell Ontology id, or by name if the type has no id.
    hits
        For each gene, its information for the types that it marks, in nats.
    known
        The gene symbols of the database by their upper-case form.
    foreign
        Keys of the types that the database describes for other species only.
    priors
        How usual each type is in each tissue.
    """

    species: str
    genes_of: str
    lineages: Lineages
    types: Mapping[str, CellType]
    hits: Hits
    known: Mapping[str, str]
    foreign: frozenset[str]
    priors: Priors = NEUTRAL
    _ancestors: dict[str, tuple[str, ...]] = field(factory=dict, init=False, repr=False)
    _below: dict[str, list[str]] = field(factory=dict, init=False, repr=False)
    _families: dict[str, tuple[str, ...]] = field(factory=dict, init=False, repr=False)
    _nearest: dict[str, tuple[str, ...]] = field(factory=dict, init=False, repr=False)
    _subtypes: Counter[str] = field(factory=Counter, init=False, repr=False)
    _names_a_cluster: dict[str, bool] = field(factory=dict, init=False, repr=False)
    _factors: dict[tuple[str, ...], Floats] = field(factory=dict, init=False, repr=False)
    _prior_nats: dict[tuple[str, ...], Floats] = field(factory=dict, init=False, repr=False)

    def ancestors(self, key: str) -> tuple[str, ...]:
        """The ancestors of a type that are in the index, nearest first."""
        if key not in self._ancestors:
            distances = self.lineages.ontology.ancestors(key)
            self._ancestors[key] = tuple(
                sorted((a for a in distances if a in self.types), key=lambda a: (distances[a], a))
            )
        return self._ancestors[key]

    def levels_above(self, key: str) -> tuple[str, ...]:
        """The ancestors that can be levels above a type: a neuron is no secretory cell, whatever the ontology says."""
        lineage, compatible = self.lineages.lineage, self.lineages.compatible_lineages
        return tuple(other for other in self.ancestors(key) if compatible(lineage(key), lineage(other)))

    def names_a_cluster(self, key: str) -> bool:
        """Whether people call a cluster so; other terms, such as central nervous system neuron, only group types.

        They do if enough lists describe the term, or if one does and the term is common in a tissue. All terms do if
        they have no prior, or if the database has no lists.
        """
        if key not in self._names_a_cluster:
            n_lists = len(self.types[key].lists)
            self._names_a_cluster[key] = (
                n_lists >= numbers.NUMBERS.min_lists
                or (n_lists > 0 and self.priors.is_common(key))
                or not self.priors.knows(key)
                or not any(kind.n_sources for kind in self.types.values())
            )
        return self._names_a_cluster[key]

    def n_subtypes(self, key: str) -> int:
        """How many types of the index are subtypes of a type."""
        if not self._subtypes:
            self._subtypes = Counter(chain.from_iterable(map(self.ancestors, self.types)))
        return self._subtypes[key]

    def factors(self, tissues: Sequence[str]) -> Floats:
        """The factor of the evidence for each type: for its tissues, and for how well-known it is; kept."""
        place, used = tuple(tissues), numbers.NUMBERS
        if place not in self._factors:
            kinds = [self.types[key] for key in self.hits.ordered]
            tissue = [kind.tissue_factor(place) for kind in kinds]
            self._factors[place] = np.array(tissue) * [1 + used.per_source * kind.n_sources for kind in kinds]
        return self._factors[place]

    def prior_nats(self, tissues: Sequence[str]) -> Floats:
        """What the prior of each type adds to its score when scores become shares; kept."""
        place = tuple(tissues)
        if place not in self._prior_nats:
            nats = self.priors.nats(place)  # a type without an id has its name as key, and no prior
            self._prior_nats[place] = np.array([nats.get(key, 0.0) for key in self.hits.ordered], dtype=np.float64)
        return self._prior_nats[place]

    def family(self, term_id: str) -> tuple[str, ...]:
        """The types of the index that are a term, its ancestors or its descendants, in order; kept."""
        if not self._below:
            below: dict[str, list[str]] = {}
            for key, cell_type in self.types.items():
                for ancestor in self.lineages.ontology.ancestors(cell_type.id or ""):
                    below.setdefault(ancestor, []).append(key)
            self._below = below  # whole, because other threads may read it
        if term_id not in self._families:
            above = {term_id, *self.lineages.ontology.ancestors(term_id)}
            named = {key for key in above & self.types.keys() if self.types[key].id is not None}
            self._families[term_id] = tuple(sorted(named.union(self._below.get(term_id, ()))))
        return self._families[term_id]

    def witnesses(self, key: str, gene: str) -> Optional[Witnesses]:
        """The witnesses of a gene's fact for a type, or else for its nearest ancestor or kind that has one.

        Parameters
        ----------
        key
            Cell Ontology id of the type, or its name if it has none.
        gene
            Symbol, as :attr:`known` has it.
        """
        for owner in self._nearest_first(key):
            stated = self.types[owner].stated
            if gene in stated:
                return witnesses(owner, *stated[gene])
        return None

    def _nearest_first(self, key: str) -> tuple[str, ...]:
        """The type itself, its ancestors and its kinds, as far as they are in the index, each group nearest first."""
        if key not in self._nearest:
            ancestors = self.lineages.ontology.ancestors
            steps = {kind: ancestors(kind)[key] for kind in self.family(key) if key in ancestors(kind)}
            kinds = sorted(steps, key=lambda kind: (steps[kind], kind))
            self._nearest[key] = (*([key] if key in self.types else []), *self.ancestors(key), *kinds)
        return self._nearest[key]


def build(
    database: MarkerDatabase,
    species: str,
    lineages: Lineages,
    orthologs: Optional[Mapping[str, str]] = None,
    priors: Priors = NEUTRAL,
) -> MarkerIndex:
    """The index of a database for one species.

    Parameters
    ----------
    orthologs
        Human symbols by mouse symbol in capitals. A mouse gene that is a numbered copy of its ortholog (``Lyz2``,
        ``Cd8b1``) counts as that gene, so that it has the facts of both species.
    priors
        How usual each type is in each tissue. Types that it does not list are neutral.
    """
    drafts, all_keys = _drafts(database.columns(), species, orthologs or {})
    types = {key: drafts[key].finish() for key in sorted(drafts)}
    types = {key: _with_inherited_negatives(key, types, lineages) for key in types}
    genes = set(chain.from_iterable((*cell_type.positive, *cell_type.negative) for cell_type in types.values()))
    known = {gene.upper(): gene for gene in sorted(genes)}
    return MarkerIndex(
        species, species, lineages, types, Hits(types, lineages), known, frozenset(all_keys - set(types)), priors
    )


def _with_inherited_negatives(key: str, types: Mapping[str, CellType], lineages: Lineages) -> CellType:
    """A type with the negative markers of its ancestors, but those that it or a nearer ancestor has as positive."""
    distances = lineages.ontology.ancestors(key)
    negative, nearer = set(types[key].negative), [types[key].positive]
    for ancestor in sorted(distances.keys() & types.keys(), key=lambda other: (distances[other], other)):
        fresh = types[ancestor].negative - negative
        negative.update(gene for gene in fresh if not any(gene in positive for positive in nearer))
        nearer.append(types[ancestor].positive)
    return evolve(types[key], negative=frozenset(negative))


@define
class _Draft:
    """A cell type while its facts are collected."""

    key: str
    label: str
    id: Optional[str]
    tissues: set[str] = field(factory=set)
    positive: dict[str, float] = field(factory=dict)
    negative: set[str] = field(factory=set)
    canonical: dict[str, None] = field(factory=dict)  # an ordered set
    sources: set[str] = field(factory=set)
    stated: dict[str, tuple[str, str, str, str]] = field(factory=dict)

    def finish(self) -> CellType:
        tissues = {tissue.strip() for cell in self.tissues for tissue in cell.split(";")}
        return CellType(
            key=self.key,
            label=self.label,
            id=self.id,
            tissues=frozenset() if GENERAL in tissues else frozenset(tissues),
            positive=self.positive,
            negative=frozenset(self.negative.difference(self.positive)),
            canonical=tuple(self.canonical),
            n_sources=min(numbers.NUMBERS.max_sources, len(set(chain.from_iterable(map(parts, self.sources))))),
            stated=self.stated,
        )


def _same_gene(gene: str, orthologs: Mapping[str, str]) -> str:
    """The human symbol of a mouse gene that is its ortholog or a numbered copy of it; else the gene itself."""
    human = orthologs.get(gene.upper(), "")
    is_copy = human and gene.upper().startswith(human) and len(gene) <= len(human) + numbers.NUMBERS.max_copy_suffix
    return human if is_copy else gene


def _base(strength: str) -> float:
    """The strength of a fact before its witnesses count."""
    used = numbers.NUMBERS
    return {"canonical": used.canonical, WEAK: used.weak}.get(strength, used.supporting)


def _witnessed(strength: str, n_sources: int, n_seen: int, n_unseen: int) -> float:
    """The factor of a fact: more with each witness, less if profiles measure the gene and none shows it."""
    used = numbers.NUMBERS
    if strength == WEAK:  # its only source does not corroborate it
        return 1.0
    factor = 1 + used.corroboration * math.log2(1 + n_sources)
    if n_seen and n_seen >= n_unseen:
        factor += used.seen
    elif not n_seen and n_unseen >= used.min_unseen:
        factor *= used.never_seen
    return factor


def _strengths(facts: Columns) -> list[float]:
    """The strength of each fact. The factors have a mean of 1, so that databases with and without witnesses compare."""
    sources = read_once(lambda cell: len(set(map(group, parts(cell)))), facts["sources"])
    seen, unseen = (read_once(lambda cell: len(parts(cell)), facts[name]) for name in ("seen", "unseen"))
    kinds = list(zip(facts["strength"], sources, seen, unseen))  # a few hundred kinds of facts
    factors = {kind: _witnessed(*kind) for kind in set(kinds)}
    positive = [factors[kind] for kind, role in zip(kinds, facts["role"]) if role == "positive"]
    mean = sum(positive) / len(positive) if positive else 1.0
    strengths = {kind: _base(kind[0]) * factor / mean for kind, factor in factors.items()}
    return [strengths[kind] for kind in kinds]


def _drafts(columns: Columns, species: str, orthologs: Mapping[str, str]) -> tuple[dict[str, _Draft], set[str]]:
    """The types with facts for a species, and the keys of all types."""
    drafts: dict[str, _Draft] = {}
    all_keys: set[str] = set()
    stated = zip(*(columns[name] for name in STATED))
    others = zip(*(columns[name] for name in COLUMNS if name not in STATED))
    for fact, witnessed, value in zip(others, stated, _strengths(columns)):
        label, cl_id, gene, fact_species, tissue, role, strength = fact
        key = cl_id or label
        all_keys.add(key)
        if fact_species not in ("both", species):
            continue
        draft = drafts.get(key) or drafts.setdefault(key, _Draft(key, label, cl_id or None))
        draft.tissues.add(tissue)
        symbol = _same_gene(gene, orthologs) if fact_species == "mouse" else gene
        if role == "negative":
            draft.negative.add(symbol)
            continue
        draft.stated.setdefault(symbol, witnessed)
        if witnessed[0]:
            draft.sources.add(witnessed[0])
        draft.positive[symbol] = max(value, draft.positive.get(symbol, 0.0))
        if strength == "canonical":
            draft.canonical[symbol] = None
    return drafts, all_keys
