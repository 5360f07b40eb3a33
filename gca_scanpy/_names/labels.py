"""From a cell-type label to a Cell Ontology term, and from a term to its short name."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Optional

from attrs import define, frozen

from gca_scanpy._names.ontology import Ontology, Term, normalize_name
from gca_scanpy._names.words import singular
from gca_scanpy._text_tables import is_no_name
from gca_scanpy.errors import InputError

LEFT_OUT = ""  # the id of a table's name that no term fits
_WITH_TERM = re.compile(r"(?P<label>.*?)[\s(\[]*(?P<term>CL[:_]\d{7})[)\]]?", re.IGNORECASE | re.DOTALL)
_NEGATIVE = re.compile(r"(?<=[a-z0-9])-(?=[\s,)]|$)")
_WORDS = re.compile(r"[a-z0-9]+")
_GREEK = str.maketrans(
    {
        "α": "alpha",
        "β": "beta",
        "γ": "gamma",
        "δ": "delta",
        "ε": "epsilon",
        "κ": "kappa",
        "λ": "lambda",
        "’": "",
        "'": "",
    }
)
# Words that most names contain. Two names that share no other word do not agree.
_COMMON = frozenset({"cell", "positive", "of", "the", "and", "type", "like", "human", "mouse"})
# Words that change the meaning of a name: a non-classical monocyte is not a classical monocyte.
_NEGATING = frozenset({"non", "not", "negative", "no", "pre", "pro", "anti"})
# What tools write for cells of no type, as letters only.
_NO_TYPE = frozenset(
    "unknown unknownornovel unassigned notassigned unannotated notannotated undetermined undefined unclassified "
    "unidentified unlabeled unlabelled unclear uncertain unresolved ambiguous rejected reject heterogeneous other "
    "mixed lowquality lowqual debris empty emptydroplet contamination contaminated novel unk noconsensus nolabel "
    "nocall nomatch filtered removed exclude excluded tbd intermediate unsure undecided unspecified discard discarded "
    "artifact artefact junk".split()
)
_SEVERAL = ("doublet", "multiplet", "heterotypic")
Label = tuple[str, Optional[str]]  # a label, and its term if it has one


def read_label(text: str, ontology: Ontology, tissues: Sequence[str] = ()) -> tuple[str, Optional[str]]:
    """Split what a curator typed into a label and a term.

    The text is a name or an id of the ontology, free words followed by an id, or free words alone. Words that say more
    than the term that is read from them stay as they are.

    Raises
    ------
    InputError
        If the text is empty, or has an id that the ontology does not contain.
    """
    line = one_line(text)
    if not line:
        msg = "the label is empty; enter a cell type: a Cell Ontology name or id, or your own words"
        raise InputError(msg)
    match = _WITH_TERM.fullmatch(line)
    if not match:
        reading = ontology.read(line, tissues)
        term = reading.ontology_id
        return (line if term is None or reading.is_partial else ontology.label(term)), term
    label, term = match["label"].strip(), match["term"].upper().replace("_", ":")
    if term not in ontology:
        msg = f"{term} is not a term of the Cell Ontology, release {ontology.version}; check the id, or leave it out"
        raise InputError(msg)
    # A name of the same term is replaced with the ontology's label. Any other words are the curator's, and stay.
    reading = ontology.read(label, tissues)
    is_name = not label or (reading.ontology_id == term and not reading.is_partial)
    return (ontology.label(term) if is_name else label), term


def term_of(label: str, given: Optional[str], ontology: Ontology, tissues: Sequence[str] = ()) -> Optional[str]:
    """The term of a label that may have come with an id.

    The label decides, because the id in a model's answer may belong to another type. But if only a part of the label
    could be read, an id that is kin to this part says more.
    """
    if ontology.is_label(label, given):
        return given
    reading = ontology.read(label, tissues)
    term = reading.ontology_id
    if given is None or given not in ontology:
        return term
    return given if term is None or (reading.is_partial and ontology.related(given, term)) else term


def one_line(text: str) -> str:
    """The text on one line, without the characters that :func:`writable` removes."""
    return " ".join(writable(text).split())


def writable(text: str) -> str:
    """The text without control characters and lone surrogates, which HDF5 and UTF-8 cannot store."""
    return "".join(c for c in text if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cs"))


def agrees(label: str, term: Term) -> bool:
    """Whether the words of a label include all words of one of the term's names, or the other way round."""
    words = _words(label)
    return any(_overlap(words, _words(name)) for name in (term.label, *term.synonyms))


@define(eq=False, slots=False)
class SourceNames:
    """The Cell Ontology terms of the names that public marker tables use.

    Attributes
    ----------
    ontology
        The terms that names are resolved to.
    rows
        Term id by source, tissue (lower case, or empty for any tissue), and squeezed name. An empty id leaves the
        name out, because no term fits.
    """

    ontology: Ontology
    rows: Mapping[tuple[str, str, str], str]

    def find(self, name: str, source: str = "", tissue: str = "", given: str = "") -> Optional[str]:
        """The Cell Ontology id of a name.

        Parameters
        ----------
        name
            Name as the table has it.
        source
            Name of the table, such as ``panglaodb``.
        tissue
            Tissue as the table has it. Some names mean another cell in another organ.
        given
            The id that the table itself gives. The rows of this project outrank it, because the tables often give
            the id of a broader or an obsolete term.

        Returns
        -------
        str or None
            The id, ``""`` if the name is left out on purpose, or None if nothing fits.
        """
        key = squeeze(name)
        for organ in (" ".join(tissue.lower().split()), ""):
            if (source, organ, key) in self.rows:
                return self.rows[source, organ, key]
        if given in self.ontology:
            return given
        reading = self.ontology.read(name)
        return (None if reading.is_partial else reading.ontology_id) or self._by_any_source.get(key)

    @cached_property
    def _by_any_source(self) -> dict[str, str]:
        """Ids of the names that mean the same in all tables; other sources, such as gene set files, use them too."""
        ids: dict[str, set[str]] = {}
        for (_, _, key), term_id in self.rows.items():
            ids.setdefault(key, set()).add(term_id)
        return _unambiguous(ids)


