"""The rules of the tables of names, ``cell_names.tsv`` and ``cell_words.tsv``; each gives the rows that break it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from attrs import frozen

from gca_scanpy._names.ontology import Ontology
from gca_scanpy._names.vocabulary import read_names
from gca_scanpy._names.words import KINDS, SAME, STATE, Lexicon, read_lexicon, written_words
from gca_scanpy.db._rules import Finding

NAMES, WORDS = "cell_names.tsv", "cell_words.tsv"
COLUMNS = {NAMES: ["name", "cl_id", "tissue", "used_by"], WORDS: ["word", "kind", "meaning"]}
Rows = Sequence[tuple[int, list[str]]]  # the lines of a table with their numbers


@frozen
class NameRow:
    """A line of ``cell_names.tsv``."""

    line: int
    name: str
    cl_id: str
    tissue: str
    used_by: str

    @property
    def where(self) -> str:
        return f"{NAMES}:{self.line}"

    @property
    def order(self) -> tuple[str, str, str]:
        return (self.name.casefold(), self.name, self.tissue)


def tables(name_rows: Rows, word_rows: Rows, ontology: Ontology, tissues: Collection[str]) -> list[Finding]:
    """The rows of both tables that break a rule; labels are read with these tables, not with those of the ontology."""
    lexicon = read_lexicon(["", *("\t".join(cells) for _, cells in word_rows)])
    field_names = read_names(["", *("\t".join(cells) for _, cells in name_rows)])
    read = Ontology(ontology.version, ontology.terms, lexicon, field_names)
    return [*names(name_rows, lexicon, ontology, tissues), *words(word_rows, read)]


def names(rows: Rows, lexicon: Lexicon, ontology: Ontology, tissues: Collection[str]) -> list[Finding]:
    """Names that are empty, of no current term or no known tissue, out of order, or of two terms in one tissue."""
    table = [NameRow(line, *cells) for line, cells in rows]
    findings = [Finding("names", row.where, text) for row in table for text in _wrong_cells(row, ontology, tissues)]
    findings += _unsorted(NAMES, [(row.line, row.order) for row in table], "name, without regard to case, and tissue")
    return [*findings, *_ambiguous(table, lexicon)]


def _wrong_cells(row: NameRow, ontology: Ontology, tissues: Collection[str]) -> Iterator[str]:
    if not any(character.isalnum() for character in row.name) or row.name != " ".join(row.name.split()):
        yield f"{row.name!r} is no name: it needs letters or digits, and no spaces but single ones between words"
    if row.cl_id and row.cl_id not in ontology:
        yield f"{row.cl_id!r} ({row.name}) is no current Cell Ontology term"
    if row.tissue and row.tissue not in tissues:
        yield f"{row.tissue!r} ({row.name}) is no known tissue; leave it empty for all tissues"
    if not row.used_by.strip():
        yield f"{row.name!r} does not say who uses it; write 'field' if many labs do"


def _ambiguous(table: Sequence[NameRow], lexicon: Lexicon) -> Iterator[Finding]:
    """Names with two terms in one tissue, or in all; a name of all may mean another type in one tissue.

    Names are compared as labels are read: without case, plural, order and punctuation, and with words expanded.
    """
    first: dict[tuple[tuple[str, ...], str], NameRow] = {}
    for row in table:
        other = first.setdefault((lexicon.name(row.name), row.tissue), row)
        place = row.tissue or "all tissues"
        if other.cl_id != row.cl_id:
            meanings = " and ".join(term or "no term" for term in (other.cl_id, row.cl_id))
            text = f"{row.name!r} means {meanings} in {place}; {other.name!r} in line {other.line} is read alike"
            yield Finding("names", row.where, text)
        elif other is not row and other.name == row.name:
            yield Finding("names", row.where, f"{row.name!r} is listed twice for {place}")


def words(rows: Rows, ontology: Ontology) -> list[Finding]:
    """Words that no label can have, or that are listed twice, of an unknown kind, or without a usable meaning."""
    seen: set[str] = set()
    findings = []
    for line, (word, kind, meaning) in rows:
        texts = [f"{word!r} is listed twice"] if word in seen else []
        seen.add(word)
        if written_words(word) != [word] or word != word.lower():
            texts.append(f"{word!r} is not one word of lower-case letters and digits")
        texts += _wrong_meaning(word, kind, meaning, ontology)
        findings += [Finding("words", f"{WORDS}:{line}", text) for text in texts]
    return [*findings, *_unsorted(WORDS, [(line, (word,)) for line, (word, *_) in rows], "word")]


def _wrong_meaning(word: str, kind: str, meaning: str, ontology: Ontology) -> Iterator[str]:
    lexicon = ontology.lexicon
    if kind not in KINDS:
        yield f"the kind {kind!r} of {word!r} is not one of: {', '.join(KINDS)}"
    elif bool(meaning.strip()) != (kind in (SAME, STATE)):
        yield f"{word!r} is of the kind {kind}, which has {'no' if meaning.strip() else 'a'} meaning"
    for target in meaning.split() if kind == SAME else ():
        expanded = lexicon.name(target)
        if expanded != (target,):
            yield f"{word!r} stands for {target!r}, which is read as {' '.join(expanded)!r}; write that"
        elif not (target.isdigit() or target in lexicon.noise or target in ontology.resolver.vocabulary.words):
            yield f"{word!r} stands for {target!r}, a word that no name has"


def _unsorted(file: str, keys: Sequence[tuple[int, tuple[str, ...]]], by: str) -> list[Finding]:
    """Rows out of order. Rows are sorted so that two people who add the same name change the same line."""
    pairs = zip(keys, keys[1:])
    return [
        Finding("order", f"{file}:{line}", f"the row must stand before the one above it; rows are sorted by {by}")
        for (_, before), (line, key) in pairs
        if key < before
    ]
