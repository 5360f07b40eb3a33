"""What each argument of a public function may be, once by its name, and the check that functions and classes share."""

from __future__ import annotations

import functools
import inspect
import math
import os
import re
import sys
from collections.abc import Iterable, Mapping
from numbers import Integral, Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, NamedTuple, TypeVar, cast

from gca_scanpy._keys import MAX_KEY, is_key
from gca_scanpy._secrets import Address, Concealed, Secret, Unusable
from gca_scanpy.errors import InputError, shown

if TYPE_CHECKING:
    from attrs import Attribute

Function = TypeVar("Function", bound=Callable[..., Any])
Validator = Callable[[Any, "Attribute[Any]", Any], None]


class Kind(NamedTuple):
    """What an argument may be.

    Attributes
    ----------
    accepts
        Whether a value can be used.
    text
        What is accepted, with an example, as the end of a sentence.
    is_secret
        Whether a refused value may be an API key, which no message shows.
    hint
        What to do about a refused value; empty if ``text`` says enough.
    seal
        Wraps a value that may be secret before anything else sees it, because tracebacks may show variables.
    """

    accepts: Callable[[Any], bool]
    text: str
    is_secret: bool = False
    hint: Callable[[Any], str] = lambda _: ""
    seal: Callable[[Any], Any] = lambda value: value


def check(name: str, value: Any, kind: Kind) -> None:
    """Refuse a value that is not of this kind.

    Raises
    ------
    InputError
        It names the argument, the value, and what is accepted.
    """
    if kind.accepts(value):
        return
    value_shown = repr(Unusable(value)) if kind.is_secret else shown(value)
    hints = [kind.hint(value), "" if kind.is_secret else _inner(value, kind)]
    msg = "; ".join([f"{name}={value_shown} must be {kind.text}", *filter(None, hints)])
    raise InputError(msg)


def checked(**kinds: Kind) -> Callable[[Function], Function]:
    """Make a decorator that checks the arguments of a function before it runs.

    Parameters
    ----------
    **kinds
        What an argument may be, if that differs from :data:`KINDS`.

    Raises
    ------
    KeyError
        By the decorator, so at import: if no kind is known for a parameter.
    """

    def decorate(function: Function) -> Function:
        parameters = inspect.signature(function).parameters.values()
        names = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
        known = {**KINDS, **kinds}
        own = {p.name: known[p.name] for p in parameters if p.kind is not p.VAR_KEYWORD and p.name != "self"}

        @functools.wraps(function)
        def call(*args: Any, **options: Any) -> Any:
            options.update({name: own[name].seal(options[name]) for name in own.keys() & options.keys()})
            for name, value in (*zip(names, args), *options.items()):
                if name in own:
                    check(name, value, own[name])
            return function(*args, **options)

        return cast(Function, call)

    return decorate


def of_kind(kind: Kind) -> Validator:
    """A validator that refuses what is not of this kind, with an :class:`~gca_scanpy.errors.InputError`."""
    return lambda _, attribute, value: check(attribute.name, value, kind)


def optional(kind: Kind) -> Kind:
    """The same kind, or None."""
    return kind._replace(accepts=lambda value: value is None or kind.accepts(value), text=f"{kind.text}, or None")


def one_of(*choices: str) -> Kind:
    """One of these words."""
    return Kind(lambda value: isinstance(value, str) and value in choices, f"one of: {', '.join(choices)}")


def _inner(value: Any, kind: Kind) -> str:
    """A hint if the value only wraps one that can be used: a list of one name, or a column instead of its name."""
    inner = value[0] if isinstance(value, (list, tuple)) and len(value) == 1 else None
    if is_a(value, "pandas", "Series"):
        inner = value.name
    return f"pass {shown(inner)} itself" if inner is not None and kind.accepts(inner) else ""


def is_a(value: Any, module: str, name: str) -> bool:
    """Whether a value is of a class that is not imported here: whoever has such an object has imported its module."""
    kind = getattr(sys.modules.get(module), name, None)
    return isinstance(kind, type) and isinstance(value, kind)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool) or type(value).__name__ == "bool_"  # numpy's


def _is_count(value: Any) -> bool:
    return isinstance(value, Integral) and not _is_flag(value) and int(value) >= 1


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not _is_flag(value) and math.isfinite(value)


