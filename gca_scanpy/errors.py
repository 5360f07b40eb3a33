"""The errors and warnings of this package.

Every error says what was wrong, what was there instead, and what to do::

    GcaError
    ├── InputError                 what the caller passed cannot be used (a ValueError)
    │   ├── MissingKeyError        .obs, .var or .uns has no such key; lists the existing keys (a KeyError)
    │   ├── UnknownSpeciesError    the species is not supported; lists the supported ones
    │   └── NoOverlapError         none of the genes is a symbol that the database could contain
    ├── DatabaseError              a marker table cannot be used; names the row (a ValueError)
    ├── ReportError                a stored report cannot be read; names the path inside it (a ValueError)
    ├── FileError                  a file cannot be read or written; names the file (an OSError)
    │   ├── MissingFileError       the file, or the folder to write it to, does not exist (a FileNotFoundError)
    │   └── ForbiddenFileError     the system does not permit it (a PermissionError)
    ├── ConflictError              the file was decided on or annotated meanwhile; nothing was saved (a RuntimeError)
    └── ModelError                 a language model gave no usable answer (a RuntimeError)
        ├── AccessError            the model cannot be used at all: key, model name, quota, or address
        ├── BudgetError            a limit on requests or tokens is reached
        ├── RefusalError           the model refuses to answer
        └── ReplyError             the reply cannot be parsed; names the place in it

    GcaWarning                     (a UserWarning)
    ├── RankingWarning             the genes are ranked in another way than asked, or values or features are left out
    │   ├── RawCountsWarning       the values are raw counts, CPM or the like instead of log-normalized values
    │   └── StaleRankingWarning    a stored ranking does not fit these clusters and cells; the genes are ranked again
    ├── MissingClusterWarning      many cells have no cluster, so they get no label, or some have no sample
    ├── UnknownTissueWarning       a tissue is misspelled; the nearest name of the vocabulary is used
    ├── GeneNameWarning            few genes were recognized, or they look like those of another species
    ├── LabelWarning               labels that no cell type could be read from do not count
    ├── CacheWarning               the cache folder cannot be used; the run continues without it
    ├── ModelWarning               a language model left clusters unanswered; they keep their offline labels
    ├── HookWarning                a run hook failed, or the metrics file cannot be written; the run continues
    ├── CurationWarning            the cells of a decided cluster changed; the cluster is open again
    └── DeprecatedNameWarning      a name from GPT Cell Annotator; names its replacement (a DeprecationWarning)
"""

from __future__ import annotations

import os
import reprlib
import sys
import warnings
from numbers import Number
from typing import Any


class GcaError(Exception):
    """Base of all errors that this package raises."""


class InputError(GcaError, ValueError):
    """What the caller passed cannot be used."""


class MissingKeyError(InputError, KeyError):
    """``.obs``, ``.var`` or ``.uns`` has no such key; the message lists the existing keys."""

    def __str__(self) -> str:  # a KeyError prints its message in quotes
        return str(self.args[0]) if self.args else ""


class UnknownSpeciesError(InputError):
    """The species is not supported; the message lists the supported ones."""


class NoOverlapError(InputError):
    """None of the genes is a symbol that the database could contain."""


class DatabaseError(GcaError, ValueError):
    """A marker table cannot be used; the message names the file and the row."""


class ReportError(GcaError, ValueError):
    """A stored report cannot be read; the message names the path inside it."""


class FileError(GcaError, OSError):
    """A file cannot be read or written; the message names the file. It has the ``errno`` of the system's error."""

    def __str__(self) -> str:  # an OSError prints the number of the error in front
        return str(self.args[-1]) if self.args else ""


class MissingFileError(FileError, FileNotFoundError):
    """The file, or the folder that it is to be written to, does not exist."""


class ForbiddenFileError(FileError, PermissionError):
    """The system does not permit to read or write the file."""


class ConflictError(GcaError, RuntimeError):
    """The file was decided on or annotated again after this curator opened it; nothing was saved."""


class ModelError(GcaError, RuntimeError):
    """A language model gave no usable answer."""


class AccessError(ModelError):
    """A language model cannot be used at all: its key, name, quota, or address is wrong."""


class BudgetError(ModelError):
    """A limit on requests or tokens is reached."""


class RefusalError(ModelError):
    """A language model refuses to answer."""


class ReplyError(ModelError):
    """The reply of a language model cannot be parsed; the message names the place in it."""


class GcaWarning(UserWarning):
    """Base of all warnings that this package issues."""


class RankingWarning(GcaWarning):
    """The genes are ranked in another way than asked, or values or features of the matrix are left out."""


class RawCountsWarning(RankingWarning):
    """The values are raw counts, CPM or the like instead of log-normalized values."""


class StaleRankingWarning(RankingWarning):
    """A stored ranking does not fit these clusters and cells, so the genes are ranked again."""


class MissingClusterWarning(GcaWarning):
    """Many cells have no cluster, so they get no label; or cells have no sample, so they count for none."""


class UnknownTissueWarning(GcaWarning):
    """A tissue is misspelled, so the nearest name of the vocabulary is used."""


class GeneNameWarning(GcaWarning):
    """Few gene names were recognized, or they look like those of another species."""


class LabelWarning(GcaWarning):
    """No cell type could be read from some labels, so they do not count."""


class CacheWarning(GcaWarning):
    """The cache folder cannot be used, so the run continues without it."""


class ModelWarning(GcaWarning):
    """A language model left clusters unanswered; they keep their offline labels."""


class HookWarning(GcaWarning):
    """A run hook failed, or the metrics file cannot be written; the run continues."""


class CurationWarning(GcaWarning):
    """The cells of clusters that a curator decided on have changed, so these clusters are open again."""


class DeprecatedNameWarning(GcaWarning, DeprecationWarning):
    """A name or an argument from GPT Cell Annotator is used; the message names its replacement."""


def warn(message: str, category: type[GcaWarning]) -> None:
    """Issue a warning that points at the first line outside this package, which is the user's."""
    level, frame = 1, sys._getframe(0)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").split(".")[0] == "gca_scanpy":
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)


class _Shown(reprlib.Repr):
    """A short repr; of an object only its type, because it may be large, or hold a key."""

    def __init__(self) -> None:
        super().__init__()
        self.maxstring = self.maxother = self.maxlong = 60
        self.maxlist = self.maxtuple = self.maxset = self.maxfrozenset = self.maxdict = 4

    def repr_instance(self, x: Any, level: int) -> str:
        if isinstance(x, (str, os.PathLike)):  # the text type of NumPy is a str, but does not have its name
            return self.repr_str(str(os.fspath(x)), level)
        return repr(x)[: self.maxother] if x is None or isinstance(x, (Number, bytes)) else f"<{type(x).__name__}>"


def shown(value: Any) -> str:
    """A value in a message: short, and never the content of an object."""
    return _Shown().repr(value)
