"""From a gene name to its canonical symbol: case, older names, orthologs, Ensembl ids, composite names."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from functools import cached_property
from typing import Optional

from attrs import frozen

SPECIES = ("human", "mouse")
MIN_SYMBOLS = 5  # symbols; with fewer, the species is not guessed from their case
MOUSE_SHARE, HUMAN_SHARE = 0.6, 0.8  # more than this share of the symbols is written in the case of the species
ENSEMBL = re.compile(r"^ENS[A-Z]*G\d{6,}(\.\d+)?$", re.IGNORECASE)
# TSPAN6_ENSG00000000003, ENSG00000000003_TSPAN6, ENSG00000000003.14|TSPAN6
_COMPOSITE = re.compile(
    r"^(?:(?P<first>.+?)[_|:]ENS[A-Z]*G\d{6,}(?:\.\d+)?|ENS[A-Z]*G\d{6,}(?:\.\d+)?[_|:](?P<last>.+))$", re.IGNORECASE
)
# Cell Ranger prefixes genes with the genome if it has more than one; GENCODE marks genes that are on both X and Y.
_DECORATION = re.compile(r"^(?:GRCh3[78]|hg19|hg38|GRCm3[89]|mm9|mm10|mm39)_+|_PAR_Y$", re.IGNORECASE)
_PROTEIN = re.compile(r"^(?:AB|ADT|prot|HTO)[_:-]|_(?:TotalSeq[ABC]?|ADT|prot)$", re.IGNORECASE)
# Entrez ids (a column with NaN turns them into floats) and missing names (make_unique may number them). Each of them is
# also an alias of some gene ("52", "NAN", "NA").
_NO_SYMBOL = re.compile(r"[\d.\-]*|(?:nan|none|na|<na>)(?:[-.]\d+)?", re.IGNORECASE)


@frozen(slots=False)
class GeneNames:
    """Nomenclature tables.

    Attributes
    ----------
    approved
        Current HGNC symbols by their upper-case form.
    older
        Current symbols by previous symbols and aliases in upper case, without ambiguous names.
    ensembl_numbers
        Current symbols by the digits of a human Ensembl gene id, without ``ENSG`` and leading zeros.
    orthologs
        Human symbols by mouse symbol in upper case, if the two differ in more than case.
    """

    approved: Mapping[str, str]
    older: Mapping[str, str]
    ensembl_numbers: Mapping[str, str]
    orthologs: Mapping[str, str]

    @cached_property
    def ensembl(self) -> Mapping[str, str]:
        """Current symbols by human Ensembl gene id without version; built on demand, since few data sets need it."""
        return {f"ENSG{number.zfill(11)}": symbol for number, symbol in self.ensembl_numbers.items()}

    def canonical(self, name: str, species: str, known: Mapping[str, str]) -> Optional[str]:
        """The canonical symbol of a gene, or None if it cannot be mapped.

        Parameters
        ----------
        name
            Gene name as in the data.
        species
            ``human`` or ``mouse``. A mouse gene is mapped to the symbol of its human ortholog.
        known
            Symbols of the database by their upper-case form. They outrank the tables, so that a mouse gene that the
            database lists under its own name (``Ly6c2``) keeps that name.
        """
        text = clean(name)
        if not text:
            return None
        key = text.upper()
        if ENSEMBL.match(key):
            return self.ensembl.get(key.split(".")[0])
        if key in known:
            return known[key]
        if species == "mouse" and key in self.orthologs:
            return self.orthologs[key]
        # R's make.names and make.unique, and Scanpy's var_names_make_unique, produce HLA.A, NKX2.1 and MATR3-1.
        for form in (key, key.replace(".", "-"), re.sub(r"[-.]\d{1,2}$", "", key)):
            symbol = known.get(form) or self.approved.get(form) or self.older.get(form)
            if symbol is not None:
                return symbol
        return None

    def canonical_all(self, names: Iterable[str], species: str, known: Mapping[str, str]) -> dict[str, Optional[str]]:
        """The canonical symbol of each distinct name."""
        return {name: self.canonical(name, species, known) for name in dict.fromkeys(names)}

    def shown(self, name: str) -> str:
        """The name of a gene in evidence, tables and plots: as in the data, but a symbol instead of an Ensembl id."""
        if "ENS" not in name.upper():
            return name
        symbol = clean(name)
        if ENSEMBL.match(symbol):
            return self.ensembl.get(symbol.upper().split(".")[0], name)
        return symbol or name


def clean(name: str) -> str:
    """The symbol inside a gene name of a count matrix; empty for protein features, bare numbers and missing names."""
    text, previous = str(name), None
    while text != previous:
        previous = text
        text = _DECORATION.sub("", text.strip().strip("\"'[](){}"))
        composite = _COMPOSITE.match(text)
        if composite:
            text = composite["first"] or composite["last"]
    return "" if _PROTEIN.search(text) or _NO_SYMBOL.fullmatch(text) else text


def looks_like_mouse(names: Collection[str]) -> bool:
    """Whether most names look like mouse symbols: one capital, then lower-case letters (``Cd3e``)."""
    words = _symbol_like(names)
    title = sum(1 for word in words if word[0].isupper() and word[1:] == word[1:].lower())
    return len(words) >= MIN_SYMBOLS and title > MOUSE_SHARE * len(words)


def looks_like_human(names: Collection[str]) -> bool:
    """Whether most names look like human symbols: capitals only (``CD3E``)."""
    words = _symbol_like(names)
    return len(words) >= MIN_SYMBOLS and sum(1 for word in words if word == word.upper()) > HUMAN_SHARE * len(words)


def read_genes(genes: Iterable[str], orthologs: Iterable[str]) -> GeneNames:
    """Read the tables from the lines of ``genes.tsv`` and ``orthologs.tsv``, header first."""
    approved, older, ensembl = {}, {}, {}
    stream = iter(genes)
    next(stream)
    for line in stream:
        symbol, number, names = line.rstrip("\n").split("\t")
        approved[symbol.upper()] = symbol
        if number:
            ensembl[number] = symbol
        for name in names.split(",") if names else ():
            older[name] = symbol
    stream = iter(orthologs)
    next(stream)
    pairs = (line.rstrip("\n").split("\t") for line in stream)
    return GeneNames(approved, older, ensembl, {mouse.upper(): human for mouse, human in pairs})


def _symbol_like(names: Collection[str]) -> list[str]:
    """The names that begin with two letters and are no Ensembl ids, so that their case shows the species."""
    return [word for word in map(clean, names) if len(word) > 2 and word[:2].isalpha() and not ENSEMBL.match(word)]
