"""The one reader of tables in files: markers of clusters, marker databases, and clusters of barcodes.

What a file holds decides how it is read; its ending is used for gene sets only, which have no header.
"""

from __future__ import annotations

import gzip
import io
import json
import re
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gca_scanpy import _packages
from gca_scanpy._files import naming
from gca_scanpy._text_tables import AS_TEXT, MARK, UnreadableError, delimited, gene_sets, headed, single, utf8

if TYPE_CHECKING:
    import pandas as pd

KINDS = "csv, tsv, json, gmt (each of them also with .gz), xlsx or parquet"
_PACKABLE = (".csv", ".tsv", ".txt", ".json", ".gmt")
ENDINGS = (*_PACKABLE, *(f"{ending}.gz" for ending in _PACKABLE), ".xlsx", ".parquet")
MAX_BYTES = 250_000_000  # of a table, unpacked; ten times a large FindAllMarkers
MAX_WHOLE = 2**53  # greater floats are not exact
MAX_REASON = 300  # characters of another library's error that are shown
GZIP, ZIP, PARQUET = b"\x1f\x8b", b"PK\x03\x04", b"PAR1"
INDEX = "index"  # the column of this table that is the index of a data frame
# Files of these kinds never are text with columns, so text with a single column under such a name is damaged.
_NO_TEXT = (".xlsx", ".parquet", ".json", ".gmt")
# What else people give an ending of a table, by its first bytes.
_FOREIGN = (
    (b"\x89HDF", "an HDF5 file: if it holds cells, give it the ending .h5ad, .h5 or .loom"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook (xls), or one with a password"),
    (b"BZh", "compressed with bzip2, so unpack it first"),
    (b"\xfd7zXZ", "compressed with xz, so unpack it first"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd, so unpack it first"),
    (b"7z\xbc\xaf", "a 7z archive, so unpack it first"),
    (b"ARROW1", "a feather file"),
    (b"RDX", "a file of R objects, so use write.csv in R"),
    (b"X\n\x00\x00", "a file of an R object, so use write.csv in R"),
    (b"%PDF", "a PDF file"),
    (b"\x80\x04\x95", "a Python pickle"),
)
_MARKUP = re.compile(rb"\s*<(?:!doctype|html|head|table|\?xml)", re.IGNORECASE)


def read(path: Path, error: type[Exception]) -> pd.DataFrame:
    """The table in a file, with text in every cell; empty if there is no value.

    Parameters
    ----------
    error
        Class of the error to raise if the file holds no table.

    Raises
    ------
    Exception
        An ``error`` if the file holds no table, is too large, or needs a package that is not installed.
    FileError
        If the file cannot be opened.
    """
    try:
        with naming(path, "read"):
            data = unpacked(path)
    except (gzip.BadGzipFile, EOFError, zlib.error) as reason:
        msg = f"{path} cannot be read as a table: its gzip data is damaged or incomplete ({reason}); download it again"
        raise error(msg) from reason
    except ValueError as reason:
        msg = f"{path} cannot be read as a table: {reason}"
        raise error(msg) from reason
    try:
        return _parsed(path, data, error)
    except error:
        raise
    except UnreadableError as reason:
        msg = f"{path} cannot be read as a table: {reason}"
        raise error(msg) from reason
    # What a damaged file raises depends on the library that reads it: BadZipFile, KeyError, OSError, RecursionError ...
    except Exception as reason:
        what = " ".join(str(reason).split())[:MAX_REASON] or type(reason).__name__
        msg = f"{path} cannot be read as a table: {what}; save it as {KINDS}"
        raise error(msg) from reason


def unpacked(path: Path) -> bytes:
    """The content of a file, unpacked if it is packed with gzip.

    Raises
    ------
    ValueError
        If it has more than MAX_BYTES bytes; a small file may unpack to more than there is memory.
    OSError, EOFError, zlib.error
        If it cannot be read or unpacked.
    """
    with path.open("rb") as file:
        is_packed = file.read(len(GZIP)) == GZIP or path.name.lower().endswith(".gz")
    with (gzip.open if is_packed else open)(path, "rb") as file:
        data: bytes = file.read(MAX_BYTES + 1)
    _check_size(len(data), "unpacks to" if is_packed else "has")
    return data


def _check_size(size: int, verb: str = "unpacks to") -> None:
    if size > MAX_BYTES:
        most = MAX_BYTES // 1_000_000
        msg = f"it {verb} more than the {most} MB that are read; the leading genes of each cluster or type are enough"
        raise ValueError(msg)


def _parsed(path: Path, data: bytes, error: type[Exception]) -> pd.DataFrame:
    ending = Path(path.name.lower().removesuffix(".gz")).suffix
    if data.startswith(PARQUET):
        return _parquet(path, data, error)
    if data.startswith(ZIP):
        return _workbook(path, data, error)
    _check_kind(data)
    data = utf8(data)
    if ending == ".gmt" and (sets := gene_sets(data.decode().splitlines())) is not None:
        return sets
    if data[:1000].decode(errors="replace").lstrip().startswith(("[", "{")):
        return _records(json.loads(data.decode()))
    table = delimited(data)
    if ending in _NO_TEXT and (table.shape[1] < 2 or not MARK.search(data)):
        msg = f"its name ends in {ending}, but it holds neither that nor text with columns"
        raise ValueError(msg)
    return table


def _check_kind(data: bytes) -> None:
    """Raise a ValueError if the data is nothing that is read here."""
    what = next((what for start, what in _FOREIGN if data.startswith(start)), None)
    if what is None and data[257:262] == b"ustar":
        what = "a tar archive, so unpack it first"
    if what is None and _MARKUP.match(data):
        what = "a web page or XML, not the table itself"
    if what is not None:
        msg = f"it is {what}"
        raise ValueError(msg)


def _workbook(path: Path, data: bytes, error: type[Exception]) -> pd.DataFrame:
    """The first sheet of an xlsx file."""
    import pandas as pd

    _packages.load("excel", error, f"reading {path.name}")
    with zipfile.ZipFile(io.BytesIO(data)) as parts:
        if not any(name.startswith("xl/") for name in parts.namelist()):
            msg = "it is a zip archive and no xlsx workbook, so unpack it first"
            raise ValueError(msg)
        _check_size(sum(part.file_size for part in parts.infolist()))
    cells = _text(pd.read_excel(io.BytesIO(data), engine="openpyxl", **AS_TEXT))
    cells = cells[cells.ne("").any(axis=1)]
    if cells.empty:
        msg = "the first sheet of the workbook is empty"
        raise ValueError(msg)
    return headed(cells.loc[:, cells.ne("").any()], cells.shape[1])


def _parquet(path: Path, data: bytes, error: type[Exception]) -> pd.DataFrame:
    import pandas as pd

    parquet = _packages.load("parquet", error, f"reading {path.name}", ["pyarrow.parquet"])
    metadata = parquet.ParquetFile(io.BytesIO(data)).metadata
    _check_size(sum(metadata.row_group(n).total_byte_size for n in range(metadata.num_row_groups)))
    return as_text(pd.read_parquet(io.BytesIO(data), engine="pyarrow"))


def _records(parsed: Any) -> pd.DataFrame:
    """A list of records, alone or as the facts of an exported database."""
    import pandas as pd

    records = parsed.get("facts") if isinstance(parsed, dict) else parsed
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        msg = 'the JSON is neither a list of records, such as [{"cell_type": "B cell", "gene": "MS4A1"}], nor an '
        msg += 'object with such a list under "facts"'
        raise ValueError(msg)
    return as_text(pd.DataFrame(records, dtype=object))


def as_text(frame: pd.DataFrame) -> pd.DataFrame:
    """A data frame as the reader gives a table: each column once, and text in every cell; lists are joined with ``;``.

    An index with a name becomes a column of that name, and an index of text the column INDEX.

    Raises
    ------
    ValueError
        If a cell has a set, which has no order, or two columns have the same name and different values.
    """
    if any(name is not None for name in frame.index.names):
        named = [
            level for level, name in enumerate(frame.index.names) if name is not None and name not in frame.columns
        ]
        frame = frame.reset_index(level=named) if named else frame
    elif frame.index.dtype.kind not in "iuf" and INDEX not in frame.columns:
        frame = frame.rename_axis(INDEX).reset_index()
    frame = frame.reset_index(drop=True)
    frame.columns = [str(name) for name in frame.columns]
    return single(_text(frame))


def _text(table: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    columns = [_without_points(table.iloc[:, n]).astype(object) for n in range(table.shape[1])]
    cells = [column.where(column.notna(), "").map(_cell).astype(object) for column in columns]
    return pd.DataFrame(dict(enumerate(cells)), index=table.index).set_axis(table.columns, axis=1)


def _without_points(column: pd.Series) -> pd.Series:
    """Whole numbers as integers: a missing value turns them into floats, but cluster 1 must not become "1.0"."""
    is_whole = column.dtype.kind == "f" and bool((column.dropna() % 1 == 0).all() and column.abs().max() < MAX_WHOLE)
    return column.astype("Int64") if is_whole else column


def _cell(value: Any) -> str:
    if isinstance(value, (set, frozenset)):
        msg = "a cell has a set, which has no order; make it a list, best first"
        raise UnreadableError(msg)
    # Lists of Python, and arrays, as parquet holds lists.
    is_list = isinstance(value, (list, tuple)) or getattr(value, "ndim", 0) == 1
    return ";".join(map(str, value)) if is_list else str(value)
