"""Short names of cell types in place of long labels, where no two types may look alike."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Optional

from attrs import frozen

from gca_scanpy._names.ontology import Ontology

Label = tuple[str, Optional[str]]  # a label, and its term if it has one


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
