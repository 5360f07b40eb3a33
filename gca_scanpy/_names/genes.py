"""From a gene name, however a file writes it, to its canonical symbol.

A file may write a genome, an id, a number or another gene beside the name, or a date in its place. The symbol is found
whatever the case and the dashes of the name, also from older names, orthologs and Ensembl ids.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import cached_property, lru_cache, partial
from itertools import islice
from typing import Optional

from attrs import field, frozen

from gca_scanpy._names.words import DASHES

Official = Callable[[str], Optional[str]]
Lines = Callable[[], Iterable[str]]

ENSEMBL = re.compile(r"^ENS[A-Z]*G\d{6,}(\.\d+)?$", re.IGNORECASE)
_ID = r"ENS[A-Z]*G\d{6,}(?:\.\d+)?"
_BETWEEN = r"[\s_|:;,/.\-]+"
# TSPAN6_ENSG00000000003, CD3D-ENSG..., CD3D (ENSG...), ENSG00000000003.14|TSPAN6
_COMPOSITE = re.compile(
    rf"(?P<first>.+?)(?:{_BETWEEN}|(?=[(\[]))[(\[]*(?P<id>{_ID})(?:[-_]\d{{1,2}})?|(?P<id2>{_ID})(?:{_BETWEEN}|(?=[(\[]))[(\[]*(?P<last>[A-Z].*)",
    re.IGNORECASE,
)
_NUMBERED_ID = re.compile(rf"({_ID})[-_]\d{{1,2}}", re.IGNORECASE)  # by make_unique
# Cell Ranger and others put the genome before each gene if there is more than one. Seurat writes "-" for "_".
_GENOMES = {
    "human": r"GRCh3\d(?:\.p\d+)?|hg\d\d|hs(?=_)|hsap|T2T[-_]CHM13(?:v2(?:\.0)?)?|human|homo[_ .-]sapiens|hsapiens",
    "mouse": r"GRCm3\d(?:\.p\d+)?|mm(?:9|1\d|39)|mm(?=_)|mmus|mouse|mus[_ .-]musculus|mmusculus",
    "rat": r"rn\d|Rnor_?6(?:\.0)?|mRatBN7(?:\.2)?|GRCr8|rattus[_ .-]norvegicus",
    "rhesus macaque": r"Mmul_?\d+|rheMac\d+|macaca[_ .-]mulatta",
    "pig": r"Sscrofa11(?:\.1)?|susScr\d+|sus[_ .-]scrofa",
}
_GENOME = re.compile(
    rf"^(?:{'|'.join(f'(?P<g{number}>{form})' for number, form in enumerate(_GENOMES.values()))})"
    r"(?:-20\d\d-[A-Z])?[-_:.|\s]+(?=[A-Z])",
    re.IGNORECASE,
)
# gene:ENSG... of GTF files, gene-CD3D of NCBI, rna_CD3D of Seurat, CD3D (915) of DepMap; GENCODE's genes of X and Y.
_DECORATION = re.compile(
    r"^(?:gene|rna|sct|gex|transcript|symbol|gene expression)[:_|-]+(?=[A-Z])|\s*[(\[]\d+$|_PAR_Y$", re.IGNORECASE
)
_PROTEIN = re.compile(r"^(?:AB|ADT|prot|HTO)[_:-]|[_|](?:TotalSeq[ABC]?|ADT|prot|pAbO)$", re.IGNORECASE)
_LACKING = re.compile(r"^-\w|\w-$")  # CD8A- and -CD8A mean that the cells lack the gene
# Entrez ids (a column with NaN turns them into floats), missing names (make_unique may number them) and Excel's errors.
# Each of them is also an alias of some gene ("52", "NAN", "NA").
_NO_SYMBOL = re.compile(r"[\d.\-]*|(?:nan|none|na|n/a|<na>)(?:[-.]\d+)?|#[A-Z/0]+[!?]?", re.IGNORECASE)
_INVISIBLE = dict.fromkeys([0xAD, *range(0x200B, 0x200E), 0x2060, 0xFEFF])

_MONTHS = (
    "jan|january|jän|ene|feb|february|fév|févr|fev|mar|march|mrz|mär|märz|mrt|apr|april|avr|may|mai|mei|maj|june|juin|giu"
    "|jul|july|juil|lug|aug|august|aoû|août|aou|aout|sep|sept|september|oct|october|okt|ott|out|nov|november|dec|december"
    "|déc|dez|dic"
)
_GENE_MONTHS = "abr|ago|gen|jun|mag|mars|set"  # JUN-1 is a copy of JUN, and AGO-1 is AGO1; Excel writes Jun-01
_DATE = re.compile(
    rf"X?(?:\d{{1,2}}[-./ ]*(?:{_MONTHS}|{_GENE_MONTHS})\.?(?:[-./ ]+\d{{2,4}})?"  # 1-Mar, 01. Mrz, 2-Sep-21, X1.Mar
    rf"|(?:{_MONTHS})[-./ ]+(?:\d{{1,2}}|(?:19|20)\d\d)(?:[-./, ]+\d{{2,4}})?"  # Mar-01, Sept-9, Mar-2001
    rf"|(?:{_GENE_MONTHS})[-./ ]+(?:[0-3]\d|(?:19|20)\d\d)(?:[-./, ]+\d{{2,4}})?"
    r"|(?:19|20)\d\d[-./]\d{1,2}[-./]\d{1,2}(?:[T ].*)?"  # 2001-03-01 00:00:00
    r"|\d{1,2}[-./]\d{1,2}[-./](?:\d\d|(?:19|20)\d\d)(?: .*)?)",  # 3/1/2001
    re.IGNORECASE,
)
_SERIAL = re.compile(r"\d{5}(?:\.0)?")  # a date as Excel stores it: days since 1900
FIRST_SERIAL, LAST_SERIAL = 32_874, 54_789  # the years 1990 to 2049
MANY_NUMBERS = 0.5  # if more of the names are numbers, they are ids, and none is a date

# FCGR3A/B, CCL3/L1/L3, HBA1;HBA2, FCGR3A|FCGR3B, and "A /// B" of arrays
_MERGED = re.compile(r"\s*(?:/+|[|;,+&]+)\s*")
MIN_SHARED, SHARED = 3, 0.8  # names with the same prefix or suffix, and their share of all names
SPECIES = ("human", "mouse")
MIN_SYMBOLS = 5  # symbols; with fewer, the species is not guessed from their case
MOUSE_SHARE, HUMAN_SHARE = 0.6, 0.8  # more than this share of the symbols is written in the case of the species
# R's make.names and file formats change the dashes of HLA-A and NKX2-1.
_SEPARATOR = re.compile(r"[\s._]")
_INNER_DASH = re.compile(r"(?<!\d)-|-(?!\d)")  # a dash that does not keep two numbers apart
_COPY = re.compile(r"(.+)-[1-9]\d?")  # by make.unique of R and var_names_make_unique of Scanpy


def split_id(name: object) -> tuple[str, str]:
    """The symbol inside a gene name of a count matrix, and the Ensembl id beside it; either may be empty.

    The symbol is empty for protein features, genes that the cells lack (CD8A-), bare numbers, dates and missing names.
    A bare id is both.
    """
    return _split(str(name))


@lru_cache(maxsize=65_536)  # more than the genes of a data set; a run asks for each that is no symbol up to six times
def _split(text: str) -> tuple[str, str]:
    ensembl, previous = "", None
    while text != previous:
        previous = text
        if not text.isascii():
            text = unicodedata.normalize("NFKC", text).translate(DASHES).translate(_INVISIBLE)
        text = text.strip().strip("\"'[](){}")
        text = _DECORATION.sub("", _GENOME.sub("", text))
        if ENSEMBL.match(text):
            ensembl = text
            continue
        numbered = _NUMBERED_ID.fullmatch(text)
        composite = _COMPOSITE.fullmatch(text)
        if numbered:
            text = ensembl = numbered[1]
        elif composite:
            text, ensembl = composite["first"] or composite["last"], composite["id"] or composite["id2"]
    is_none = any(form.search(text) for form in (_PROTEIN, _LACKING)) or _NO_SYMBOL.fullmatch(text) or is_date(text)
    return ("" if is_none else text), ensembl


def clean(name: object) -> str:
    """The symbol inside a gene name, or the id if that is all; empty for what is neither."""
    return split_id(name)[0]


@lru_cache(maxsize=65_536)
def genome_of(name: str) -> Optional[str]:
    """The species whose genome or Ensembl id is part of a gene name, if any."""
    prefix = _GENOME.match(name.strip())
    if prefix:
        return next(species for number, species in enumerate(_GENOMES) if prefix[f"g{number}"])
    upper = name.upper()
    return "human" if "ENSG0" in upper else "mouse" if "ENSMUSG0" in upper else None


@lru_cache(maxsize=65_536)
def is_date(text: str) -> bool:
    """Whether a spreadsheet made a date of this gene name, such as ``1-Mar`` of MARCH1."""
    return _DATE.fullmatch(text.strip()) is not None


def dates_among(names: Collection[str], total: int) -> list[str]:
    """The names that are dates, written out or as Excel stores them; ``total`` counts the other names as well."""
    serials = [name for name in names if _SERIAL.fullmatch(name.strip())]
    numbers = sum(1 for name in names if name.strip().replace(".", "", 1).isdigit())
    are_dates = numbers <= MANY_NUMBERS * total
    days = {name for name in serials if are_dates and FIRST_SERIAL <= float(name) <= LAST_SERIAL}
    return [name for name in names if name in days or is_date(name)]


def members(text: str, official: Official) -> Iterator[str]:
    """The genes of a merged probe, as full names: ``CCL3/L1/L3`` is CCL3, CCL3L1 and CCL3L3.

    A later part is a name of its own, or it replaces the end of the first name. It is appended if that gives an
    official symbol, otherwise it replaces as few characters as possible; two numbers are never joined.
    """
    first, *others = _MERGED.split(text)
    yield first
    is_shortened = "/" in text
    for part in filter(None, others):
        forms = [_ending(first, part, official), part]
        yield next(filter(None, forms if is_shortened else [part if official(part.upper()) else None, *forms]))


def is_merged(text: str) -> bool:
    """Whether a name consists of several genes that the platform cannot tell apart."""
    return _MERGED.search(text) is not None


def parts(text: str) -> list[str]:
    """The names in the name of a merged probe, as they are written."""
    return [part for part in _MERGED.split(text) if part]


def _ending(first: str, part: str, official: Official) -> Optional[str]:
    for length in range(len(first), 0, -1):
        stem = first[:length]
        if not (stem[-1].isdigit() and part[0].isdigit()) and official((stem + part).upper()):
            return stem + part
    return None


def without_shared(names: Collection[str], total: int) -> dict[str, str]:
    """The names without the prefix or the suffix that nearly all of them share; empty if they share none.

    Parameters
    ----------
    names
        The names that are no gene as they stand.
    total
        The number of all names.
    """
    least = max(MIN_SHARED, SHARED * total)
    for pattern in (re.compile(r"(.+?)[-_:.|\s]+(.+)"), re.compile(r"(.+)[-_:.|\s]+([^-_:.|\s]+)")):
        is_prefix = pattern.pattern.startswith("(.+?)")
        split = {name: found.groups() for name, found in ((name, pattern.fullmatch(name)) for name in names) if found}
        by_affix: dict[str, dict[str, str]] = {}
        for name, (before, after) in split.items():
            affix, rest = (before, after) if is_prefix else (after, before)
            by_affix.setdefault(affix, {})[name] = rest
        largest = max(by_affix.values(), key=len, default={})
        if len(largest) >= least:
            return largest
    return {}


@frozen(slots=False)
class GeneNames:
    """Nomenclature tables.

    Attributes
    ----------
    approved
        Current HGNC symbols by their upper-case form.
    orthologs
        Human symbols by mouse symbol in upper case, if the two differ in more than case.
    """

    approved: Mapping[str, str]
    orthologs: Mapping[str, str]
    _read_lines: Lines = field(repr=False)

    @cached_property
    def older(self) -> Mapping[str, str]:
        """Current symbols by previous symbols and aliases in upper case, without ambiguous names; read on demand."""
        rows = _rows(self._read_lines())
        return {name: self.approved[key.upper()] for key, _, names in rows for name in names.split(",") if name}

    @cached_property
    def ensembl(self) -> Mapping[str, str]:
        """Current symbols by human Ensembl gene id without version; read on demand, since few data sets need it."""
        rows = _rows(self._read_lines())
        return {f"ENSG{number.zfill(11)}": self.approved[key.upper()] for key, number, _ in rows if number}

    def is_current(self, name: str) -> bool:
        """Whether a name is a current symbol and nothing else, in any case; most names of a data set are."""
        return name.upper() in self.approved and name.isascii()

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
        name = str(name)  # the cell of a table may be a number
        key = name.upper()
        if key in self.approved and name.isascii():  # a current symbol
            return self._official(species, known, key)
        text, ensembl = split_id(name)
        symbol = self._read(text, species, known) if text and not ENSEMBL.match(text) else None
        return symbol or (self.ensembl.get(ensembl.upper().split(".")[0]) if ensembl else None)

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


def read_genes(genes: Lines, orthologs: Iterable[str]) -> GeneNames:
    """Read the tables from the lines of ``genes.tsv`` and ``orthologs.tsv``, header first."""
    symbols = [symbol for symbol, _, _ in _rows(genes())]
    # Most symbols are in capitals; then key and value are one object.
    approved = {symbol if symbol.isupper() else symbol.upper(): symbol for symbol in symbols}
    return GeneNames(approved, {mouse.upper(): human for mouse, human in _rows(orthologs)}, genes)


def _rows(lines: Iterable[str]) -> Iterator[list[str]]:
    """The cells of each line of a table but the first."""
    return (line.rstrip("\n").split("\t") for line in islice(lines, 1, None))


def _symbol_like(names: Collection[str]) -> list[str]:
    """The names that begin with two letters and are no Ensembl ids, so that their case shows the species."""
    return [word for word in map(clean, names) if len(word) > 2 and word[:2].isalpha() and not ENSEMBL.match(word)]
