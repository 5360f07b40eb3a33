"""From markers and tissues to what is scored: species, canonical symbols, and warnings about gene names."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import filterfalse
from typing import Any, Optional, Union

import numpy as np
import pandas as pd
from attrs import define, evolve, field

from gca_scanpy._names import genes
from gca_scanpy._names.genes import dates_among, genome_of
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
    shown,
    warn,
)

Tissue = Union[str, Sequence[str], Mapping[Any, Union[str, Sequence[str], None]], None]
Place = Union[str, Mapping[str, str], None]  # a tissue that was read; several tissues are joined by commas
NOT_STATED = ("na", "n/a", "nan", "none", "unknown", "unspecified")  # these say that the tissue is not known
MIN_KNOWN = 1 / 3  # share of the marker genes in the database, below which the user is warned,
MIN_OF_TABLE = 1 / 2  # unless this share of the genes of the database is among them
EXAMPLES = 4
KEPT_INDEXES = 8
_INDEXES: dict[tuple[str, str, Numbers], MarkerIndex] = {}


def tissues_of(markers: Sequence[ClusterMarkers], place: Place) -> dict[str, tuple[str, ...]]:
    """Canonical tissues by cluster; empty for a cluster without a tissue.

    Raises
    ------
    InputError
        If ``tissue`` names a cluster that does not exist.
    """
    ids = [c.cluster_id for c in markers]
    by_cluster = place if isinstance(place, Mapping) else dict.fromkeys(ids, place) if place else {}
    check_ids("tissue", by_cluster, ids)
    vocabulary = _bundled.tissues()
    read = {text: vocabulary.read(text).tissues for text in set(by_cluster.values()) if text}
    return {key: read.get(by_cluster.get(key) or "", ()) for key in ids}


def check_tissue(tissue: Tissue) -> Place:
    """The tissue as text, or as text by cluster, once every name in it is understood.

    Raises
    ------
    InputError
        If a name is unknown or not text.
    """
    if not isinstance(tissue, Mapping):
        return _text(tissue)
    texts = {str(key): _text(names) for key, names in tissue.items()}
    return {key: text for key, text in texts.items() if text is not None}


def _text(names: Any) -> Optional[str]:
    """One or several names as text, or None without a name, such as for a missing value of a table."""
    if names is None or names is pd.NA or (isinstance(names, float) and names != names):
        return None
    many = names
    if isinstance(names, str):
        many = [names]
    elif isinstance(names, (np.ndarray, pd.Index, pd.api.extensions.ExtensionArray)):  # the distinct values of a column
        many = list(np.ravel(names))
    elif isinstance(names, (set, frozenset)):  # the order of the tissues changes no answer
        many = sorted(names, key=str)
    if not isinstance(many, (list, tuple)) or not all(isinstance(name, str) for name in many):
        msg = (
            f"tissue contains {shown(names)}, of type {type(names).__name__}; give a name such as 'blood', a list of "
            "names, or a dict that maps cluster ids to these"
        )
        raise InputError(msg)
    texts = [name.strip() for name in many if name.strip() and name.strip().casefold() not in NOT_STATED]
    for text in texts:
        _check(text)
    return ", ".join(texts) or None


def _check(text: str) -> None:
    vocabulary = _bundled.tissues()
    reading = vocabulary.read(text)
    if reading.corrected:
        warn(f"tissue {text!r} is not known; it was read as {reading.corrected!r}", UnknownTissueWarning)
    if not reading.tissues:
        near = ", ".join(vocabulary.nearest(text))
        known = f"the nearest known: {near}" if near else f"known are: {', '.join(sorted(vocabulary.canonical))}"
        msg = f"tissue {text!r} is not known; {known}. If none of them fits, leave the tissue out"
        raise InputError(msg)


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


def check_species(species: object) -> str:
    """The common name of a species, from its common or Latin name or its NCBI taxon id.

    Raises
    ------
    UnknownSpeciesError
        If its genes cannot be read.
    """
    table = _bundled.species()
    known = table.find(species)
    if known is None:
        near = table.nearest(species) if isinstance(species, str) else []
        hint = f" Did you mean {' or '.join(near)}?" if near else ""
        msg = (
            f"species={shown(species)} is not known; known are: {', '.join(table.names)}; by common name, Latin name "
            f"or NCBI taxon id.{hint} For another species, map its genes to human symbols and pass species='human'"
        )
        raise UnknownSpeciesError(msg)
    return known.name


def genes_of(species: str) -> str:
    """The species, human or mouse, whose gene symbols and markers are used for a species."""
    known = _bundled.species().find(species)
    return known.genes_of if known else species


def index_of(database: MarkerDatabase, species: str) -> MarkerIndex:
    """The index of a database. It is kept, because building one takes longer than scoring with it."""
    key = (database.sha256, species, numbers.NUMBERS)
    if key not in _INDEXES:
        if len(_INDEXES) >= KEPT_INDEXES:
            _INDEXES.clear()
        with _bundled.uncollected():
            orthologs, priors = _bundled.gene_names().orthologs, _bundled.priors()
            built = index.build(database, genes_of(species), _bundled.lineages(), orthologs, priors)
        _INDEXES[key] = evolve(built, species=species)
    return _INDEXES[key]


def canonical(
    markers: Sequence[ClusterMarkers], tissue: Place, marker_index: MarkerIndex
) -> tuple[list[ClusterMarkers], list[str]]:
    """The markers with canonical symbols and the tissue of each cluster, and warnings about the gene names.

    Raises
    ------
    NoOverlapError
        If no gene is a gene symbol of the species or of the database.
    """
    names = list(dict.fromkeys(g.name for c in markers for g in (*c.genes, *c.expressed, *c.present, *c.absent)))
    nomenclature = _bundled.gene_names()
    foreign = _of_other_genomes(names, marker_index)
    read = (name for name in names if name not in foreign)
    found = nomenclature.canonical_all(read, marker_index.genes_of, marker_index.known)
    symbols = {name: found.get(name) for name in names}
    # Thousands of genes are in many clusters: one object for each.
    genes_by_name = {name: RankedGene(nomenclature.shown(name), symbol) for name, symbol in symbols.items()}
    clusters = [_with_symbols(cluster, tissue, genes_by_name, marker_index) for cluster in markers]
    if markers and isinstance(markers[0].measured, frozenset):  # the same for all clusters
        measured = _Measured(markers[0].measured, marker_index)
        clusters = [evolve(cluster, measured=measured) for cluster in clusters]
    find = markers[0].find_activity if markers else None  # the same for all clusters, too
    if find is not None:
        shared = find(symbols, frozenset(marker_index.known.values()))
        clusters = [evolve(cluster, activity=shared, find_activity=None) for cluster in clusters]
    return clusters, _gene_warnings(clusters, marker_index, names, foreign)


def genes_of_matrix(labels: Sequence[str], marker_index: MarkerIndex) -> list[RankedGene]:
    """All genes of a matrix with their canonical symbols, in the order of its columns."""
    names = _bundled.gene_names()
    symbols = names.canonical_all(labels, marker_index.genes_of, marker_index.known)
    foreign = _of_other_genomes(labels, marker_index)
    return [RankedGene(names.shown(name), None if name in foreign else symbols[name]) for name in labels]


@lru_cache(maxsize=1)  # runs on the same data ask for the same
def _other_symbols(names: frozenset[str], marker_index: MarkerIndex) -> frozenset[Optional[str]]:
    """The symbols of names that are no names themselves."""
    read = _bundled.gene_names().canonical_all(names, marker_index.genes_of, marker_index.known)
    return frozenset(read.values()) - names


@define(eq=False)
class _Measured:
    """The genes of the data, to be searched by canonical symbol.

    Nearly all symbols are names of the data, so these are changed, and then mapped, only for one that is not.
    """

    names: frozenset[str]
    index: MarkerIndex
    _capitals: Optional[frozenset[str]] = field(default=None, init=False)  # of the names that are not in capitals
    _symbols: Optional[frozenset[Optional[str]]] = field(default=None, init=False)  # that are no names

    def __contains__(self, symbol: object) -> bool:
        capitals = str(symbol).upper()
        if capitals in self.names:
            return True
        if self._capitals is None:
            self._capitals = frozenset(upper for name in self.names if (upper := name.upper()) != name)
        if capitals not in self._capitals and self._symbols is None:
            self._symbols = _other_symbols(self.names, self.index)
        return capitals in self._capitals or symbol in (self._symbols or ())


def _with_symbols(
    cluster: ClusterMarkers,
    tissue: Place,
    named: Mapping[str, RankedGene],
    marker_index: MarkerIndex,
) -> ClusterMarkers:
    def all_genes(ranked: Sequence[RankedGene]) -> tuple[RankedGene, ...]:
        # Without a matrix, all levels are those of the named genes.
        return tuple(
            known if known.level == gene.level else evolve(known, level=gene.level)
            for gene, known in ((gene, named[gene.name]) for gene in ranked)
        )

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


def _gene_warnings(
    clusters: Sequence[ClusterMarkers], marker_index: MarkerIndex, all_names: Sequence[str], foreign: Collection[str]
) -> list[str]:
    """Warn up front if names are not what they should be, or few are known; raise if none can be."""
    symbols = {gene.name: gene.symbol for cluster in clusters for gene in cluster.genes}
    n_known = sum(1 for symbol in symbols.values() if symbol in marker_index.hits)
    names = list(symbols)
    counts = (
        f"{n_known} of the {len(symbols)} distinct marker genes are among "
        f"the {len(marker_index.hits)} genes of the database"
    )
    messages = _remarks(all_names, foreign, symbols, marker_index)
    if symbols and not any(symbols.values()):
        msg = (
            f"{counts} ({_examples(names, marker_index)}). None is a {marker_index.species} gene symbol; name the "
            "column of .var that holds symbols with gene_symbols="
        )
        raise NoOverlapError(". ".join([msg, *messages]))
    # A short table of one's own has few genes, which is no fault of the names if most of them are there.
    if symbols and n_known < MIN_KNOWN * len(symbols) and n_known < MIN_OF_TABLE * len(marker_index.hits):
        messages.append(f"only {counts}; clusters may be Unknown for that reason ({_examples(names, marker_index)})")
    for message in messages:
        warn(message, GeneNameWarning)
    return messages


def _examples(names: Sequence[str], marker_index: MarkerIndex) -> str:
    first = heapq.nsmallest(EXAMPLES, marker_index.hits)
    return f"yours: {', '.join(names[:EXAMPLES])}; the database's: {', '.join(first)}"


def _remarks(
    all_names: Sequence[str], foreign: Collection[str], symbols: Mapping[str, Optional[str]], marker_index: MarkerIndex
) -> list[str]:
    """The warnings about names that are dates or belong to another species.

    Parameters
    ----------
    all_names
        The names of all genes of the run.
    foreign
        Those that are not read, because their genome is that of another species.
    symbols
        Symbols by the name of each marker gene.
    """
    names, species, base = list(symbols), marker_index.species, marker_index.genes_of
    odd, total = _not_current(all_names), len(all_names)
    dates, genomes = dates_among(odd, total), {genome_of(name) for name in odd}
    remarks = []
    if dates:
        remarks.append(
            f"{len(dates)} of {total} gene names are dates, into which a spreadsheet changed them "
            f"({', '.join(dates[:EXAMPLES])}); they count as no gene. Restore the symbols (1-Mar was MARCHF1 or "
            "MTARC1, 2-Sep SEPTIN2), or export the table again with the gene column as text"
        )
    if foreign:
        others = sorted({genome_of(name) or "" for name in foreign})
        remarks.append(
            f"{len(foreign)} of {total} genes have the genome of {', '.join(others)}; only those of {species} "
            f"are read ({', '.join(list(foreign)[:EXAMPLES])} are not)"
        )
    elif genomes and len(odd) == total and genomes.isdisjoint((None, species, base)):
        others = sorted(genome for genome in genomes if genome)
        remarks.append(
            f"the gene names state the genome of {', '.join(others)}, and species is {species}; is that right?"
        )
    if species != base:
        n_read = sum(1 for symbol in symbols.values() if symbol is not None)
        remarks.append(
            f"{n_read} of the {len(names)} distinct marker genes of {species} were read by their symbols as genes of "
            f"{base}, whose markers are used; confidence is at most Medium"
        )
    elif species == "human" and genes.looks_like_mouse(names):
        remarks.append("the gene names are written as mouse genes are, and species is human; is it mouse?")
    elif species == "mouse" and genes.looks_like_human(names):
        remarks.append("the gene names are written as human genes are, and species is mouse; is it human?")
    return remarks


def _of_other_genomes(names: Sequence[str], marker_index: MarkerIndex) -> dict[str, None]:
    """The names with the genome of a species that was not asked for, if other names are there; in the given order.

    If all names have that genome, the species of the call is probably wrong: they are read, with a warning.
    """
    asked = (None, marker_index.species, marker_index.genes_of)
    foreign = {name: None for name in _not_current(names) if genome_of(name) not in asked}
    return foreign if len(foreign) < len(names) else {}


def _not_current(names: Iterable[str]) -> list[str]:
    """The names that are no current symbols; only these can be dates or have a genome."""
    return list(filterfalse(_bundled.gene_names().is_current, names))
