"""From a user's markers to cases: canonical symbols, tissues, and what must be said of the genes up front."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence
from typing import Optional, Union

from attrs import define, evolve, field

from gca_scanpy._names import genes
from gca_scanpy._scoring import index, numbers
from gca_scanpy._scoring.database import MarkerDatabase
from gca_scanpy._scoring.index import MarkerIndex
from gca_scanpy._scoring.numbers import Numbers
from gca_scanpy._steps import ClusterMarkers, RankedGene
from gca_scanpy.db import _bundled
from gca_scanpy.errors import (
    GeneNameWarning,
    InputError,
    NoOverlapError,
    UnknownSpeciesError,
    UnknownTissueWarning,
    warn,
)

Tissue = Union[str, Mapping[str, str], None]
MIN_KNOWN = 1 / 3  # share of the marker genes in the database, below which the user is warned
EXAMPLES = 4
KEPT_INDEXES = 8
SPECIES_NAMES = {"homo sapiens": "human", "hs": "human", "mus musculus": "mouse", "mm": "mouse"}
_INDEXES: dict[tuple[str, str, Numbers], MarkerIndex] = {}


def check_species(species: str) -> str:
    """The species in the form of the database.

    Raises
    ------
    UnknownSpeciesError
        If the database does not have it.
    """
    name = str(species).strip().casefold()
    name = SPECIES_NAMES.get(name, name)
    if name not in genes.SPECIES:
        msg = f"species={species!r} is not known; known are: {', '.join(genes.SPECIES)}"
        raise UnknownSpeciesError(msg)
    return name


def index_of(database: MarkerDatabase, species: str) -> MarkerIndex:
    """The index of a database. It is kept, because building one takes longer than scoring with it."""
    key = (database.sha256, species, numbers.NUMBERS)
    if key not in _INDEXES:
        if len(_INDEXES) >= KEPT_INDEXES:
            _INDEXES.clear()
        _INDEXES[key] = index.build(database, species, _bundled.lineages(), _bundled.gene_names().orthologs)
    return _INDEXES[key]


def canonical(
    markers: Sequence[ClusterMarkers], tissue: Tissue, marker_index: MarkerIndex
) -> tuple[list[ClusterMarkers], list[str]]:
    """The markers with canonical symbols and the tissue of each cluster, and warnings about the gene names.

    Raises
    ------
    NoOverlapError
        If no gene is a gene symbol of the species or of the database.
    """
    names = (gene.name for c in markers for gene in (*c.genes, *c.expressed, *c.present, *c.absent))
    nomenclature = _bundled.gene_names()
    symbols = nomenclature.canonical_all(names, marker_index.species, marker_index.known)
    # Thousands of genes are in many clusters: one object for each.
    genes_by_name = {name: RankedGene(nomenclature.shown(name), symbol) for name, symbol in symbols.items()}
    clusters = [_with_symbols(cluster, tissue, genes_by_name, marker_index) for cluster in markers]
    if markers and isinstance(markers[0].measured, frozenset):  # the same for all clusters
        measured = _Measured(markers[0].measured, marker_index)
        clusters = [evolve(cluster, measured=measured) for cluster in clusters]
    return clusters, _gene_warnings(clusters, marker_index)


@define(eq=False)
class _Measured:
    """The genes of the data, to be searched by canonical symbol.

    Nearly all symbols are names of the data, so the names are mapped only if one is not: that takes as long as scoring.
    """

    names: frozenset[str]
    index: MarkerIndex
    _capitals: frozenset[str] = field(init=False)
    _symbols: Optional[frozenset[Optional[str]]] = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        self._capitals = frozenset(map(str.upper, self.names))

    def __contains__(self, symbol: object) -> bool:
        if str(symbol).upper() in self._capitals:
            return True
        if self._symbols is None:
            symbols = _bundled.gene_names().canonical_all(self.names, self.index.species, self.index.known)
            self._symbols = frozenset(symbols.values())
        return symbol in self._symbols


def _with_symbols(
    cluster: ClusterMarkers,
    tissue: Tissue,
    named: Mapping[str, RankedGene],
    marker_index: MarkerIndex,
) -> ClusterMarkers:
    def all_genes(ranked: Sequence[RankedGene]) -> tuple[RankedGene, ...]:
        return tuple(named[gene.name] for gene in ranked)

    def known_genes(many: Sequence[RankedGene]) -> tuple[RankedGene, ...]:
        return tuple(gene for gene in all_genes(many) if gene.symbol and gene.symbol.upper() in marker_index.known)

    return evolve(
        cluster,
        genes=all_genes(cluster.genes),
        expressed=all_genes(cluster.expressed),
        present=known_genes(cluster.present),
        absent=known_genes(cluster.absent),
        tissue=tissue.get(cluster.cluster_id) if isinstance(tissue, Mapping) else tissue,
    )


def tissues_of(markers: Sequence[ClusterMarkers], tissue: Tissue) -> dict[str, tuple[str, ...]]:
    """Canonical tissues by cluster; a name outside the vocabulary is warned about once.

    Raises
    ------
    InputError
        If ``tissue`` names a cluster that does not exist.
    """
    ids = [c.cluster_id for c in markers]
    if isinstance(tissue, Mapping):
        by_cluster = {str(key): value for key, value in tissue.items()}
        check_ids("tissue", by_cluster, ids)
    else:
        by_cluster = dict.fromkeys(ids, tissue) if tissue else {}
    vocabulary = _bundled.tissues()
    resolved = {text: vocabulary.resolve(text) for text in dict.fromkeys(by_cluster.values()) if text}
    for text, tissues in resolved.items():
        if not tissues:
            nearest = ", ".join(vocabulary.nearest(text))
            known = (
                f"the nearest known: {nearest}" if nearest else f"known are: {', '.join(sorted(vocabulary.canonical))}"
            )
            warn(f"tissue {text!r} is not known, so it is not used; {known}", UnknownTissueWarning)
    return {key: resolved.get(by_cluster.get(key, ""), ()) for key in ids}


def check_ids(name: str, named: Iterable[str], ids: Sequence[str], why: str = "that do not exist") -> None:
    """Refuse an argument that names clusters which do not exist.

    Raises
    ------
    InputError
        It lists those, and the first clusters that there are.
    """
    strangers = [key for key in named if key not in ids]
    if strangers:
        msg = f"{name} names clusters {why}: {', '.join(strangers[:5])}; the clusters are: {', '.join(ids[:12])}"
        raise InputError(msg)


def _gene_warnings(clusters: Sequence[ClusterMarkers], marker_index: MarkerIndex) -> list[str]:
    """Warn up front if the database knows few genes; raise if it can know none."""
    symbols = {gene.name: gene.symbol for cluster in clusters for gene in cluster.genes}
    n_known = sum(1 for symbol in symbols.values() if symbol in marker_index.hits)
    names = list(symbols)
    counts = (
        f"{n_known} of the {len(symbols)} distinct marker genes are among "
        f"the {len(marker_index.hits)} genes of the database"
    )
    first = heapq.nsmallest(EXAMPLES, marker_index.hits)
    examples = f"yours: {', '.join(names[:EXAMPLES])}; the database's: {', '.join(first)}"
    if symbols and not any(symbols.values()):
        msg = (
            f"{counts} ({examples}). None is a {marker_index.species} gene symbol; name the column of .var that holds "
            "symbols with gene_symbols="
        )
        raise NoOverlapError(msg)
    messages = []
    if symbols and n_known < MIN_KNOWN * len(symbols):
        messages.append(f"only {counts}; clusters may be Unknown for that reason ({examples})")
    if marker_index.species == "human" and genes.looks_like_mouse(names):
        messages.append("the gene names are written as mouse genes are, and species is human; is it mouse?")
    if marker_index.species == "mouse" and genes.looks_like_human(names):
        messages.append("the gene names are written as human genes are, and species is mouse; is it human?")
    for message in messages:
        warn(message, GeneNameWarning)
    return messages
