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
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional

from gca_scanpy import _extras
from gca_scanpy._files import naming

if TYPE_CHECKING:
    import pandas as pd

KINDS = "csv, tsv, json, gmt (each of them also with .gz), xlsx or parquet"
_PACKABLE = (".csv", ".tsv", ".txt", ".json", ".gmt")
ENDINGS = (*_PACKABLE, *(f"{ending}.gz" for ending in _PACKABLE), ".xlsx", ".parquet")
MAX_BYTES = 250_000_000  # of a table, unpacked; ten times a large FindAllMarkers
MAX_REASON = 300  # characters of another library's error that are shown
GZIP, ZIP, PARQUET = b"\x1f\x8b", b"PK\x03\x04", b"PAR1"
# Files of these kinds never are text with columns, so text with a single column under such a name is damaged.
_NO_TEXT = (".xlsx", ".parquet", ".json", ".gmt")
_FIRST_LINE = re.compile(rb"[\r\n]*([^\r\n]*)")  # that is not blank
# Values are text: a gene called NA or 1-2, and a cluster with leading zeros, stay what they are.
_AS_TEXT: dict[str, Any] = {"dtype": str, "keep_default_na": False, "na_filter": False}


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
    except UnicodeDecodeError as reason:
        msg = f"{path} cannot be read as a table: it is neither UTF-8 text nor xlsx nor parquet; save it as {KINDS}"
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
    if ending == ".gmt" and (sets := gene_sets(data.decode("utf-8-sig").splitlines())) is not None:
        return sets
    if data[:1000].decode("utf-8-sig", errors="replace").lstrip().startswith(("[", "{")):
        return _records(json.loads(data.decode("utf-8-sig")))
    table = _delimited(data)
    if ending in _NO_TEXT and table.shape[1] < 2:
        msg = f"its name ends in {ending}, but it holds neither that nor text with columns"
        raise ValueError(msg)
    return table


def _delimited(data: bytes) -> pd.DataFrame:
    """Text with a header, separated by tabs, commas or semicolons."""
    import pandas as pd

    first = _FIRST_LINE.match(data)
    header = re.sub(rb'"[^"]*"', b"", first[1] if first else b"")
    # By the header, not by the ending: .txt is either, and some spreadsheets write .csv with semicolons.
    separator = max("\t,;", key=lambda mark: header.count(mark.encode()))
    table = pd.read_csv(io.BytesIO(data), sep=separator, **_AS_TEXT)
    # Row names that R's write.table leaves without a heading become the index, which is not needed.
    return table.reset_index(drop=True)


def _workbook(path: Path, data: bytes, error: type[Exception]) -> pd.DataFrame:
    """The first sheet of an xlsx file."""
    import pandas as pd

    _extras.load("excel", error, f"reading {path.name}")
    with zipfile.ZipFile(io.BytesIO(data)) as parts:
        _check_size(sum(part.file_size for part in parts.infolist()))
    return _text(pd.read_excel(io.BytesIO(data), engine="openpyxl", **_AS_TEXT))


def _parquet(path: Path, data: bytes, error: type[Exception]) -> pd.DataFrame:
    import pandas as pd

    parquet = _extras.load("parquet", error, f"reading {path.name}", ["pyarrow.parquet"])
    metadata = parquet.ParquetFile(io.BytesIO(data)).metadata
    _check_size(sum(metadata.row_group(n).total_byte_size for n in range(metadata.num_row_groups)))
    return _text(pd.read_parquet(io.BytesIO(data), engine="pyarrow"))


def _records(parsed: Any) -> pd.DataFrame:
    """A list of records, alone or as the facts of an exported database."""
    import pandas as pd

    records = parsed.get("facts") if isinstance(parsed, dict) else parsed
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        msg = 'the JSON is neither a list of records, such as [{"cell_type": "B cell", "gene": "MS4A1"}], nor an '
        msg += 'object with such a list under "facts"'
        raise ValueError(msg)
    joined = [
        {name: ";".join(map(str, value)) if isinstance(value, list) else value for name, value in record.items()}
        for record in records
    ]
    return _text(pd.DataFrame(joined, dtype=object))


def gene_sets(lines: Iterable[str]) -> Optional[pd.DataFrame]:
    """The lines of a GMT file as a table with a row for each gene of each set; None if no line is a gene set."""
    import pandas as pd

    rows = [
        (name, description, gene)
        for name, description, *genes in (line.rstrip("\r\n").split("\t") for line in lines if line.count("\t") >= 2)
        # Some writers give a weight with each gene.
        for gene in (text.split(",")[0].strip() for text in genes)
        if gene
    ]
    return pd.DataFrame(rows, columns=["gene_set", "description", "gene"], dtype=object) if rows else None


def _text(table: pd.DataFrame) -> pd.DataFrame:
    return table.astype(object).where(table.notna(), "").astype(str).reset_index(drop=True)
