"""Loads marker databases from wherever they are."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Union

import pandas as pd

from gca_scanpy._core.database import MarkerDatabase, merge, validate
from gca_scanpy._errors import DatabaseError
from gca_scanpy.db import _bundled

BUNDLED = "bundled"
Source = Union[str, "os.PathLike[str]", pd.DataFrame, MarkerDatabase]


def load(source: Union[Source, Sequence[Source]] = BUNDLED) -> MarkerDatabase:
    """Load a marker database.

    Parameters
    ----------
    source
        ``"bundled"`` for the project's own; the path of a tab- or comma-separated file (``.tsv``, ``.csv``,
        either with ``.gz``) or ``.parquet`` file (needs pyarrow); a DataFrame; or a list of these, which are
        merged by Cell Ontology term. A table needs the columns ``cell_type`` and ``gene``; ``cl_id``,
        ``species`` (human, mouse, both), ``tissue``, ``role`` (positive, negative), ``strength`` (canonical,
        supporting) and ``sources`` may join them.

    Returns
    -------
    MarkerDatabase
        The facts, their version and their sha256.

    Raises
    ------
    DatabaseError
        Where the file is not there, cannot be read, or a row of it cannot be used.

    Examples
    --------
    >>> import pandas as pd
    >>> import gca_scanpy as gca
    >>> own = pd.DataFrame({"cell_type": ["B cell", "B cell"], "gene": ["MS4A1", "CD79A"]})
    >>> gca.db.load(own).facts[["cell_type", "cl_id", "gene"]].values.tolist()
    [['B cell', 'CL:0000236', 'MS4A1'], ['B cell', 'CL:0000236', 'CD79A']]
    """
    if isinstance(source, MarkerDatabase):
        return source
    if isinstance(source, pd.DataFrame):
        return validate(source, _bundled.ontology(), _bundled.gene_names(), "DataFrame")
    if isinstance(source, (str, os.PathLike)):
        if source == BUNDLED:
            return _bundled.database()
        path = Path(source).expanduser()
        return validate(_read(path), _bundled.ontology(), _bundled.gene_names(), path.name)
    return merge([load(part) for part in source])


def _read(path: Path) -> pd.DataFrame:
    try:
        if path.suffix == ".parquet":
            return pd.read_parquet(path)
        separator = "," if path.name.removesuffix(".gz").endswith(".csv") else "\t"
        return pd.read_csv(path, sep=separator, dtype=str, keep_default_na=False, na_filter=False)
    except FileNotFoundError as error:
        msg = f"there is no marker table at {path}; marker_db takes 'bundled' or the path of a tsv, csv or parquet file"
        raise DatabaseError(msg) from error
    except ImportError as error:
        msg = f"reading {path.name} needs pyarrow: python -m pip install 'gca-scanpy[parquet]'"
        raise DatabaseError(msg) from error
    except (OSError, ValueError, UnicodeError) as error:
        msg = f"the marker table {path} cannot be read: {error}"
        raise DatabaseError(msg) from error
