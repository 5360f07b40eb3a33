"""From a gene name to its canonical symbol: case, dashes, older names, orthologs, Ensembl ids, merged probes."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from functools import cached_property, partial
from typing import Optional

from attrs import frozen

from gca_scanpy._names.gene_forms import ENSEMBL, clean, is_merged, members, split_id, without_shared

SPECIES = ("human", "mouse")
MIN_SYMBOLS = 5  # symbols; with fewer, the species is not guessed from their case
MOUSE_SHARE, HUMAN_SHARE = 0.6, 0.8  # more than this share of the symbols is written in the case of the species
# R's make.names and file formats change the dashes of HLA-A and NKX2-1.
_SEPARATOR = re.compile(r"[\s._]")
_INNER_DASH = re.compile(r"(?<!\d)-|-(?!\d)")  # a dash that does not keep two numbers apart
_COPY = re.compile(r"(.+)-[1-9]\d?")  # by make.unique of R and var_names_make_unique of Scanpy


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
            ``human`` or ``mouse``, whose tables are used. A mouse gene is mapped to the symbol of its human ortholog.
        known
            Symbols of the database by their upper-case form. They outrank the tables, so that a mouse gene that the
            database lists under its own name (``Ly6c2``) keeps that name.
        """
        text, ensembl = split_id(name)
        symbol = self._read(text, species, known) if text and not ENSEMBL.match(text) else None
        return symbol or self.ensembl.get(ensembl.upper().split(".")[0])

    def canonical_all(self, names: Iterable[str], species: str, known: Mapping[str, str]) -> dict[str, Optional[str]]:
        """The canonical symbol of each distinct name.

        If nearly all names share a prefix or a suffix and are genes only without it, they are read without it.
        """
        symbols = {name: self.canonical(name, species, known) for name in dict.fromkeys(names)}
        unread = [name for name, symbol in symbols.items() if symbol is None]
        rest = without_shared(unread, len(symbols))
        if rest:
            inner = self.canonical_all(rest.values(), species, known)
            if 2 * sum(1 for symbol in inner.values() if symbol is not None) > len(inner):
                symbols.update({name: inner[text] for name, text in rest.items()})
        return symbols

    def shown(self, name: str) -> str:
        """The name of a gene in evidence, tables and plots: as in the data, but a symbol instead of an Ensembl id."""
        if "ENS" not in name.upper():
            return name
        symbol = clean(name)
        if ENSEMBL.match(symbol):
            return self.ensembl.get(symbol.upper().split(".")[0], name)
        return symbol or name

    def _read(self, text: str, species: str, known: Mapping[str, str]) -> Optional[str]:
        """The symbol of a gene, or of the first gene of a merged probe that the database knows, or of its first."""
        official = partial(self._official, species, known)
        if is_merged(text):
            genes = [self._symbol(clean(member), species, known) for member in members(text, official)]
        else:
            symbol = self._symbol(text, species, known)
            if symbol or "." not in text:
                return symbol
            # R's make.names writes a dot for the slash of a merged probe. Each part must be a gene by its own name: in
            # HS.CD3D, HS is a species, and an alias of MAP3K14.
            genes = [official(clean(member).upper()) for member in members(text.replace(".", "/"), official)]
            if None in genes:
                return None
        symbols = [symbol for symbol in genes if symbol is not None]
        return next((symbol for symbol in symbols if symbol.upper() in known), next(iter(symbols), None))

    def _symbol(self, text: str, species: str, known: Mapping[str, str]) -> Optional[str]:
        """The symbol of one gene: an official symbol, else an older name as it stands, else the copy of a symbol.

        A dash is the symbol's own (HLA-A), or it is left out if that gives an official symbol (LAG-3). What is cut off
        is not looked up among older names: LAG is an alias of STMN1.
        """
        key = text.upper()
        dashed = _SEPARATOR.sub("-", key)
        for form in dict.fromkeys((key, dashed, _INNER_DASH.sub("", dashed))):
            symbol = self._official(species, known, form)
            if symbol is not None:
                return symbol
        older = self.older.get(key) or self.older.get(dashed)
        copy = _COPY.fullmatch(dashed)
        return older or (self._official(species, known, copy[1]) if copy else None)

    def _official(self, species: str, known: Mapping[str, str], key: str) -> Optional[str]:
        """The symbol of an official name in capitals: one of the database, of the mouse, or of HGNC."""
        ortholog = self.orthologs.get(key) if species == "mouse" else None
        return known.get(key) or ortholog or self.approved.get(key)


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
