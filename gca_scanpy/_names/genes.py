"""Gene names to canonical symbols: case, older names, orthologs, Ensembl ids, composites."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from functools import cached_property
from typing import Optional

from attrs import frozen

ENSEMBL = re.compile(r"^ENS[A-Z]*G\d{6,}(\.\d+)?$", re.IGNORECASE)
# TSPAN6_ENSG00000000003, ENSG00000000003_TSPAN6, ENSG00000000003.14|TSPAN6
_COMPOSITE = re.compile(
    r"^(?:(?P<first>.+?)[_|:]ENS[A-Z]*G\d{6,}(?:\.\d+)?|ENS[A-Z]*G\d{6,}(?:\.\d+)?[_|:](?P<last>.+))$", re.IGNORECASE
)
# Cell Ranger prefixes genes with the genome where it was given more than one; GENCODE marks genes on both X and Y.
_DECORATION = re.compile(r"^(?:GRCh3[78]|hg19|hg38|GRCm3[89]|mm9|mm10|mm39)_+|_PAR_Y$", re.IGNORECASE)
_PROTEIN = re.compile(r"^(?:AB|ADT|prot|HTO)[_:-]|_(?:TotalSeq[ABC]?|ADT|prot)$", re.IGNORECASE)
# Entrez ids, also as the floats that NaN makes of them, and missing names, also as make_unique numbers them: each is
# some gene's alias too ("52", "NAN", "NA").
_NO_SYMBOL = re.compile(r"[\d.\-]*|(?:nan|none|na|<na>)(?:[-.]\d+)?", re.IGNORECASE)
SPECIES = ("human", "mouse")


@frozen(slots=False)
class GeneNames:
    """Nomenclature tables.

    Attributes
    ----------
    approved
        Current HGNC symbols by their upper-case form.
    older
        Current symbols by previous symbols and aliases, upper case; ambiguous names are left out.
    ensembl_numbers
        Current symbols by what follows ``ENSG`` and the zeros in a human Ensembl gene id.
    orthologs
        Human symbols by mouse symbol in upper case, where they are not the same word.
    """

    approved: Mapping[str, str]
    older: Mapping[str, str]
    ensembl_numbers: Mapping[str, str]
    orthologs: Mapping[str, str]

    @cached_property
    def ensembl(self) -> Mapping[str, str]:
        """Current symbols by human Ensembl gene id without version; made when one is met, for few data have them."""
        return {f"ENSG{number.zfill(11)}": symbol for number, symbol in self.ensembl_numbers.items()}

    def canonical(self, name: str, species: str, known: Mapping[str, str]) -> Optional[str]:
        """The canonical symbol of a gene, or None where it cannot be mapped.

        Parameters
        ----------
        name
            Gene as the data has it.
        species
            ``human`` or ``mouse``. Mouse genes are mapped to the human ortholog's symbol.
        known
            Symbols of the database by their upper-case form; they outrank the tables, so that mouse genes
            which the database lists under their own name (``Ly6c2``) keep it.
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
        # R's make.names and make.unique, and Scanpy's var_names_make_unique, leave HLA.A, NKX2.1 and MATR3-1.
        for form in (key, key.replace(".", "-"), re.sub(r"[-.]\d{1,2}$", "", key)):
            symbol = known.get(form) or self.approved.get(form) or self.older.get(form)
            if symbol is not None:
                return symbol
        return None

    def canonical_all(self, names: Iterable[str], species: str, known: Mapping[str, str]) -> dict[str, Optional[str]]:
        """The canonical symbol of each distinct name."""
        return {name: self.canonical(name, species, known) for name in dict.fromkeys(names)}


def clean(name: str) -> str:
    """The symbol inside a gene name as count matrices have them; empty for protein features and bare numbers."""
    text, before = str(name), None
    while text != before:
        before = text
        text = _DECORATION.sub("", text.strip().strip("\"'[](){}"))
        composite = _COMPOSITE.match(text)
        if composite:
            text = composite["first"] or composite["last"]
    return "" if _PROTEIN.search(text) or _NO_SYMBOL.fullmatch(text) else text


def looks_like_mouse(names: Collection[str]) -> bool:
    """Whether most names are written as mouse symbols are: a capital, then small letters (``Cd3e``)."""
    words = [word for word in map(clean, names) if len(word) > 2 and word[:2].isalpha() and not ENSEMBL.match(word)]
    title = sum(1 for word in words if word[0].isupper() and word[1:] == word[1:].lower())
    return len(words) >= 5 and title > 0.6 * len(words)


def looks_like_human(names: Collection[str]) -> bool:
    """Whether most names are written as human symbols are: in capitals (``CD3E``)."""
    words = [word for word in map(clean, names) if len(word) > 2 and word[:2].isalpha() and not ENSEMBL.match(word)]
    return len(words) >= 5 and sum(1 for word in words if word == word.upper()) > 0.8 * len(words)


def read_genes(genes: Iterable[str], orthologs: Iterable[str]) -> GeneNames:
    """The tables in the lines of ``genes.tsv`` and ``orthologs.tsv``, header first."""
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
