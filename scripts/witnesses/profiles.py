"""Mean-expression profiles of cell types, and whether a gene stands out in a type.

A folder has ``columns.csv`` (profile, species, column, cl_id) and ``profiles/NAME.csv.gz``: genes x columns, mean
expression per 10,000. A profile tells about a type if one of its columns is the type, or a neighbor of it.

A gene **stands out** in a type if its mean there

- is at least ``DETECTED`` per 10,000,
- is at least ``FOLD`` times the median of the columns of other types, and
- is reached by at most ``TOP`` of these columns.

A gene is **low** in a type if its mean in every column of the type and its kinds is below ``LOW`` of the highest mean
in another type, and that mean is at least ``DETECTED_ELSEWHERE``. Other types are neither ancestors nor kinds of the
type; a profile with fewer than ``MIN_OTHERS`` of them tells nothing. In the profiles of 2026, canonical facts stand out
in 90 % of the cases, random genes in 9 %.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Optional

import numpy as np
import numpy.typing as npt
import pandas as pd
from attrs import frozen

from gca_scanpy._names.genes import GeneNames
from gca_scanpy._names.ontology import Ontology

DETECTED, DETECTED_ELSEWHERE = 0.1, 0.2
FOLD, TOP, LOW = 2.0, 0.2, 0.1
MIN_OTHERS = 4
STEPS = 2  # is-a steps to a neighbor
Flags = npt.NDArray[np.bool_]


@frozen(eq=False)
class Profile:
    """A table of means.

    Attributes
    ----------
    genes
        Position of each gene, by its symbol in capitals.
    terms
        Cell Ontology id of each column; empty if it is of no single type.
    means
        genes x columns, per 10,000.
    """

    name: str
    species: str
    genes: dict[str, int]
    terms: tuple[str, ...]
    means: npt.NDArray[np.float64]


@frozen(eq=False)
class Standing:
    """What a profile tells about a type.

    Attributes
    ----------
    term
        The term of the columns that were looked at: the type itself, or its nearest neighbor.
    stands_out, is_low
        One value per gene of the profile.
    """

    term: str
    stands_out: Flags
    is_low: Flags


def read(folder: Path, names: GeneNames, known: Mapping[str, str]) -> Iterator[Profile]:
    """The profiles of a folder, in the order of ``columns.csv``; none if it has no such file.

    Parameters
    ----------
    known
        Symbols of the marker database by their upper-case form.
    """
    listed = folder / "columns.csv"
    if not listed.is_file():
        return
    columns = pd.read_csv(listed, dtype=str).fillna("")
    for name, rows in columns.groupby("profile", sort=False):
        species = rows["species"].iloc[0]
        table = pd.read_csv(folder / "profiles" / f"{name}.csv.gz", index_col=0)
        symbols = [(names.canonical(str(gene), species, known) or str(gene)).upper() for gene in table.index]
        genes = {symbol: position for position, symbol in reversed(list(enumerate(symbols)))}
        terms = dict(zip(rows["column"], rows["cl_id"]))
        yield Profile(
            str(name), species, genes, tuple(terms.get(column, "") for column in table), table.to_numpy(dtype=float)
        )


def standing(profile: Profile, term: str, ontology: Ontology) -> Optional[Standing]:
    """What a profile tells about a type; None if it has no column of it or of a neighbor, or too few other types."""
    kinds = [i for i, other in enumerate(profile.terms) if other and term in ontology.ancestors(other)]
    own = [i for i, other in enumerate(profile.terms) if other == term]
    neighbor, columns = (term, own) if own else _nearest(profile.terms, term, ontology)
    others = [i for i, other in enumerate(profile.terms) if other and not ontology.related(other, term)]
    if not columns or len(others) < MIN_OTHERS:
        return None
    elsewhere, mean = profile.means[:, others], profile.means[:, columns].mean(axis=1)
    stands_out = mean >= np.maximum(DETECTED, FOLD * np.median(elsewhere, axis=1))
    stands_out &= (elsewhere >= mean[:, None]).mean(axis=1) <= TOP
    highest = elsewhere.max(axis=1)
    is_low = np.zeros(len(mean), dtype=bool)
    if own or kinds:
        is_low = (profile.means[:, own + kinds].max(axis=1) < LOW * highest) & (highest >= DETECTED_ELSEWHERE)
    return Standing(neighbor, stands_out, is_low)


def _nearest(terms: Sequence[str], term: str, ontology: Ontology) -> tuple[str, list[int]]:
    """The nearest kind of a type, or else its nearest ancestor, among the terms of columns; and these columns."""
    above = ontology.ancestors(term)
    kinds = {other: ontology.ancestors(other)[term] for other in terms if term in ontology.ancestors(other)}
    for near in (kinds, {other: above[other] for other in terms if other in above}):
        close = sorted((steps, other) for other, steps in near.items() if steps <= STEPS)
        if close:
            nearest = close[0][1]
            return nearest, [i for i, other in enumerate(terms) if other == nearest]
    return "", []
