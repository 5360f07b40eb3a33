"""The tables that ship with the package, each read once."""

from __future__ import annotations

import gc
import gzip
import hashlib
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache, partial
from importlib.resources import files
from itertools import chain

from gca_scanpy._names.genes import GeneNames, read_genes
from gca_scanpy._names.labels import ShortNames, SourceNames, read_source_names
from gca_scanpy._names.ontology import Lineages, Ontology, read_lineages, read_terms
from gca_scanpy._names.origins import SpeciesTable, Tissues, read_species, read_tissues
from gca_scanpy._names.vocabulary import read_names, read_tissue_words
from gca_scanpy._names.words import read_lexicon
from gca_scanpy._reporting.colors import Palette, read_palette
from gca_scanpy._reporting.receipts import Describer, Receipts
from gca_scanpy._reporting.references import Reference, collect
from gca_scanpy._scoring.database import STATED, MarkerDatabase
from gca_scanpy._scoring.facts import PublicSource, named_columns, read_sources
from gca_scanpy._scoring.index import Priors, read_priors
from gca_scanpy.model import DatasetReport

_DATA = files("gca_scanpy") / "data"


@contextmanager
def uncollected() -> Iterator[None]:
    """Make many lasting objects without the garbage collector, which would search all objects of the program for each.

    In a process with Scanpy, it would take as long as the making of an index.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


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
    return read_genes(partial(_lines, "genes.tsv.gz"), _lines("orthologs.tsv.gz"))


@lru_cache(maxsize=1)
def short_names() -> dict[str, str]:
    """The short name of each type of the database."""
    return dict(line.split("\t") for line in _lines("short_names.tsv")[1:])


@lru_cache(maxsize=1)
def surface_proteins() -> dict[str, str]:
    """The CD names of surface proteins, which the HLDA workshops of HCDM (hcdm.org) give, by the symbol of the gene."""
    return dict(line.split("\t") for line in _lines("surface_proteins.tsv")[1:])


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
def priors() -> Priors:
    """How usual each type of the database is in each tissue."""
    return read_priors(_lines("priors.tsv"))


@lru_cache(maxsize=1)
def species() -> SpeciesTable:
    """The species whose genes can be read."""
    return read_species(_lines("species.tsv"))


@lru_cache(maxsize=1)
def public_sources() -> dict[str, PublicSource]:
    """The public sources of statements about markers, by their code."""
    return read_sources(_lines("sources.tsv"))


@lru_cache(maxsize=1)
def sources_by_name() -> dict[str, PublicSource]:
    """The public sources by the names that tables of facts and reports have."""
    return {source.name: source for source in public_sources().values()}


def receipts(report: DatasetReport) -> Receipts:
    """The witnesses of a report in words."""
    return Receipts(report.witnesses, Describer(ontology(), sources_by_name()))


@lru_cache(maxsize=1)
def citations() -> dict[tuple[str, str], list[tuple[str, tuple[str, ...]]]]:
    """The ASCT+B tables that state a fact, with their references, by id of the type and gene."""
    cited: dict[tuple[str, str], list[tuple[str, tuple[str, ...]]]] = {}
    for cl_id, gene, table, references in (line.split("\t") for line in _lines("citations.tsv")[1:]):
        cited.setdefault((cl_id, gene), []).append((table, tuple(filter(None, references.split(";")))))
    return cited


def references(report: DatasetReport) -> list[Reference]:
    """What to cite for the evidence that a report shows."""
    cited = citations()
    known, names = {gene.upper(): gene for _, gene in cited}, gene_names()
    genes_of = report.provenance.genes_of or "human"

    def tables(fact_of: str, gene: str) -> Sequence[tuple[str, Sequence[str]]]:
        return cited.get((fact_of, names.canonical(gene, genes_of, known) or gene), ())

    return collect(report, sources_by_name(), tables)


@lru_cache(maxsize=1)
def decisions() -> dict[tuple[str, str], tuple[str, str]]:
    """What was decided about facts that sources contradict, and why, by id of the type and gene."""
    rows = (line.split("\t") for line in _lines("decisions.tsv")[1:])
    return {(cl_id, gene): (decision, reason) for cl_id, gene, decision, _, reason in rows}


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
    version = (_DATA / "markers" / "VERSION").read_text(encoding="utf-8").strip()
    return MarkerDatabase(version, hashlib.sha256(b"\0".join(_marker_tables())).hexdigest(), _facts)


def _marker_tables() -> list[bytes]:
    """The table of the types, and those of the facts."""
    folder = _DATA / "markers"
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".tsv"))
    return [(_DATA / "cell_types.tsv").read_bytes(), *((folder / name).read_bytes() for name in names)]


def _facts() -> dict[str, list[str]]:
    """The columns of the facts."""
    (type_ids, labels, tissues), *tables = map(_columns, _marker_tables())
    ids, genes, marks, species, *witnesses = map(list, map(chain.from_iterable, zip(*tables)))
    label, tissue = dict(zip(type_ids, labels)), dict(zip(type_ids, tissues))
    return {
        "cell_type": [label[cl_id] for cl_id in ids],
        "cl_id": ids,
        "gene": genes,
        "species": [name or "both" for name in species],
        "tissue": [tissue[cl_id] for cl_id in ids],
        "role": ["negative" if mark == "-" else "positive" for mark in marks],
        "strength": ["supporting" if mark == "+" else "canonical" for mark in marks],
        **dict(zip(STATED, named_columns(public_sources(), *witnesses))),
    }


def _columns(content: bytes) -> list[list[str]]:
    """The columns of a table, without its header."""
    header, *lines = content.decode("utf-8").splitlines()
    # One split of the whole table takes a third of the time of a split per row.
    cells, width = "\t".join(lines).split("\t"), header.count("\t") + 1
    cells = list(map(sys.intern, cells))  # most of them are in many facts, and need the memory of one
    return [cells[column::width] for column in range(width)]
