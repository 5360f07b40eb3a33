"""Labels to Cell Ontology terms, one at a time or as a table, and terms to short names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Optional, Union, overload

from attrs import evolve

from gca_scanpy._arguments import ANY, TEXT, TISSUES, checked, optional
from gca_scanpy._names.resolver import PARSED, Reading
from gca_scanpy._prepare import check_species, genes_of
from gca_scanpy.db import _bundled
from gca_scanpy.errors import InputError, UnknownTissueWarning, warn

if TYPE_CHECKING:
    import pandas as pd

Tissue = Union[str, Sequence[str], None]
COLUMNS = ("label", "ontology_id", "name", "how", "score", "aside", "candidates", "reason")
# Terms of one species, by the ends of their labels.
_OF_HUMAN, _OF_MOUSE = (", human", "(Primate)"), (", mouse", "(Mmus)")


@checked(label=TEXT, tissue=optional(TISSUES), species=ANY)
def find(label: str, tissue: Tissue = None, species: Optional[str] = None) -> Reading:
    """The Cell Ontology term that a label says.

    A label is read as a person reads it: case, plural, punctuation, British spelling, Greek letters and common
    abbreviations do not matter, and numbers, states, markers and tissues beside the cell type are set aside. A label
    that may mean several types has no term but candidates.

    Parameters
    ----------
    label
        A cell type as a lab, a tool or a paper writes it, such as ``"CD14+ Mono"`` or ``"Fib_2"``.
    tissue
        The tissue, or several. Some names mean another type in another tissue: ``"PC"`` is a principal cell in the
        kidney, and a plasma cell in the tonsil.
    species
        As in :func:`gca_scanpy.tl.annotate`; a term of another species is replaced with the wider term for all.

    Returns
    -------
    Reading
        The term, how it was found, and what was set aside.

    Raises
    ------
    InputError
        If the label is not a string, or if the species is not known.

    Examples
    --------
    >>> import gca_scanpy as gca
    >>> reading = gca.names.find("CD14+ Mono 2", tissue="blood")
    >>> reading.ontology_id, reading.name, [word.text for word in reading.aside]
    ('CL:0001054', 'CD14-positive monocyte', ['2'])
    >>> gca.names.find("PC").candidates
    ('CL:0000786', 'CL:0000121', 'CL:0005009')
    """
    return _read(label, _tissues(tissue), species and genes_of(check_species(species)))


@checked(labels=ANY, tissue=optional(TISSUES), species=ANY)
def map(labels: Iterable[Any], tissue: Tissue = None, species: Optional[str] = None) -> pd.DataFrame:
    """The Cell Ontology terms that labels say.

    Parameters
    ----------
    labels
        Labels, such as a list or a column of ``.obs``. Missing values have no term.
    tissue, species
        See :func:`find`.

    Returns
    -------
    pandas.DataFrame
        A row for each label, in the order and with the index of ``labels``:

        - ``label``: as it was given.
        - ``ontology_id``, ``name``: the term and its name in the Cell Ontology, or None.
        - ``how``: ``"exact"`` (the name of the term), ``"synonym"``, ``"abbreviation"`` (a name that the field uses),
          ``"parsed"`` (part of the label names the term), ``"close"`` (but for a typing error), or ``"none"``.
        - ``score``: from 0 to 1, how much of the label the term stands for.
        - ``aside``: the words that were left aside, with their kinds.
        - ``candidates``: what the label may mean, or what it joins.
        - ``reason``: why there is no term, or that the label joins several types.

    Raises
    ------
    InputError
        If ``labels`` is not a sequence of labels, or if the species is not known.

    Examples
    --------
    >>> import gca_scanpy as gca
    >>> table = gca.names.map(["Fib_2", "Keratinocytes 1", "NK/T", "Doublets"])
    >>> table["name"].tolist()
    ['fibroblast', 'keratinocyte', 'lymphocyte', None]
    >>> table["aside"].tolist()
    ['number: 2', 'number: 1', '', 'state: Doublets']
    """
    import pandas as pd

    if isinstance(labels, (str, bytes)) or not isinstance(labels, Iterable) or hasattr(labels, "columns"):
        msg = f"labels is {type(labels).__name__}; pass a list or a column of labels, or one label to gca.names.find"
        raise InputError(msg)
    column = labels if isinstance(labels, pd.Series) else pd.Series(list(labels), dtype=object)
    tissues, known = _tissues(tissue), species and genes_of(check_species(species))
    ontology = _bundled.ontology()
    rows = {}
    for label in column.unique():
        reading = Reading(reason="there is no label") if pd.isna(label) else _read(str(label), tissues, known)
        aside = "; ".join(f"{word.kind}: {word.text}" for word in reading.aside)
        candidates = "; ".join(f"{ontology.label(term)} ({term})" for term in reading.candidates)
        rows[label] = (reading.ontology_id, reading.name, reading.how, reading.score, aside, candidates, reading.reason)
    cells = list(zip(*((label, *rows[label]) for label in column))) or [()] * len(COLUMNS)
    text = {name: pd.Series(values, column.index, dtype=object) for name, values in zip(COLUMNS, cells)}
    return pd.DataFrame(text).astype({"score": float})


def _read(label: str, tissues: frozenset[str], species: Optional[str]) -> Reading:
    ontology = _bundled.ontology()
    reading = ontology.read(label, tissues)
    others = {"human": _OF_MOUSE, "mouse": _OF_HUMAN}.get(species or "", ())
    term = reading.ontology_id
    if term is None or not ontology.label(term).endswith(others or ("\0",)):
        return reading
    wider = ontology.terms[term].parents[0]
    return evolve(reading, ontology_id=wider, name=ontology.label(wider), how=PARSED)


def _tissues(tissue: Tissue) -> frozenset[str]:
    """The canonical tissues that one or several texts name."""
    vocabulary = _bundled.tissues()
    found: set[str] = set()
    for text in [tissue] if isinstance(tissue, str) else tissue or ():
        reading = vocabulary.read(text)
        if reading.corrected:
            warn(f"tissue={text!r} is not known; it was read as {reading.corrected!r}", UnknownTissueWarning)
        elif not reading.tissues:
            near = ", ".join(vocabulary.nearest(text))
            hint = f"did you mean {near}?" if near else "gca presets lists many of those that are known"
            warn(f"tissue={text!r} is not known, so it decides nothing; {hint}", UnknownTissueWarning)
        found |= set(reading.tissues)
    return frozenset(found)


@overload
def short(ids: str) -> str: ...
@overload
def short(ids: Optional[Iterable[Any]]) -> Any: ...
@checked(ids=ANY)
def short(ids: Union[str, Iterable[Any], None]) -> Any:
    """The short names of Cell Ontology terms, such as ``"CD8 Tem"`` or ``"AT2"``, for legends and narrow tables.

    Each type of the bundled database has a short name of its own. :func:`find` reads it as the same term if it is
    given a tissue of the type.

    Parameters
    ----------
    ids
        A Cell Ontology id, or several, such as a list or a column of ``.obs``. Missing values stay missing.

    Returns
    -------
    str, list of str, or pandas.Series
        The short name of one id; a list for several; a column with the same index for a column. A term that the
        database does not have keeps its name in the Cell Ontology, so that it does not look like another type.

    Raises
    ------
    InputError
        If an id is not a term of the bundled Cell Ontology.

    Examples
    --------
    >>> import gca_scanpy as gca
    >>> gca.names.short("CL:0000913")
    'CD8 Tem'
    >>> gca.names.short(["CL:0002063", "CL:1001106", None])
    ['AT2', 'TAL', None]
    """
    import numpy as np
    import pandas as pd

    if isinstance(ids, str) or ids is None:
        return _name(ids)
    if isinstance(ids, bytes) or not isinstance(ids, Iterable) or hasattr(ids, "columns"):
        msg = f"ids is {type(ids).__name__}; pass a Cell Ontology id, or a list or a column of ids"
        raise InputError(msg)
    if not isinstance(ids, pd.Series):
        return [_name(term) for term in ids]
    try:
        codes, terms = pd.factorize(ids)  # a column has few ids and many cells
    except TypeError:  # of lists, none of which is an id
        codes, terms = np.arange(len(ids)), list(ids)
    names = np.array([*(_name(term) for term in terms), None], dtype=object)  # a missing value has the code -1
    return pd.Series(names[codes], ids.index, dtype=object, name=ids.name)


def _name(term: Any) -> Optional[str]:
    name = _bundled.shortener().of(term) if isinstance(term, str) else None
    if name is not None or term is None:
        return name
    import pandas as pd

    if pd.api.types.is_scalar(term) and pd.isna(term):
        return None
    msg = (
        f"{term!r} is not a term of the bundled Cell Ontology ({_bundled.ontology().version}); pass ids such as "
        "'CL:0000236', which gca.names.map gives for labels"
    )
    raise InputError(msg)
