"""The tables that ship with the package, each read once."""

from __future__ import annotations

import gzip
import hashlib
from functools import lru_cache
from importlib.resources import files

import pandas as pd

from gca_scanpy._names.genes import GeneNames, read_genes
from gca_scanpy._names.labels import SourceNames, read_source_names
from gca_scanpy._names.lineages import Lineages, read_lineages
from gca_scanpy._names.ontology import Ontology, read_terms
from gca_scanpy._names.short_names import ShortNames
from gca_scanpy._names.species import SpeciesTable, read_species
from gca_scanpy._names.tissues import Tissues, read_tissues
from gca_scanpy._names.vocabulary import read_names, read_tissue_words
from gca_scanpy._names.words import read_lexicon
from gca_scanpy._reporting.palette import Palette, read_palette
from gca_scanpy._scoring.database import COLUMNS, STATED, MarkerDatabase
from gca_scanpy._scoring.witnesses import PublicSource, columns, read_sources

_DATA = files("gca_scanpy") / "data"


def _lines(name: str) -> list[str]:
    content = (_DATA / name).read_bytes()
    return (gzip.decompress(content) if name.endswith(".gz") else content).decode("utf-8").splitlines()


@lru_cache(maxsize=1)
def ontology() -> Ontology:
    """The Cell Ontology index."""
    lexicon = read_lexicon(_lines("cell_words.tsv"))
    version, terms = read_terms(_lines("ontology.tsv.gz"))
    places = read_tissue_words(tissues().names, lexicon)
    return Ontology(version, terms, lexicon, read_names(_lines("cell_names.tsv")), places, _lower_symbols)


@lru_cache(maxsize=1)
def _lower_symbols() -> frozenset[str]:
    return frozenset(symbol.lower() for symbol in gene_names().approved)


@lru_cache(maxsize=1)
def gene_names() -> GeneNames:
    """HGNC symbols, older names, Ensembl ids and mouse orthologs."""
    return read_genes(_lines("genes.tsv.gz"), _lines("orthologs.tsv.gz"))


@lru_cache(maxsize=1)
def short_names() -> dict[str, str]:
    """The short name of each type of the database."""
    return dict(line.split("\t") for line in _lines("short_names.tsv")[1:])


@lru_cache(maxsize=1)
def shortener() -> ShortNames:
    """What shortens labels."""
    return ShortNames(ontology(), short_names())


@lru_cache(maxsize=1)
def lineages() -> Lineages:
    """Broad types and lineages."""
    return read_lineages(ontology(), _lines("broad_types.tsv"), _lines("lineages.tsv"))


@lru_cache(maxsize=1)
def palette() -> Palette:
    """A color for every cell type."""
    return read_palette(ontology(), _lines("colors.tsv.gz"))


@lru_cache(maxsize=1)
def tissues() -> Tissues:
    """The tissue vocabulary."""
    return read_tissues(_lines("tissues.tsv"))


@lru_cache(maxsize=1)
def species() -> SpeciesTable:
    """The species whose genes can be read."""
    return read_species(_lines("species.tsv"))


@lru_cache(maxsize=1)
def public_sources() -> dict[str, PublicSource]:
    """The public sources of statements about markers, by their code."""
    return read_sources(_lines("sources.tsv"))


@lru_cache(maxsize=1)
def source_names() -> SourceNames:
    """The terms that public marker tables mean by their names."""
    return read_source_names(_lines("source_names.tsv"), ontology())


@lru_cache(maxsize=1)
def mouse_symbols() -> dict[str, str]:
    """The mouse symbols of the database that no human symbol equals, by their upper-case form."""
    facts = database().facts
    return {gene.upper(): gene for gene in facts.loc[facts["species"].eq("mouse"), "gene"].unique()}


@lru_cache(maxsize=1)
def database() -> MarkerDatabase:
    """The project's own marker database. Governance validates it, so it is not validated here."""
    folder = _DATA / "markers"
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".tsv"))
    contents = [(_DATA / "cell_types.tsv").read_bytes(), *((folder / name).read_bytes() for name in names)]
    cell_types, *tables = map(_rows, contents)
    labels, tissues = ({cl_id: row[column] for cl_id, *row in cell_types} for column in (0, 1))
    rows = [row for table in tables for row in table]
    codes = public_sources()
    stated = {cells: columns(codes, *cells) for cells in {tuple(row[4:]) for row in rows}}
    facts = {
        "cell_type": [labels[row[0]] for row in rows],
        "cl_id": [row[0] for row in rows],
        "gene": [row[1] for row in rows],
        "species": [row[3] or "both" for row in rows],
        "tissue": [tissues[row[0]] for row in rows],
        "role": ["negative" if row[2] == "-" else "positive" for row in rows],
        "strength": ["supporting" if row[2] == "+" else "canonical" for row in rows],
        **dict(zip(STATED, zip(*(stated[tuple(row[4:])] for row in rows)))),
    }
    version = (folder / "VERSION").read_text(encoding="utf-8").strip()
    sha256 = hashlib.sha256(b"\0".join(contents)).hexdigest()
    table = pd.DataFrame(facts, columns=pd.Index(COLUMNS, dtype=object), dtype=object)
    return MarkerDatabase(version, sha256, table)


def _rows(content: bytes) -> list[list[str]]:
    """The rows of a table, without its header."""
    return [line.split("\t") for line in content.decode("utf-8").splitlines()[1:]]
