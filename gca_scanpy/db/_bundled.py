"""The tables that ship with the package, each read once."""

from __future__ import annotations

import gzip
import hashlib
from functools import lru_cache
from importlib.resources import files

import pandas as pd

from gca_scanpy._core.database import COLUMNS, MarkerDatabase
from gca_scanpy._core.genes import GeneNames, read_genes
from gca_scanpy._core.lineage import Lineages, read_lineages
from gca_scanpy._core.ontology import Ontology, read_terms
from gca_scanpy._core.source_names import SourceNames, read_source_names
from gca_scanpy._core.tissues import Tissues, read_tissues

_DATA = files("gca_scanpy") / "data"
# The public tables that list a fact for the very same term, as the column ``sources`` abbreviates them.
SOURCES = {"P": "panglaodb", "M": "cellmarker2", "S": "sctype", "T": "celltypist"}


def _lines(name: str) -> list[str]:
    content = (_DATA / name).read_bytes()
    return (gzip.decompress(content) if name.endswith(".gz") else content).decode("utf-8").splitlines()


@lru_cache(maxsize=1)
def ontology() -> Ontology:
    """The Cell Ontology index."""
    return read_terms(_lines("ontology.tsv.gz"))


@lru_cache(maxsize=1)
def gene_names() -> GeneNames:
    """HGNC symbols, older names, Ensembl ids and mouse orthologs."""
    return read_genes(_lines("genes.tsv.gz"), _lines("orthologs.tsv.gz"))


@lru_cache(maxsize=1)
def lineages() -> Lineages:
    """Broad types and lineages."""
    return read_lineages(ontology(), _lines("broad_types.tsv"), _lines("lineages.tsv"))


@lru_cache(maxsize=1)
def tissues() -> Tissues:
    """The tissue vocabulary."""
    return read_tissues(_lines("tissues.tsv"))


@lru_cache(maxsize=1)
def source_names() -> SourceNames:
    """What public marker tables mean by their names."""
    return read_source_names(_lines("source_names.tsv"), ontology())


@lru_cache(maxsize=1)
def mouse_symbols() -> dict[str, str]:
    """The mouse genes that the database lists under their own name, by their upper-case form."""
    facts = database().facts
    return {gene.upper(): gene for gene in facts.loc[facts["species"].eq("mouse"), "gene"].unique()}


@lru_cache(maxsize=1)
def database() -> MarkerDatabase:
    """The project's own marker database. Governance has validated it, so it is taken as it is."""
    folder = _DATA / "markers"
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".tsv"))
    contents = [(_DATA / "cell_types.tsv").read_bytes(), *((folder / name).read_bytes() for name in names)]
    types = {row[0]: row for row in _rows(contents[0])}
    rows = [row for content in contents[1:] for row in _rows(content)]
    facts = pd.DataFrame(
        {
            "cell_type": [types[row[0]][1] for row in rows],
            "cl_id": [row[0] for row in rows],
            "gene": [row[1] for row in rows],
            "species": [row[3] or "both" for row in rows],
            "tissue": [types[row[0]][2] for row in rows],
            "role": ["negative" if row[2] == "-" else "positive" for row in rows],
            "strength": ["supporting" if row[2] == "+" else "canonical" for row in rows],
            "sources": [_sources(row[4]) for row in rows],
        },
        dtype=object,
    )[list(COLUMNS)]
    version = (folder / "VERSION").read_text(encoding="utf-8").strip()
    return MarkerDatabase(version, hashlib.sha256(b"\0".join(contents)).hexdigest(), facts)


def _rows(content: bytes) -> list[list[str]]:
    return [line.split("\t") for line in content.decode("utf-8").splitlines()[1:]]


@lru_cache(maxsize=64)
def _sources(letters: str) -> str:
    return ";".join(SOURCES[letter] for letter in letters)
