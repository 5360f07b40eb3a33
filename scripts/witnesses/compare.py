"""The witnesses of each fact, what the profiles contradict, and what the lists state and the database lacks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Optional

from attrs import define, field, frozen

from gca_scanpy._names.ontology import Ontology
from gca_scanpy._scoring.facts import PublicSource
from witnesses.citations import Cited
from witnesses.lists import Listed
from witnesses.profiles import STEPS, Profile, Standing, standing

MIN_LOW = 3  # profiles in which a gene is low; then they contradict the fact
MIN_POSITIVE = 2  # independent lists that state a negative fact as positive; then they contradict it
MIN_SOURCES = 3  # independent sources that state a fact that the database lacks; then it is proposed


@frozen
class Cells:
    """The three columns of a fact, as the files have them: codes of sources.

    Attributes
    ----------
    stated
        The lists that state the fact for this very term.
    nearby
        The lists that state it for a neighbor only, and the profiles of a neighbor in which the gene stands out, each
        with the digits of the nearest such term.
    seen
        The profiles of the type that measure the gene: those in which it stands out, and after a slash the others.
    """

    stated: str = ""
    nearby: str = ""
    seen: str = ""


NO_CELLS = Cells()


@define(eq=False)
class Evidence:
    """What all sources state.

    Attributes
    ----------
    sources
        The table of sources, by name.
    listed
        The facts of each list.
    profiles
        The expression profiles.
    cited
        The references of ASCT+B.
    """

    sources: Mapping[str, PublicSource]
    listed: Listed
    profiles: Sequence[Profile]
    ontology: Ontology
    cited: Cited = field(factory=dict)
    _standings: dict[tuple[str, str], Optional[Standing]] = field(factory=dict, init=False)

    def cells(self, term: str, gene: str, role: str, species: str, before: Cells = NO_CELLS) -> Cells:
        """The columns of a fact; the species is empty for both. What sources that are absent stated before, stays."""
        fact = (gene.upper(), role)
        stated = [name for name, facts in self.listed.items() if (term, *fact) in facts]
        others = self.listed.keys() - set(stated)
        near = {name: self._nearest(term, self.by_gene[name].get(fact, ())) for name in others}
        seen: list[str] = []
        unseen: list[str] = []
        for profile, tells in self._measured(term, gene, species):
            stands_out = bool(tells.stands_out[profile.genes[gene.upper()]])
            if tells.term == term:
                (seen if stands_out else unseen).append(profile.name)
            elif stands_out and role == "positive":
                near[profile.name] = tells.term
        old_seen, _, old_unseen = before.seen.partition("/")
        for names, codes in ((stated, before.stated), (seen, old_seen), (unseen, old_unseen)):
            names += [name for name, code in self._coded(self.absent) if code in codes]
        old = {part[0]: f"CL:{part[1:]}" for part in before.nearby.split(",") if part}
        near.update({name: old[code] for name, code in self._coded(self.absent) if code in old})
        nearby = [f"{code}{near[name].removeprefix('CL:')}" for name, code in self._coded(near) if near[name]]
        both = ["".join(code for _, code in self._coded(names)) for names in (seen, unseen)]
        return Cells("".join(code for _, code in self._coded(stated)), ",".join(nearby), "/".join(both).rstrip("/"))

    def contradiction(self, term: str, gene: str, role: str, species: str) -> str:
        """Why the sources contradict a fact; empty if they do not."""
        measured = list(self._measured(term, gene, species))
        low = [profile.name for profile, tells in measured if tells.is_low[profile.genes[gene.upper()]]]
        if role == "positive":
            return f"low in {', '.join(low)}" if len(low) >= MIN_LOW else ""
        own = [(profile, tells) for profile, tells in measured if tells.term == term]
        seen = [profile.name for profile, tells in own if tells.stands_out[profile.genes[gene.upper()]]]
        if len(seen) >= MIN_LOW:
            return f"stands out in {', '.join(seen)}"
        stated = [name for name, facts in self.listed.items() if (term, gene.upper(), "positive") in facts]
        return f"positive in {', '.join(stated)}" if self.independent(stated) >= MIN_POSITIVE else ""

    def proposals(self, known: Iterable[tuple[str, str]]) -> list[tuple[str, str, tuple[str, ...]]]:
        """Term, gene and sources of what enough independent sources state and ``known`` (term and gene) lacks."""
        stating: dict[tuple[str, str], list[str]] = defaultdict(list)
        for name, facts in self.listed.items():
            for term, gene, role in facts:
                if role == "positive":
                    stating[term, gene].append(name)
        there = {(term, gene.upper()) for term, gene in known}
        proposed = []
        for (term, gene), names in sorted(stating.items()):
            if (term, gene) not in there:
                own = [(p, s) for p, s in self._measured(term, gene, "") if s.term == term]
                names += [profile.name for profile, tells in own if tells.stands_out[profile.genes[gene]]]
                if self.independent(names) >= MIN_SOURCES:
                    proposed.append((term, gene, tuple(names)))
        return proposed

    def independent(self, names: Iterable[str]) -> int:
        """How many of the sources are independent: vendors copy from one another, and profiles count as one."""
        return len({self.sources[name].group for name in names})

    @cached_property
    def absent(self) -> tuple[str, ...]:
        """The sources that are in none of the folders."""
        there = {*self.listed, *(profile.name for profile in self.profiles)}
        return tuple(name for name in self.sources if name not in there)

    @cached_property
    def by_gene(self) -> Mapping[str, Mapping[tuple[str, str], list[str]]]:
        """The terms for which each list states a gene with a role."""
        terms: dict[str, dict[tuple[str, str], list[str]]] = {name: defaultdict(list) for name in self.listed}
        for name, facts in self.listed.items():
            for term, gene, role in sorted(facts):
                terms[name][gene, role].append(term)
        return terms

    def _nearest(self, term: str, others: Iterable[str]) -> str:
        """The nearest of the terms that are a neighbor of a term, kinds before ancestors; empty if none is."""
        above = self.ontology.ancestors(term)
        found = []
        for other in others:
            steps = self.ontology.ancestors(other).get(term)
            if steps is not None:
                found.append((steps, 0, other))
            elif other in above:
                found.append((above[other], 1, other))
        near = min(found, default=(STEPS + 1, 0, ""))
        return near[2] if near[0] <= STEPS else ""

    def _measured(self, term: str, gene: str, species: str) -> Iterable[tuple[Profile, Standing]]:
        """The profiles that tell about a type and measure a gene."""
        for profile in self.profiles:
            if species in ("", profile.species) and gene.upper() in profile.genes:
                key = profile.name, term
                if key not in self._standings:
                    self._standings[key] = standing(profile, term, self.ontology)
                tells = self._standings[key]
                if tells is not None:
                    yield profile, tells

    def _coded(self, names: Iterable[str]) -> list[tuple[str, str]]:
        """Sources with their codes, in the order of the table of sources."""
        wanted = set(names)
        return [(name, source.code) for name, source in self.sources.items() if name in wanted]
