"""The names that complete what a curator types."""

from __future__ import annotations

import re
from functools import lru_cache

from gca_scanpy._names.ontology import Ontology, normalize_name
from gca_scanpy.db import _bundled
from gca_scanpy.model import ClusterReport

TERM = re.compile(r"CL:\d{7}")


def offered(cluster: ClusterReport) -> dict[str, str]:
    """What is offered for a cluster and the label that it means: the run's own ideas first, then the Cell Ontology."""
    annotation = cluster.annotation
    ideas = [
        (annotation.proposed_label, annotation.proposed_ontology_id),
        *((candidate.label, candidate.ontology_id) for candidate in cluster.candidates),
        *((alternative.label, alternative.ontology_id) for alternative in annotation.alternatives),
    ]
    ontology = _bundled.ontology()
    found = {
        _shown(label, term): term if term is not None and term in ontology else label
        for label, term in ideas
        if label.strip()
    }
    return {**found, **_of_ontology()}


def meant(label: str, words: str) -> str:
    """The label of a chosen term (or idea of the run) and of a curator's own words, of which either may be empty."""
    if not words.strip():
        return label
    return f"{words} ({label})" if TERM.fullmatch(label) else words


@lru_cache(maxsize=1)
def _of_ontology() -> dict[str, str]:
    ontology = _bundled.ontology()
    labels = {_shown(term.label, term.id): term.id for term in ontology.terms.values()}
    synonyms = {f"{name} → {_shown(ontology.label(term), term)}": term for name, term in _synonyms(ontology)}
    return {name: found[name] for found in (labels, synonyms) for name in sorted(found, key=str.casefold)}


def _synonyms(ontology: Ontology) -> list[tuple[str, str]]:
    """Synonyms and short names with their ids, but for those that are another name of the id in other letters."""
    own = ((synonym, term.id) for term in ontology.terms.values() for synonym in term.synonyms)
    met = {(normalize_name(term.label), term.id) for term in ontology.terms.values()}
    found = []
    for name, term in [*own, *ontology.names.items()]:
        if (normalize_name(name), term) not in met:
            met.add((normalize_name(name), term))
            found.append((name, term))
    return found


def _shown(label: str, term: str | None) -> str:
    return f"{label} ({term})" if term else label
