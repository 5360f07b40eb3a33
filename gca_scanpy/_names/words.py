"""The words of a cell-type name in one form, the parts of a name that joins types, and how far two words are apart."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache
from typing import Optional

from attrs import evolve, field, frozen

Key = tuple[str, ...]  # the words of a name, sorted
NAME, MARKER, STATE, NUMBER, LETTER, TYPO, UNKNOWN = "name", "marker", "state", "number", "letter", "typo", "unknown"
SAME, NOISE = "same", "noise"  # of a word in the lexicon: it stands for other words, or for nothing
KINDS = (SAME, STATE, NOISE)
DASHES = dict.fromkeys([*range(0x2010, 0x2016), 0x2212], "-")
_GREEK_LETTERS = {"α": " alpha ", "β": " beta ", "γ": " gamma ", "δ": " delta ", "ε": " epsilon ", "κ": " kappa ",
                  "λ": " lambda ", "φ": "phi"}  # fmt: skip
_GREEK = str.maketrans(
    {**_GREEK_LETTERS, **{letter.upper(): name for letter, name in _GREEK_LETTERS.items()},
     "⁺": "+", "⁻": "-", "’": "", "´": ""}
)  # fmt: skip
_BRACKETS = re.compile(r"[(\[{]([^()\[\]{}]*)[)\]}]")
_SIGN_IN_BRACKETS = re.compile(r"\(\s*([+-])\s*\)")
# "CD4-positive", "CD4+", "CD4 pos": one word with its sign. "Double positive" names no marker.
_POSITIVE = re.compile(r"\b(?!double|single|triple)([a-z][a-z0-9]*)(?:[\s_-]*(?:positive|pos)\b|\+)", re.IGNORECASE)
_NEGATIVE = re.compile(
    r"\b(?!double|single|triple)([a-z][a-z0-9]*)(?:[\s_-]*(?:negative|neg)\b|-(?=[\s,;/.)]|$|cd\d))", re.IGNORECASE
)
_LEVEL = re.compile(r"\b(cd\d+[a-z]?)[\s_-]?(bright|dim|high|hi|low|lo)(?=[^a-z]|nk|$)", re.IGNORECASE)
_LEVELS = {"hi": "high", "lo": "low"}
_LAYERS = re.compile(r"\b(l[1-6])[/._-]([1-6][ab]?)(?![0-9])", re.IGNORECASE)
_COUNT = re.compile(r"\b(cells?)[\s_.-]+([0-9]+)\b", re.IGNORECASE)  # "B cell 1" is not "B-1 cell"
_WORD = re.compile(r"[A-Za-z0-9]+[⁺⁻]?")
_STEM_AND_NUMBER = re.compile(r"([a-z]{3,})([0-9]+)")
_BRITISH = (("haem", "hem"), ("oeso", "eso"), ("foet", "fet"), ("oestr", "estr"), ("our", "or"), ("leuco", "leuko"),
            ("centre", "center"), ("fibre", "fiber"), ("grey", "gray"), ("caec", "cec"), ("ised", "ized"))  # fmt: skip
_TYPE_ONE = re.compile(r"\b(type|class|group)[\s_-]+i\b", re.IGNORECASE)
_ROMAN = {"ii": "2", "iii": "3", "iv": "4"}
_ABBREVIATIONS = re.compile(r"[A-Z][A-Z0-9]*s")  # in the plural, such as "DCs"; too short for the rule for words
_NOT_PLURAL = ("ss", "us", "is", "ous")
_IRREGULAR = {"pancreas": "pancreas", "bronchi": "bronchus", "villi": "villus", "alveoli": "alveolus",
              "glomeruli": "glomerulus", "nuclei": "nucleus", "podia": "podium", "spermatogonia": "spermatogonium",
              "oogonia": "oogonium", "corpora": "corpus", "ganglia": "ganglion", "epithelia": "epithelium",
              "sperms": "sperm"}  # fmt: skip
# In front of another word, these are no abbreviations ("periductal").
_PREFIXES = frozenset("peri epi endo meso mono micro macro mega pre pro neuro myo osteo lympho fibro".split())
_MIN_TYPO, _MIN_WRONG, _MIN_PART = 6, 9, 3  # letters; in shorter words a wrong letter makes another word
_JOINTS = re.compile(r"\s*(?:/|&|,|;|\bor\b|\band\b)\s*", re.IGNORECASE)
# A gene with its sign in any form: "CD4+", "CD4(+)", "CD4pos", "CD4-positive", "CD25hi".
_SIGN = (
    r"(?:\s?\(?[+⁺]\)?|\s?\([-⁻−–]\)|[-⁻−–](?![a-z0-9])|[\s-]?(?:positive|negative|pos|neg)(?![a-z0-9])"
    r"|(?<=\d)[a-z]?[\s-]?(?:bright|dim|high|hi|low|lo|int)(?![a-z0-9]))"
)
_NAME = r"(?<![a-z0-9])(?!double|single|triple)[a-z][a-z0-9]*(?:-[0-9][a-z0-9]*)?"
_CD = r"(?<![a-z0-9])CD\d+[a-z]{0,2}(?![a-z0-9])"  # it may stand beside a marker without a sign of its own
_BETWEEN_MARKERS = re.compile(
    rf"(?P<left>{_NAME}{_SIGN})\s*[/,;]\s*(?=(?P<right>{_NAME}{_SIGN}|{_CD}))"
    rf"|(?P<left_cd>{_CD})\s*[/,;]\s*(?=(?P<right_signed>{_NAME}{_SIGN}))",
    re.IGNORECASE,
)
_NEGATIVE_MARKER = re.compile(r"[-⁻−–]\)?$|neg", re.IGNORECASE)
_CD4_OR_CD8 = re.compile(r"(cd[48])[ab]?(?:\W*|[\s-]?pos.*)", re.IGNORECASE)


@frozen
class Word:
    """A word of a label.

    Attributes
    ----------
    text
        The word in the form that all names share.
    written
        The word as the label has it.
    kind
        ``name``, ``marker``, ``state``, ``number``, ``letter``, ``typo`` (a name, but for a typing error) or
        ``unknown``.
    bracketed
        Whether it is in brackets.
    """

    text: str
    written: str
    kind: str = NAME
    bracketed: bool = False


@frozen
class Lexicon:
    """What single words mean.

    Attributes
    ----------
    same
        The words that a word or an abbreviation stands for (``fib``, ``fibroblast``).
    states
        The state that a word names (``cycling``, ``proliferation``).
    noise
        Words that change nothing (``cell``, ``cluster``).
    known
        Every word of the names that can be found, to know words that are written together, or wrong.
    """

    same: Mapping[str, tuple[str, ...]] = field(factory=dict)
    states: Mapping[str, str] = field(factory=dict)
    noise: frozenset[str] = frozenset()
    known: Collection[str] = frozenset()
    _meanings: dict[str, tuple[tuple[str, str], ...]] = field(factory=dict, init=False, repr=False, eq=False)

    def with_known(self, known: Collection[str]) -> Lexicon:
        """The same lexicon for labels, with the words of all names."""
        return evolve(self, known=known)

    def name(self, text: str) -> Key:
        """The words of a name of the ontology or a table, sorted."""
        words: list[str] = []
        text = _SIGN_IN_BRACKETS.sub(r"\1", text)
        for written in written_words(text):
            lower = _plain(written)
            words += self.same.get(lower, (lower,))
        return tuple(sorted(word for word in words if word not in self.noise) or sorted(words))

    def spelling(self, text: str) -> Key:
        """The words of a text in their order, singular and in lower case, with nothing expanded or left out."""
        return tuple(_plain(written) for written in written_words(text))

    def words(self, label: str) -> list[Word]:
        """The words of a label, in its order, without noise."""
        text, bracketed = _brackets(label)
        found = [word for part, inside in ((text, False), (bracketed, True)) for word in self._words(part, inside)]
        return [word for word in found if word.text not in self.noise]

    def _words(self, text: str, inside: bool) -> list[Word]:
        pairs = ((written, pair) for written in written_words(text) for pair in self._of(written))
        return [Word(word, written, kind, inside) for written, (word, kind) in pairs]

    def _of(self, written: str) -> tuple[tuple[str, str], ...]:
        """The words that a written word stands for, with their kinds."""
        lower = _plain(written)
        if lower not in self._meanings:
            self._meanings[lower] = tuple(self._meaning(lower))
        return self._meanings[lower]

    def _meaning(self, lower: str) -> list[tuple[str, str]]:
        if lower in self.states:
            return [(lower, STATE)]
        if lower.removeprefix("no").isdigit():
            return [(lower, NUMBER)]
        parts = self._parts(lower)
        if parts:
            return [(part, _kind(part)) for part in parts]
        if len(lower) == 1:
            return [(lower, LETTER)]
        if lower[-1] in "+-":
            return [(lower, MARKER)]
        match = _STEM_AND_NUMBER.fullmatch(lower)
        stem = self._parts(match[1]) if match else ()
        if match and stem:
            return [*((part, NAME) for part in stem), (match[2], NUMBER)]
        close = self._typo(lower)
        return [(part, TYPO) for part in self.same.get(close, (close,))] if close else [(lower, UNKNOWN)]

    def _parts(self, lower: str) -> tuple[str, ...]:
        """The known words that a word stands for, or that are written together in it."""
        if self._is_known(lower):
            return self.same.get(lower, (lower,))
        if lower.endswith("s") and self._is_known(lower[:-1]):  # "DCs"
            return self._parts(lower[:-1])
        if lower.endswith("cell") and self._is_known(lower[:-4]):  # "PPcell"
            return self._parts(lower[:-4])
        pieces = self._split(lower)
        if not pieces and lower[0] in "hm" and len(lower) > _MIN_PART and self._is_known(lower[1:]):
            pieces = (lower[1:],)  # "hBcell", of human
        return tuple(word for piece in pieces for word in self.same.get(piece, (piece,)))

    def _split(self, word: str) -> tuple[str, ...]:
        """The known words that are written together ("EndothelialLymph"); empty if some of it is not known."""
        for end in range(len(word) - 1, _MIN_PART - 1, -1):
            first, rest = word[:end], word[end:]
            if not self._is_known(first) or (first in _PREFIXES and len(rest) > 1):
                continue
            known = self._is_known(rest) and (len(rest) >= _MIN_PART or rest in "bt")
            others = (rest,) if known else self._split(rest)
            if others:
                return (first, *others)
        return ()

    def _is_known(self, word: str) -> bool:
        return word in self.same or word in self.known or word in self.noise or word in self.states

    def _typo(self, word: str) -> Optional[str]:
        """The only known word that differs from this one by a slip of the keyboard."""
        near = [known for known in self.known if _one_edit(word, known)] if len(word) >= _MIN_TYPO else []
        return near[0] if len(near) == 1 else None


def read_lexicon(lines: Iterable[str]) -> Lexicon:
    """Read the lines of ``cell_words.tsv``: a header, then word, kind and meaning."""
    rows = [line.rstrip("\n").split("\t") for line in list(lines)[1:]]
    by_kind = {kind: {row[0]: row[2] for row in rows if row[1] == kind} for kind in KINDS}
    same = {word: tuple(meaning.split()) for word, meaning in by_kind[SAME].items()}
    return Lexicon(same, by_kind[STATE], frozenset(by_kind[NOISE]))


def _kind(word: str) -> str:
    return MARKER if word[-1] in "+-" else NUMBER if word.isdigit() else NAME


def _brackets(text: str) -> tuple[str, str]:
    """The text outside of brackets, and the text inside."""
    text = _SIGN_IN_BRACKETS.sub(r"\1", text)
    return _BRACKETS.sub(" ", text), " ; ".join(_BRACKETS.findall(text))


def _decomposed(text: str) -> str:
    """A text without accents, with plain dashes, and with the names of Greek letters."""
    letters = unicodedata.normalize("NFKD", text).translate(DASHES).translate(_GREEK)
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def written_words(text: str) -> list[str]:
    """The words of a text as they are written; the sign of a marker is a part of its word."""
    plain = (text if text.isascii() else _decomposed(text)).replace("'", "").replace("`", "")
    plain = _LAYERS.sub(r"\1to\2", _TYPE_ONE.sub(r"\1 1", plain))
    plain = _LEVEL.sub(lambda match: f"{match[1]} {_LEVELS.get(match[2].lower(), match[2])} ", plain)
    plain = _NEGATIVE.sub(r"\1⁻ ", _POSITIVE.sub(r"\1⁺ ", plain))
    return [word.replace("⁺", "+").replace("⁻", "-") for word in _WORD.findall(_COUNT.sub(r"\1 no\2", plain))]


@lru_cache(maxsize=8192)  # most words occur in many names
def _plain(written: str) -> str:
    """A word in lower case, singular and American."""
    word = (written[:-1] if _ABBREVIATIONS.fullmatch(written) else written).lower()
    for british, american in _BRITISH:
        word = word.replace(british, american) if british in word and len(word) > len(british) + 1 else word
    return _ROMAN.get(word, singular(word))


def singular(word: str) -> str:
    """A word in the singular; short words, and words like "callus", stay as they are."""
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if len(word) <= 3 or not word.endswith("s") or word.endswith(_NOT_PLURAL):
        return word
    return f"{word[:-3]}y" if word.endswith("ies") else word[:-1]


def _one_edit(first: str, second: str) -> bool:
    """Whether one letter is missing, added, wrong, or swapped with the next."""
    if abs(len(first) - len(second)) > 1 or first[0] != second[0]:
        return False
    start = next((i for i, (a, b) in enumerate(zip(first, second)) if a != b), min(len(first), len(second)))
    a, b = first[start:], second[start:]
    wrong = len(first) >= _MIN_WRONG and a[1:] == b[1:]
    return a[1:] == b or a == b[1:] or wrong or (a[:2] == b[:2][::-1] and a[2:] == b[2:])


def parts_of(text: str) -> list[str]:
    """The parts of a label that joins types, such as "NK/T"."""
    return [part for part in _JOINTS.split(_BETWEEN_MARKERS.sub(_joined, text)) if part.strip()]


def _joined(match: re.Match[str]) -> str:
    """Two markers of one type without the slash between them."""
    left = match["left"] or match["left_cd"]
    right = match["right"] or match["right_signed"]
    are_genes = any(letter.isdigit() or letter in "+⁺" for letter in left + right)  # "NK-/T- cells" has none
    return f"{left} " if are_genes and not _are_two_types(left, right) else match[0]


def _are_two_types(left: str, right: str) -> bool:
    """Whether it is "CD4+/CD8+": a mature T cell has one of them. "CD4-/CD8-" is one type."""
    found = [_CD4_OR_CD8.fullmatch(marker) for marker in (left, right) if not _NEGATIVE_MARKER.search(marker)]
    return len({match[1].lower() for match in found if match}) > 1


def distance(first: str, second: str) -> int:
    """The fewest letters to insert, delete, replace or swap with their neighbor to make one word of the other."""
    before: list[int] = []
    row = list(range(len(second) + 1))
    for i, letter in enumerate(first, 1):
        two_before, before, row = before, row, [i]
        for j, other in enumerate(second, 1):
            steps = [before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != other)]
            if i > 1 and j > 1 and letter == second[j - 2] and first[i - 2] == other:
                steps.append(two_before[j - 2] + 1)
            row.append(min(steps))
    return row[-1]


def nearest(word: str, names: Iterable[str], n: int = 3) -> list[str]:
    """The ``n`` names that are most similar to a word; those of which less than half agrees are left out."""
    similar = [name for name in names if 2 * min(len(word), len(name)) >= max(len(word), len(name))]
    scored = [(distance(word, name) / max(len(word), len(name), 1), name) for name in similar]
    return [name for score, name in sorted(scored) if score <= 0.5][:n]
