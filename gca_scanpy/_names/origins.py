"""Where cells are from: the species and the tissues, as users write them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Optional

from attrs import frozen

from gca_scanpy._names.words import distance, nearest

_TAXON = re.compile(r"(?:ncbi ?taxon|ncbi:txid|taxon|taxid|txid|taxonomy(?: id)?)?[: ]*(\d+)")
_UBERON = re.compile(r"uberon[: ]?(\d{7})")
LONGEST = 300  # letters; a longer text is no name, and comparing it would take long
SHORTEST, SIMILAR = 4, 0.4  # letters; share of wrong letters up to which a word may be another
_BREAK = ","  # stands between two tissues, so that no name reaches over it
# Words that say nothing of where the cells are from; "fetal" does, because embryonic tissue has types of its own.
_NEUTRAL = frozenset(
    "a adenocarcinoma adenoma adjacent adult advanced aged aggregate and anterior area aspirate atlas benign biopsies "
    "biopsy brown brush brushing cancer carcinoma cell central chronic control covid culture cultured data dataset "
    "depleted derived developing development diffuse disease diseased distal dog donor dorsal ductal early enriched "
    "entire epithelial epithelium ex explant ffpe fibrosis fluid fresh from frozen gland grade healthy high homo "
    "human immune in infected infiltrating inflamed inflammatory invasive ipsc juvenile late lavage left lesion lobe "
    "lobular low lower macaque malignancy malignant marmoset mass medial metastases metastasis metastatic mice "
    "microenvironment monkey mononuclear mouse mucosa murine mus muscularis musculus neonatal neoplasm neoplastic "
    "newborn normal nuclear nuclei nucleus of old organ organoid papillary parenchyma part pathological patient "
    "pediatric perilesional peripheral pig posterior postnatal primary proximal rabbit rat recurrent region resection "
    "rhesus right rna sample sapiens scrna section seq serous single site slice snrna solid sorted specimen spheroid "
    "squamous stage stroma stromal subcutaneous submucosa suspension swab system the tissue total tract treated tumor "
    "tumour type untreated upper ventral visceral vitro vivo wall washing white whole with xenograft young".split()
)


@frozen
class Species:
    """A mammal whose genes can be read.

    Attributes
    ----------
    name
        Common name, such as ``rat``.
    latin
        Latin name.
    genes_of
        ``human`` or ``mouse``: the species whose gene symbols and markers are used.
    """

    name: str
    latin: str
    genes_of: str

    @property
    def is_described(self) -> bool:
        """Whether the marker database describes the species itself, and not only a relative."""
        return self.name == self.genes_of


@frozen
class SpeciesTable:
    """The species by each of their names in lower case, and by taxon id."""

    rows: Mapping[str, Species]

    @property
    def names(self) -> tuple[str, ...]:
        """The common names, in the order of the table."""
        return tuple(dict.fromkeys(species.name for species in self.rows.values()))

    def find(self, text: object) -> Optional[Species]:
        """The species that a text or a taxon id names; None if it names none.

        Case, ``_`` for a space, abbreviated Latin names (``hsapiens``, ``M. musculus``) and the name of a subspecies
        after the Latin name make no difference.
        """
        if isinstance(text, bool) or not isinstance(text, (str, int)):
            return None
        name = str(text)
        # An address of the ontology ends in the id.
        key = _species_key(name.rpartition("/")[2] if "://" in name else name)
        taxon = _TAXON.fullmatch(key)
        if taxon:
            return self.rows.get(taxon[1])
        words = key.split()
        for form in (key, " ".join(words[:3]), " ".join(words[:2])):
            if form in self.rows:
                return self.rows[form]
        in_brackets = re.fullmatch(r"(.+?) ?\((.+)\)", key)  # Homo sapiens (human)
        return (self.find(in_brackets[1]) or self.find(in_brackets[2])) if in_brackets else None

    def nearest(self, text: str) -> list[str]:
        """The common names of the species that are written most like a text."""
        return list(dict.fromkeys(self.rows[name].name for name in nearest(_species_key(text), self.rows)))


def read_species(lines: Iterable[str]) -> SpeciesTable:
    """Read the lines of ``species.tsv``, header first."""
    rows: dict[str, Species] = {}
    for line in list(lines)[1:]:
        name, latin, taxon, genes_of, others = line.rstrip("\n").split("\t")
        species = Species(name, latin, genes_of)
        genus, _, epithet = latin.lower().partition(" ")
        short = [f"{genus[0]}{epithet}", f"{genus[0]} {epithet}"] if epithet else []
        for key in (name, latin, taxon, *short, *filter(None, others.split(","))):
            rows.setdefault(_species_key(key), species)
    return SpeciesTable(rows)


def _species_key(text: str) -> str:
    return " ".join(re.sub(r"[_\-.\s]+", " ", text).casefold().split())


@frozen
class Reading:
    """What a text about tissues was understood as.

    Attributes
    ----------
    tissues
        Canonical tissues; empty if the text names none, or contains words that are not understood.
    corrected
        The spelling that was read instead of the given one; empty if that one is correct.
    """

    tissues: tuple[str, ...]
    corrected: str = ""


@frozen(slots=False)
class Tissues:
    """The tissue vocabulary.

    Attributes
    ----------
    names
        Canonical tissues by each of their names, and by UBERON id in lower case. Some names, such as ``gut``, mean
        several tissues.
    """

    names: Mapping[str, tuple[str, ...]]

    @property
    def canonical(self) -> tuple[str, ...]:
        """All canonical tissues."""
        return tuple(dict.fromkeys(tissue for tissues in self.names.values() for tissue in tissues))

    def resolve(self, text: str) -> tuple[str, ...]:
        """The canonical tissues that a text names, whatever else it contains; empty if it names none.

        The longest names count: ``bone marrow`` is the marrow, and not the bone. ``fetal liver`` is liver and embryo.
        """
        return self._tissues(self._split(text)[0])

    def read(self, text: str) -> Reading:
        """The canonical tissues that a text names.

        Each word must be understood, or be misspelled by a letter, or be like no word of the vocabulary: it may be a
        name of something else.
        """
        if len(text) > LONGEST:
            return Reading(())
        known, unknown = self._split(text)
        if _UBERON.search(_key(text)) or not unknown:  # an id is not misspelled
            return Reading(() if unknown else self._tissues(known))
        read = self._correct_whole(text) or self._correct_words(text, unknown)
        if not read and not any(self._is_similar(word) for word in unknown):
            read = ", ".join(known)
        return Reading(self.resolve(read), read)

    def nearest(self, text: str, n: int = 3) -> list[str]:
        """The ``n`` known names that are most similar to a text; empty if none is similar."""
        return nearest(_key(text), self._written, n) if len(text) <= LONGEST else []

    def _tissues(self, known: Iterable[str]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(tissue for name in known for tissue in self.names[name]))

    def _split(self, text: str) -> tuple[list[str], list[str]]:
        """The known names in a text, and the words that mean nothing."""
        key = _key(text)
        if key in self.names:
            return [key], []
        ids = [f"uberon:{number}" for number in _UBERON.findall(key)]
        parts = re.split(r"[,;|+]+| and " if "://" in key else r"[,;|+/]+| and ", key)
        if ids and len(parts) > 1:
            split = [self._split(part) for part in parts]
            return [name for known, _ in split for name in known], [word for _, unknown in split for word in unknown]
        if ids:  # the words beside an id are its name
            return [name for name in ids if name in self.names], [name for name in ids if name not in self.names]
        words, known, unknown = _words(key), [], []
        while words:
            length = next((n for n in range(len(words), 0, -1) if self._name(words[:n])), 0)
            if length:
                known.append(self._name(words[:length]))
            elif not _is_neutral(words[0]):
                unknown.append(words[0])
            words = words[length or 1 :]
        return known, unknown

    def _name(self, words: Sequence[str]) -> str:
        """The known name that these words form, in singular or plural, or an empty string."""
        return next((form for form in _singulars(" ".join(words)) if form in self.names), "")

    def _correct_whole(self, text: str) -> str:
        """The only known name that differs from a text by spaces and a letter or two, or an empty string."""
        word = "".join(word for word in _words(_key(text)) if not _is_neutral(word))
        best = _closest(word, {name: name.replace(" ", "") for name in self._written})
        return best[0] if len({self.names[name] for name in best}) == 1 else ""

    def _correct_words(self, text: str, unknown: Sequence[str]) -> str:
        """The text with each unknown word replaced with the nearest known one; empty if one has none."""
        best = {word: _closest(word, self._words) for word in unknown}
        if any(len(words) != 1 for words in best.values()):
            return ""
        words = [best[word][0] if word in best else word for word in _words(_key(text))]
        corrected = " ".join(words).replace(f" {_BREAK}", _BREAK)
        return corrected if not self._split(corrected)[1] else ""

    def _is_similar(self, word: str) -> bool:
        """Whether a word may be a misspelled word of the vocabulary, though no single one is meant."""
        words = [other for other in self._words if min(len(word), len(other)) >= SHORTEST and other[0] == word[0]]
        return any(distance(word, other) <= SIMILAR * max(len(word), len(other)) for other in words)

    @cached_property
    def _words(self) -> dict[str, str]:
        """The words of all names, each by itself."""
        return {word: word for name in self._written for word in name.split()}

    @cached_property
    def _written(self) -> list[str]:
        """The names without ids."""
        return [name for name in self.names if not name.startswith("uberon:")]


def read_tissues(lines: Iterable[str]) -> Tissues:
    """Read the vocabulary from the lines of ``tissues.tsv``, header first.

    A line has a tissue, the UBERON ids of it and its parts, and its other names.
    """
    names: dict[str, tuple[str, ...]] = {}
    for line in list(lines)[1:]:
        tissue, ids, others = line.rstrip("\n").split("\t")
        for name in [tissue, *filter(None, ids.split(",")), *filter(None, others.split(","))]:
            names[_key(name)] = (*names.get(_key(name), ()), tissue)
    return Tissues(names)


def _key(name: str) -> str:
    return re.sub(r"[\s_\-]+", " ", name.casefold().replace("&", " and ")).strip()


def _words(key: str) -> list[str]:
    return re.sub(r"[,;/|+()\[\]]+", f" {_BREAK} ", key).split()


def _singulars(phrase: str) -> tuple[str, ...]:
    return (phrase, phrase.removesuffix("s"), phrase.removesuffix("es"), f"{phrase.removesuffix('ies')}y")


def _is_neutral(word: str) -> bool:
    """Whether a word says nothing of the tissue: so do numbers (``donor 3``, ``E14.5``) and signs."""
    return word == _BREAK or any(c.isdigit() for c in word) or not _NEUTRAL.isdisjoint(_singulars(word))


def _closest(word: str, spelled: Mapping[str, str]) -> list[str]:
    """The names whose spelling is nearest to a word and begins as it does, if few letters differ.

    One letter may differ, and two in a long word. In a short one, such as BRCA, none: it would be another word.
    """
    near = {}
    for name, text in spelled.items():
        allowed = _allowed(max(len(word), len(text)))
        if text[:1] == word[:1] and abs(len(word) - len(text)) <= allowed and distance(word, text) <= allowed:
            near[name] = distance(word, text)
    return [name for name, n in near.items() if n == min(near.values())]


def _allowed(length: int) -> int:
    return 0 if length < 5 else 1 if length < 9 else 2