def read_source_names(lines: Iterable[str], ontology: Ontology) -> SourceNames:
    """Read the lines of ``source_names.tsv``: a header, then source, tissue, name and id."""
    stream = iter(lines)
    next(stream)
    rows = {}
    for line in stream:
        source, tissue, name, term_id = line.rstrip("\n").split("\t")
        rows[source, tissue, squeeze(name)] = term_id
    return SourceNames(ontology, rows)


def squeeze(name: str) -> str:
    """A name reduced to lower-case letters and digits, with singular words and without the word "cell".

    This is coarser than :func:`gca_scanpy._names.ontology.normalize_name`, because the tables write
    ``Fibro blasts-like cells``, ``β cell`` and ``CD4+ T cells``.
    """
    text = unicodedata.normalize("NFKC", name).strip().lower().translate(_GREEK)
    text = _NEGATIVE.sub(" negative ", text.replace("+", " positive "))
    words = [singular(word) for word in _WORDS.findall(text.replace("natural killer", "nk"))]
    return "".join([word for word in words if word != "cell"] or words)


def _unambiguous(ids: Mapping[str, set[str]]) -> dict[str, str]:
    return {name: next(iter(terms)) for name, terms in ids.items() if len(terms) == 1 and LEFT_OUT not in terms}


def _words(name: str) -> frozenset[str]:
    return frozenset(normalize_name(name).replace(",", " ").replace("/", " ").split())


def _overlap(first: frozenset[str], second: frozenset[str]) -> bool:
    if first & _NEGATING != second & _NEGATING:
        return False
    shared = first & second - _COMMON
    return bool(shared) and (first <= second or second <= first)


@frozen
class ShortNames:
    """The short names of terms.

    Attributes
    ----------
    ontology
        The Cell Ontology.
    by_term
        The short name by id. A term that is not in it has its name in the ontology.
    """

    ontology: Ontology
    by_term: Mapping[str, str]

    def of(self, term: str) -> Optional[str]:
        """The short name of a term; None if the ontology does not have the term."""
        name = self.by_term.get(term)
        return self.ontology.label(term) if name is None and term in self.ontology else name

    def shown(self, *parts: Iterable[Label]) -> dict[Label, str]:
        """The text to show for each label of a figure: the short name of its term, or the label if it has no term.

        Shortening never makes two labels look alike, which means equal but for case and punctuation. If the short names
        of two types look alike, both keep their labels. If two labels of one term are in the same part of the figure,
        those with words of their own keep them ("Tumor B" beside "B cell").

        Parameters
        ----------
        *parts
            The labels of each part of the figure, such as the rows and the columns of a table. Labels of one term in
            different parts may look alike.
        """
        members = [dict.fromkeys(part) for part in parts]
        shown = {label: self._short(label) for label in dict.fromkeys(label for part in members for label in part)}
        while True:
            by_look: dict[str, list[Label]] = {}
            for label, text in shown.items():
                by_look.setdefault(look(text), []).append(label)
            restored = {
                label: label[0]
                for alike in by_look.values()
                for label in self._to_restore(alike, members)
                if shown[label] != label[0]
            }
            if not restored:
                return shown
            shown.update(restored)  # a label in full may look like the short name of another one, so check again

    def _short(self, label: Label) -> str:
        text, term = label
        return (self.of(term) if term is not None else None) or text

    def _to_restore(self, alike: list[Label], parts: Sequence[Collection[Label]]) -> Collection[Label]:
        """Those of the labels that look alike that must not be shortened."""
        if len({(term, "" if term else text) for text, term in alike}) > 1:
            return alike
        if all(sum(label in part for label in alike) < 2 for part in parts):
            return ()
        return [(text, term) for text, term in alike if term is None or not self._is_name(text, term)]

    def _is_name(self, text: str, term: str) -> bool:
        return term in self.ontology and text == self.ontology.label(term)


def look(name: str) -> str:
    """What a reader remembers of a name: its letters and digits, whatever their case."""
    return "".join(letter for letter in unicodedata.normalize("NFKC", name).casefold() if letter.isalnum())


def is_abstention(label: str) -> bool:
    """Whether a label says that a tool gives a cell no single type, such as ``Unassigned`` or ``T/B doublet``."""
    text = look(label)
    letters = text.rstrip("0123456789") or text  # a number alone is a label that nobody can read
    forms = {letters, letters.removesuffix("s"), letters.removesuffix("s").removesuffix("cell")}
    is_no_type = not text or is_no_name(label) or not forms.isdisjoint(_NO_TYPE)
    return is_no_type or any(word in letters for word in _SEVERAL)
