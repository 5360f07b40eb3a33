"""Cell-type names of public marker tables to Cell Ontology ids."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Optional

from attrs import define

from gca_scanpy._names.ontology import Ontology, Term, normalize_name

LEFT_OUT = ""
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
_NEGATIVE = re.compile(r"(?<=[a-z0-9])-(?=[\s,)]|$)")
_WORDS = re.compile(r"[a-z0-9]+")
_NO_PLURAL = ("ss", "us", "is", "ous")
_SINGULAR = {"corpus": "corpus", "podia": "podium", "villi": "villus"}


def squeeze(name: str) -> str:
    """A name as lower-case letters and digits only, its words in the singular and without the word "cell".

    Coarser than :func:`gca_scanpy._names.ontology.normalize_name`: the tables write ``Fibro blasts-like cells``,
    ``β cell`` and ``CD4+ T cells``.
    """
    text = unicodedata.normalize("NFKC", name).strip().lower().translate(_GREEK)
    text = _NEGATIVE.sub(" negative ", text.replace("+", " positive "))
    words = [_singular(word) for word in _WORDS.findall(text.replace("natural killer", "nk"))]
    return "".join([word for word in words if word != "cell"] or words)


def _singular(word: str) -> str:
    if word in _SINGULAR:
        return _SINGULAR[word]
    if len(word) <= 3 or not word.endswith("s") or word.endswith(_NO_PLURAL):
        return word
    return f"{word[:-3]}y" if word.endswith("ies") else word[:-1]


@define(eq=False, slots=False)
class SourceNames:
    """What the public tables mean by their names.

    Attributes
    ----------
    ontology
        The terms that names are resolved to.
    rows
        The id by source, tissue (lower case, or empty for any) and squeezed name; an empty id leaves the name
        out, because no term fits.
    """

    ontology: Ontology
    rows: Mapping[tuple[str, str, str], str]

    def find(self, name: str, source: str = "", tissue: str = "", given: str = "") -> Optional[str]:
        """The Cell Ontology id of a name.

        Parameters
        ----------
        name
            As the table has it.
        source
            Name of the table, such as ``panglaodb``.
        tissue
            As the table has it: some names mean another cell in another organ.
        given
            The id that the table itself gives. The project's own rows outrank it, because the tables' ids
            are often those of a wider or an obsolete term.

        Returns
        -------
        str or None
            The id, ``""`` where the name is left out on purpose, None where nothing fits.
        """
        key = squeeze(name)
        for where in (" ".join(tissue.lower().split()), ""):
            if (source, where, key) in self.rows:
                return self.rows[source, where, key]
        if given in self.ontology:
            return given
        return self._by_name.get(key) or self._by_any_source.get(key)

    @cached_property
    def _by_name(self) -> dict[str, str]:
        labels: dict[str, set[str]] = {}
        synonyms: dict[str, set[str]] = {}
        for term in self.ontology.terms.values():
            labels.setdefault(squeeze(term.label), set()).add(term.id)
            for synonym in term.synonyms:
                synonyms.setdefault(squeeze(synonym), set()).add(term.id)
        return {**_unambiguous(synonyms), **_unambiguous(labels)}

    @cached_property
    def _by_any_source(self) -> dict[str, str]:
        """What every table means that has the name; others, such as gene set files, mean it as well."""
        ids: dict[str, set[str]] = {}
        for (_, _, key), cl_id in self.rows.items():
            ids.setdefault(key, set()).add(cl_id)
        return _unambiguous(ids)


def _unambiguous(ids: Mapping[str, set[str]]) -> dict[str, str]:
    return {name: next(iter(found)) for name, found in ids.items() if len(found) == 1 and LEFT_OUT not in found}


def read_source_names(lines: Iterable[str], ontology: Ontology) -> SourceNames:
    """The names in the lines of ``source_names.tsv``: a header, then source, tissue, name and id."""
    stream = iter(lines)
    next(stream)
    rows = {}
    for line in stream:
        source, tissue, name, cl_id = line.rstrip("\n").split("\t")
        rows[source, tissue, squeeze(name)] = cl_id
    return SourceNames(ontology, rows)


# Words that nearly every name has: two names that share nothing else do not agree.
_COMMON = frozenset({"cell", "positive", "of", "the", "and", "type", "like", "human", "mouse"})
# Words that turn a name round: a non-classical monocyte is no classical one.
_TURNING = frozenset({"non", "not", "negative", "no", "pre", "pro", "anti"})


def agrees(label: str, term: Term) -> bool:
    """Whether the words of a label hold those of one of the term's names, or the other way round."""
    words = _words(label)
    return any(_same(words, _words(name)) for name in (term.label, *term.synonyms))


def _words(name: str) -> frozenset[str]:
    return frozenset(normalize_name(name).replace(",", " ").replace("/", " ").split())


def _same(first: frozenset[str], second: frozenset[str]) -> bool:
    if first & _TURNING != second & _TURNING:
        return False
    shared = first & second - _COMMON
    return bool(shared) and (first <= second or second <= first)
