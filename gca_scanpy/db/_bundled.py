"""The tables that ship with the package, each read once."""

from __future__ import annotations

import gzip
import io
from functools import lru_cache
from importlib.resources import files

import pandas as pd

from gca_scanpy._core.database import COLUMNS, MarkerDatabase, fingerprint
from gca_scanpy._core.genes import GeneNames, read_genes
from gca_scanpy._core.lineage import Lineages, read_lineages
from gca_scanpy._core.ontology import Ontology, read_terms
from gca_scanpy._core.tissues import Tissues, read_tissues

_DATA = files("gca_scanpy") / "data"


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
def database() -> MarkerDatabase:
    """The project's own marker database. Governance has validated it, so it is taken as it is."""
    folder = _DATA / "markers"
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".tsv"))
    frames = [_frame((folder / name).read_bytes()) for name in names]
    version = (folder / "VERSION").read_text(encoding="utf-8").strip()
    facts = pd.concat(frames, ignore_index=True)[list(COLUMNS)]
    return MarkerDatabase(version, fingerprint(facts), facts)


def _frame(content: bytes) -> pd.DataFrame:
    return pd.read_csv(io.BytesIO(content), sep="\t", dtype=str, keep_default_na=False, na_filter=False)
