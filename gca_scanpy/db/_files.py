"""Reads marker tables from files, whatever their kind."""

from __future__ import annotations

import io
import json
import pickle
from pathlib import Path
from typing import Any

import pandas as pd

from gca_scanpy._files import content
from gca_scanpy.db._adapters import cellconsensus, gmt
from gca_scanpy.errors import DatabaseError

KINDS = "tsv, csv, json (.gz too), parquet, xlsx, gmt or cellconsensus' pkl"
HARMLESS = {"set", "frozenset", "dict", "list", "tuple", "str", "bytes", "int", "float", "complex", "bool"}
# Values are text: a gene called NA or 1-2, and an id with leading zeros, stay what they are.
_AS_TEXT: dict[str, Any] = {"dtype": str, "keep_default_na": False, "na_filter": False}


class _PlainUnpickler(pickle.Unpickler):
    """Unpickles data only: a pickle can otherwise run whatever its writer likes."""

    def find_class(self, module: str, name: str) -> Any:
        if module == "builtins" and name in HARMLESS:
            return super().find_class(module, name)
        msg = f"it holds {module}.{name}, and only plain data is read"
        raise pickle.UnpicklingError(msg)


def bare_name(path: Path) -> str:
    """The name of a file without its endings: ``markers.tsv.gz`` is ``markers``."""
    return Path(path.name.removesuffix(".gz")).stem


def read(path: Path) -> pd.DataFrame:
    """The table in a file.

    Raises
    ------
    DatabaseError
        Where the file is not there, is of another kind, or a package that reads it is not installed.
    """
    try:
        return _read(path)
    except FileNotFoundError as error:
        msg = f"there is no marker table at {path}; marker_db takes 'bundled' or the path of a {KINDS} file"
        raise DatabaseError(msg) from error
    except ImportError as error:
        extra = "parquet" if path.suffix == ".parquet" else "excel"
        package = "pyarrow" if extra == "parquet" else "openpyxl"
        msg = f"reading {path.name} needs {package}: python -m pip install 'gca-scanpy[{extra}]'"
        raise DatabaseError(msg) from error
    # What a damaged file raises depends on the library that reads it: zipfile.BadZipFile, EOFError, KeyError ...
    except Exception as error:
        msg = f"the marker table {path} cannot be read: {error}"
        raise DatabaseError(msg) from error


def _read(path: Path) -> pd.DataFrame:
    kind = Path(path.name.lower().removesuffix(".gz")).suffix
    if kind == ".parquet":
        return pd.read_parquet(path)
    if kind == ".xlsx":
        return pd.read_excel(path, **_AS_TEXT)
    if kind == ".gmt":
        return gmt.table(content(path).decode("utf-8-sig").splitlines())
    if kind == ".json":
        return _records(json.loads(content(path).decode("utf-8-sig")))
    if kind in (".pkl", ".pickle"):
        with path.open("rb") as file:
            return cellconsensus.table(_PlainUnpickler(file).load())
    separator = "," if kind == ".csv" else "\t"
    data = content(path)
    table = pd.read_csv(io.BytesIO(data), sep=separator, **_AS_TEXT)
    other = "\t" if separator == "," else ","
    # The ending said one thing and the header says another.
    return (
        pd.read_csv(io.BytesIO(data), sep=other, **_AS_TEXT)
        if table.shape[1] == 1 and other in table.columns[0]
        else table
    )


def _records(parsed: Any) -> pd.DataFrame:
    """The facts of an export, or a bare list of records."""
    facts = parsed.get("facts") if isinstance(parsed, dict) else parsed
    if not isinstance(facts, list) or not all(isinstance(fact, dict) for fact in facts):
        msg = 'JSON is to be a list of records with cell_type and gene, or an object that has one under "facts"'
        raise DatabaseError(msg)
    return pd.DataFrame.from_records(facts).fillna("").astype(str)