def _is_path(value: Any) -> bool:
    text = os.fspath(value) if isinstance(value, (str, os.PathLike)) else None
    if not isinstance(text, str) or "\0" in text or not text.strip():
        return False
    try:
        return bool(os.fsencode(text) and Path(text).name)  # "." and "/" are no files
    except UnicodeEncodeError:  # half of a surrogate pair
        return False


def _is_sha256(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch("[0-9a-fA-F]{64}", value) is not None


def _is_ids(value: Any) -> bool:
    """Text, or an iterable of text and numbers. A mapping or a table has other contents than ids."""
    if isinstance(value, str):
        return True
    if isinstance(value, (bytes, Mapping)) or is_a(value, "pandas", "DataFrame") or getattr(value, "ndim", 1) != 1:
        return False
    return isinstance(value, Iterable)


def _is_secret(value: Any) -> bool:
    return isinstance(value, Secret)


def _conceal(value: Any) -> Any:
    if value is None or isinstance(value, Concealed):
        return value
    return Concealed(value) if _is_texts(value) else Unusable(value)


def _is_texts(value: Any) -> bool:
    return isinstance(value, Mapping) and all(isinstance(text, str) for text in value.values())


def _is_labels(value: Any) -> bool:
    return _is_texts(value) or (is_a(value, "pandas", "Series") and all(isinstance(text, str) for text in value))


def _no_text(value: Any) -> str:
    """The first value of a dict that is not text."""
    pairs = value.items() if isinstance(value, Mapping) else ()
    wrong = next((f"{shown(key)} is {shown(text)}" for key, text in pairs if not isinstance(text, str)), "")
    return f"{wrong}; it must be text" if wrong else ""


def _is_source(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return all(map(_is_source, value))
    is_loaded = is_a(value, "gca_scanpy._scoring.database", "MarkerDatabase")
    return _is_path(value) or is_loaded or is_a(value, "pandas", "DataFrame")


def _is_anndata(value: Any) -> bool:
    return is_a(value, "anndata", "AnnData")


def _is_report(value: Any) -> bool:
    return is_a(value, "gca_scanpy.model", "DatasetReport")


def _how_to_get_anndata(value: Any) -> str:
    """What to pass instead of an object that contains AnnData objects, of a path, or of a part of an object."""
    for attribute, holder in (("mod", "MuData"), ("tables", "SpatialData")):
        parts = getattr(value, attribute, None)
        if isinstance(parts, Mapping):
            names = ", ".join(map(repr, parts)) or "none"
            first = next(iter(parts), "rna")
            return f"a {holder} contains several ({names}): pass one of them, such as data.{attribute}[{first!r}]"
    if _is_report(value):
        return "it is the report already, so use it as it is"
    if isinstance(value, (str, os.PathLike)):
        return f"read the file first: scanpy.read({os.fspath(value)!r})"
    return "pass the object itself, not a part of it" if type(value).__module__.startswith("anndata") else ""


ANY = Kind(lambda _: True, "anything")  # checked where it is used
ANNDATA = Kind(_is_anndata, "an AnnData object", hint=_how_to_get_anndata)
REPORT = "an annotated AnnData object, or a report of gca_scanpy.get.report"
COLUMN = Kind(_is_text, "the name of a column of .obs, such as 'leiden'")
NAME = Kind(_is_text, "a name, as text")
TEXT = Kind(_is_text, "text")
FLAG = Kind(_is_flag, "True or False")
COUNT = Kind(_is_count, "a whole number from 1")
SECONDS = Kind(lambda value: _is_number(value) and value > 0, "a number of seconds above 0")
SHARE = Kind(lambda value: _is_number(value) and 0 <= value <= 1, "a number from 0 to 1")
PATH = Kind(_is_path, "the path of a file, such as 'report.json'")
KEY = Kind(
    is_key,
    f"a name that files can contain, such as 'gptca': 1 to {MAX_KEY} bytes of text without /, \\ and a leading dot",
)
IDS = Kind(_is_ids, "a list of cluster ids, such as ['0', '1']")
LABELS = Kind(_is_labels, "a dict with a text for each cluster id, such as {'0': 'B cell'}", hint=_no_text)
TERMS = Kind(_is_texts, "a dict with a type or an id for each label, such as {'CD19+ B': 'B cell'}", hint=_no_text)
NOTES = Kind(_is_texts, "a dict with a note for each cluster id, such as {'0': 'T and B cells'}", hint=_no_text)
TISSUES = Kind(
    lambda value: _is_text(value) or (isinstance(value, (list, tuple)) and all(map(_is_text, value))),
    "the name of a tissue, such as 'kidney', or a list of these",
)
HEADERS = Kind(_is_texts, "a dict of texts, such as {'X-Team': 'genomics'}", is_secret=True, seal=_conceal)
BASE_URL = Kind(_is_secret, "an address, such as 'http://127.0.0.1:8080'", is_secret=True, seal=Address.seal)
SOURCE = Kind(_is_source, "'bundled', the name of a public table, the path of a table, a DataFrame, or a list of these")
SAVE = Kind(
    lambda value: _is_flag(value) or _is_path(value) or (_is_text(value) and not value),
    "True, or the path of a file, such as 'plot.png'",
)
LABEL_STYLE = one_of("full", "short")
TYPE = Kind(_is_text, "the name or the Cell Ontology id of a type, such as 'B cell'")
AXES = Kind(lambda value: is_a(value, "matplotlib.axes", "Axes"), "matplotlib axes, such as plt.subplots()[1]")

is_count, is_text = of_kind(COUNT), of_kind(TEXT)

KINDS: Mapping[str, Kind] = {  # a parameter has one meaning wherever it occurs
    "accept": IDS,
    "adata": ANNDATA,
    "api_key": optional(Kind(_is_secret, TEXT.text, is_secret=True, seal=Secret.seal)),
    "ax": optional(AXES),
    "base_url": optional(BASE_URL),
    "basis": optional(Kind(_is_text, "the name of an embedding, such as 'umap'")),
    "certainty": optional(SHARE),
    "cell_type": TYPE,
    "cluster": Kind(_is_text, "the id of a cluster as text, such as '3'"),
    "cluster_key": COLUMN,
    "clusters": optional(IDS),
    "copy": FLAG,
    "data": Kind(lambda value: _is_anndata(value) or _is_report(value), REPORT, hint=_how_to_get_anndata),
    "deadline": SECONDS,
    "first": COLUMN,
    "format": optional(NAME),
    "gate": ANY,
    "gene": Kind(_is_text, "the name of a gene, such as 'CD79A'"),
    "gene_symbols": optional(Kind(_is_text, "the name of a column of .var, such as 'gene_symbols'")),
    "groupby": COLUMN,
    "groups": optional(IDS),
    "headers": optional(HEADERS),
    "hooks": ANY,
    "key": KEY,
    "key_added": KEY,
    "labels": LABELS,
    "layer": optional(Kind(_is_text, "the name of a layer, such as 'counts'")),
    "marker_db": optional(SOURCE),
    "markers": ANY,  # :mod:`gca_scanpy._ranking.given` says more about each wrong form
    "messages": Kind(
        lambda value: isinstance(value, (list, tuple)) and all(hasattr(one, "content") for one in value),
        "a list of messages with role and content",
    ),
    "method": Kind(_is_text, "a method of scanpy.tl.rank_genes_groups, such as 't-test'"),
    "mixed": optional(NOTES),
    "model": ANY,
    "n_genes": COUNT,
    "n_markers": COUNT,
    "n_terms": COUNT,
    "name": NAME,
    "overwrite": FLAG,
    "path": PATH,
    "rank_key": Kind(_is_text, "a key of .uns, such as 'rank_genes_groups'"),
    "reopen": IDS,
    "result_prefix": KEY,
    "return_fig": FLAG,
    "sample_key": optional(COLUMN),
    "save": optional(SAVE),
    "schema": Kind(lambda value: isinstance(value, Mapping), "a dict with a JSON Schema"),
    "second": COLUMN,
    "sha256": optional(Kind(_is_sha256, "64 hexadecimal digits")),
    "show": optional(FLAG),
    "source": SOURCE,
    "species": ANY,  # :mod:`gca_scanpy._names.origins` reads it
    "temperature": optional(Kind(lambda value: _is_number(value) and value >= 0, "a number from 0")),
    "terms": optional(TERMS),
    "timeout": SECONDS,
    "title": optional(Kind(_is_text, "a text, such as the name of the data")),
    "tissue": ANY,  # :mod:`gca_scanpy._request` reads it
    "top_n_markers": COUNT,
    "use_raw": optional(FLAG),
    "value": one_of("probability", "score"),
    "who": optional(TEXT),
    "why": TEXT,
}
