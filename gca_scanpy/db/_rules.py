"""The rules of marker tables and of the tables of names and priors; each gives the rows or types that break it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence

import numpy as np
import pandas as pd
from attrs import frozen

from gca_scanpy._names.genes import SPECIES, GeneNames
from gca_scanpy._names.ontology import Ontology
from gca_scanpy._names.vocabulary import read_names
from gca_scanpy._names.words import KINDS, SAME, STATE, Lexicon, read_lexicon, written_words
from gca_scanpy._scoring.index import ANY, COMMON, OCCASIONAL

MIN_GENES = 6  # positive genes that a type needs, and that must separate it from each sibling
# Cd3e, Tcrg-C1, H2-K1, 1700003M07Rik, D6Ertd527e, AW112010, mt-Nd1: as the mouse nomenclature writes genes.
_MOUSE_SYMBOL = re.compile(
    r"[A-Z][a-z0-9.\-]*(?:-[A-Z]\d+)?|H2-[A-Za-z]+[\d.]*"
    r"|\w+Rik|D\d+\w+\d+e|[A-Z]{2}\d{6}|mt-\w+"
)
NAMES, WORDS = "cell_names.tsv", "cell_words.tsv"
NAME_TABLES = {NAMES: ["name", "cl_id", "tissue", "used_by"], WORDS: ["word", "kind", "meaning"]}
PRIORS = "priors.tsv"
PRIOR_COLUMNS = ["tissue", "grade", "cl_id"]
GRADES = (COMMON, OCCASIONAL)  # a type without a row is rare
MIN_COMMON = 12  # common types that every tissue has
Rows = Sequence[tuple[int, list[str]]]  # the lines of a table with their numbers


@frozen
class Finding:
    """A row or type that breaks a rule.

    Attributes
    ----------
    rule
        Name of the rule, such as ``ids``.
    where
        The row, by the index of the table, or the type.
    text
        What is wrong, and what is there instead.
    """

    rule: str
    where: str
    text: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.where}: {self.text}"


def ids(facts: pd.DataFrame, ontology: Ontology) -> list[Finding]:
    """Ids that are no current term of the ontology; its index has no obsolete terms."""
    first = facts.drop_duplicates("cl_id")
    return [
        Finding("ids", str(row), f"{key!r} ({name}) is no current Cell Ontology term")
        for row, key, name in zip(first.index, first["cl_id"], first["cell_type"])
        if key not in ontology
    ]


def names(facts: pd.DataFrame, ontology: Ontology) -> list[Finding]:
    """Types whose name is not the one that the ontology gives their id."""
    first = facts.drop_duplicates(["cl_id", "cell_type"])
    return [
        Finding("names", str(row), f"{key} is {name!r}, but the ontology names it {ontology.label(key)!r}")
        for row, key, name in zip(first.index, first["cl_id"], first["cell_type"])
        if key in ontology and name != ontology.label(key)
    ]


def symbols(facts: pd.DataFrame, genes: GeneNames) -> list[Finding]:
    """Genes that are no current HGNC symbol; mouse rows may have a mouse symbol that no human symbol equals."""
    first = facts.drop_duplicates(["gene", "species"])
    findings = []
    for row, gene, species in zip(first.index, first["gene"], first["species"]):
        approved = genes.approved.get(gene.upper())
        is_mouse_symbol = species == "mouse" and approved is None and _MOUSE_SYMBOL.fullmatch(gene)
        if approved != gene and not is_mouse_symbol:
            current = approved or genes.older.get(gene.upper())
            hint = f"; the current symbol is {current}" if current else ""
            findings.append(Finding("symbols", str(row), f"{gene!r} is no current symbol{hint}"))
    return findings


def duplicates(facts: pd.DataFrame) -> list[Finding]:
    """Facts that are stated twice for one species."""
    return _clashes("duplicates", facts, ["cl_id", "cell_type", "gene", "role"], "{gene} is listed twice for {type}")


def signs(facts: pd.DataFrame) -> list[Finding]:
    """Genes that are positive and negative for a type in one species."""
    once = facts.drop_duplicates(["cl_id", "cell_type", "gene", "role", "species"])
    text = "{gene} is both positive and negative for {type}"
    findings = _clashes("signs", once, ["cl_id", "cell_type", "gene"], text)
    doubled = {finding.where for finding in duplicates(once)}
    return [finding for finding in findings if finding.where not in doubled]


def _clashes(rule: str, facts: pd.DataFrame, key: list[str], text: str) -> list[Finding]:
    """Rows with the same key as an earlier row, for a species that both have."""
    folded = facts.assign(folded=facts["gene"].str.upper())
    key = ["folded" if name == "gene" else name for name in key]
    clash = np.zeros(len(facts), dtype=bool)
    for species in SPECIES:
        of_species = folded["species"].isin(["both", species]).to_numpy()
        clash[of_species] |= folded[of_species].duplicated(key).to_numpy(dtype=bool)
    rows = facts[clash]
    return [
        Finding(rule, str(row), text.format(gene=gene, type=f"{name} ({cl_id})" if cl_id else name))
        for row, gene, name, cl_id in zip(rows.index, rows["gene"], rows["cell_type"], rows["cl_id"])
    ]


def few(facts: pd.DataFrame, least: int = MIN_GENES) -> list[Finding]:
    """Types with too few positive genes."""
    kinds = facts["cell_type"] + facts["cl_id"].map(lambda key: f" ({key})" if key else "")
    counts = facts["gene"].where(facts["role"].eq("positive")).groupby(kinds).nunique()
    return [
        Finding("few", str(kind), f"{count} positive genes; at least {least} are needed")
        for kind, count in counts[counts.lt(least)].items()
    ]


def siblings(facts: pd.DataFrame, ontology: Ontology, least: int = MIN_GENES) -> list[Finding]:
    """Pairs of siblings in which the first has too few positive genes that the second lacks."""
    positive = facts[facts["role"].eq("positive")]
    genes = {str(key): frozenset(of_type) for key, of_type in positive.groupby("cl_id")["gene"]}
    return [
        Finding(
            "siblings",
            f"{ontology.label(one)} ({one})",
            f"{len(genes[one] - genes[other])} genes separate it from its sibling {ontology.label(other)} ({other}); "
            f"at least {least} are needed",
        )
        for one, other in sibling_pairs(set(genes), ontology)
        if len(genes[one] - genes[other]) < least
    ]


def sibling_pairs(ids: set[str], ontology: Ontology) -> Iterator[tuple[str, str]]:
    """Pairs of the given terms that have a parent in common, in both orders.

    A parent is the nearest ancestor among the given terms. An ancestor of a term is not its sibling.
    """
    children: dict[str, set[str]] = {}
    for key in ids & set(ontology.terms):
        above = ids.intersection(ontology.ancestors(key))
        for parent in above - {farther for near in above for farther in ontology.ancestors(near)}:
            children.setdefault(parent, set()).add(key)
    pairs = {(a, b) for group in children.values() for a in group for b in group if not ontology.related(a, b)}
    yield from sorted(pairs)


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


def tables_of_names(name_rows: Rows, word_rows: Rows, ontology: Ontology, tissues: Collection[str]) -> list[Finding]:
    """The rows of both tables that break a rule; labels are read with these tables, not with those of the ontology."""
    lexicon = read_lexicon(["", *("\t".join(cells) for _, cells in word_rows)])
    field_names = read_names(["", *("\t".join(cells) for _, cells in name_rows)])
    read = Ontology(ontology.version, ontology.terms, lexicon, field_names)
    return [*cell_names(name_rows, lexicon, ontology, tissues), *cell_words(word_rows, read)]


def cell_names(rows: Rows, lexicon: Lexicon, ontology: Ontology, tissues: Collection[str]) -> list[Finding]:
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


def cell_words(rows: Rows, ontology: Ontology) -> list[Finding]:
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


@frozen
class PriorRow:
    """A line of ``priors.tsv``."""

    line: int
    tissue: str
    grade: str
    cl_id: str

    @property
    def where(self) -> str:
        return f"{PRIORS}:{self.line}"

    @property
    def order(self) -> tuple[str, str, str]:
        return (self.tissue, self.grade, self.cl_id)


def priors(
    rows: Rows, types: Mapping[str, Sequence[str]], tissues: Sequence[str], least: int = MIN_COMMON
) -> list[Finding]:
    """Rows that break a rule, tissues with few common types, and types without a row in a tissue of theirs.

    Parameters
    ----------
    rows
        The table.
    types
        The tissues of each type of the database, by its id.
    tissues
        The canonical tissues.
    least
        The number of common types that a tissue must have.
    """
    table = [PriorRow(line, *cells) for line, cells in rows]
    places = (*tissues, ANY)
    findings = [Finding("priors", row.where, text) for row in table for text in _wrong_prior(row, types, places)]
    for place in places:
        common = sum(row.tissue == place and row.grade == COMMON for row in table)
        if common < least:
            text = f"{place!r} has {common} common types; a tissue must have at least {least}"
            findings.append(Finding("priors", PRIORS, text))
    return [*findings, *_twice(table), *_unlisted(table, types, tissues), *_unsorted_priors(table)]


def _wrong_prior(row: PriorRow, types: Mapping[str, Sequence[str]], places: Sequence[str]) -> Iterator[str]:
    if row.tissue not in places:
        yield f"{row.tissue!r} is no known tissue; write {ANY!r} if no tissue is meant"
    if row.grade not in GRADES:
        yield f"the grade {row.grade!r} of {row.cl_id} is not one of: {', '.join(GRADES)}; a type without a row is rare"
    if row.cl_id not in types:
        yield f"{row.cl_id} is not in cell_types.tsv"


def _twice(table: Sequence[PriorRow]) -> Iterator[Finding]:
    first: dict[tuple[str, str], PriorRow] = {}
    for row in table:
        other = first.setdefault((row.tissue, row.cl_id), row)
        if other is not row:
            text = f"{row.cl_id} has two rows in {row.tissue!r}; the other one is in line {other.line}"
            yield Finding("priors", row.where, text)


def _unlisted(
    table: Sequence[PriorRow], types: Mapping[str, Sequence[str]], tissues: Sequence[str]
) -> Iterator[Finding]:
    listed = {(row.tissue, row.cl_id) for row in table}
    for cl_id, places in types.items():
        for place in places:
            if place in tissues and (place, cl_id) not in listed:
                text = f"{cl_id} has no row in {place!r}, a tissue that cell_types.tsv gives it"
                yield Finding("priors", PRIORS, text)


def _unsorted_priors(table: Sequence[PriorRow]) -> Iterator[Finding]:
    """Rows out of order. Rows are sorted so that two people who add the same type change the same line."""
    for before, row in zip(table, table[1:]):
        if row.order < before.order:
            text = "the row must stand before the one above it; rows are sorted by tissue, grade and id"
            yield Finding("order", row.where, text)
