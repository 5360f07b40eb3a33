"""Short names of terms, as labs write them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Optional, Union, overload

from gca_scanpy._arguments import ANY, checked
from gca_scanpy.db import _bundled
from gca_scanpy.errors import InputError


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
    names = np.array([*map(_name, terms), None], dtype=object)  # a missing value has the code -1
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
