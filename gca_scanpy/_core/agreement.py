"""Whether a label that is no name of the ontology says the same as a term."""

from __future__ import annotations

from gca_scanpy._core.ontology import Term, normalise_name

# Words that nearly every name has: two names that share nothing else do not agree.
_COMMON = frozenset({"cell", "positive", "of", "the", "and", "type", "like", "human", "mouse"})
# Words that turn a name round: a non-classical monocyte is no classical one.
_TURNING = frozenset({"non", "not", "negative", "no", "pre", "pro", "anti"})


def agrees(label: str, term: Term) -> bool:
    """Whether the words of a label hold those of one of the term's names, or the other way round."""
    words = _words(label)
    return any(_same(words, _words(name)) for name in (term.label, *term.synonyms))


def _words(name: str) -> frozenset[str]:
    return frozenset(normalise_name(name).replace(",", " ").replace("/", " ").split())


def _same(first: frozenset[str], second: frozenset[str]) -> bool:
    if first & _TURNING != second & _TURNING:
        return False
    shared = first & second - _COMMON
    return bool(shared) and (first <= second or second <= first)
