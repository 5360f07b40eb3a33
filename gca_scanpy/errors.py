"""The errors and warnings of this package.

Every error says what was wrong, what was there instead, and what to do::

    GcaError
    ├── InputError                 what the caller passed cannot be used (a ValueError)
    │   ├── MissingKeyError        no such .obs, .var or .uns key; lists those there are (a KeyError)
    │   ├── UnknownSpeciesError    lists the known species
    │   └── NoOverlapError         none of the genes is one that the database could know
    ├── DatabaseError              a marker table cannot be used; names the row (a ValueError)
    ├── ReportError                a stored report cannot be read; names the path in it (a ValueError)
    ├── ConflictError              another curator decided or annotated meanwhile; nothing was saved (a RuntimeError)
    └── ModelError                 a language model gave no usable answer (a RuntimeError)
        ├── AccessError            it cannot be asked at all: key, model name, quota, address
        ├── BudgetError            a bound on requests or tokens is reached
        ├── RefusalError           it will not answer
        └── ReplyError             its reply could not be understood; names the place in it

    GcaWarning                     (a UserWarning)
    ├── RawCountsWarning           raw counts where log-normalized values were meant
    ├── StaleRankingWarning        a stored ranking does not belong to these clusters
    ├── UnknownTissueWarning       the tissue is not in the vocabulary; the prior is left out
    ├── GeneNameWarning            few genes were recognized, or they look like another species'
    ├── CacheWarning               the cache folder cannot be used; the run goes on without it
    ├── ModelWarning               a language model left clusters unanswered; the offline answers stand in
    ├── HookWarning                a run hook failed, or the metrics file cannot be written; the run goes on
    ├── CurationWarning            clusters that a curator decided have other cells now; they are open again
    └── DeprecatedNameWarning      a name of GPT Cell Annotator; says what is called instead (a DeprecationWarning)
"""

from __future__ import annotations

import sys
import warnings


class GcaError(Exception):
    """Base of all errors that this package raises."""


class InputError(GcaError, ValueError):
    """What the caller passed cannot be used."""


class MissingKeyError(InputError, KeyError):
    """No such key in ``.obs``, ``.var`` or ``.uns``; the message lists the keys there are."""

    def __str__(self) -> str:  # KeyError would print the message in quotes
        return str(self.args[0]) if self.args else ""


class UnknownSpeciesError(InputError):
    """The species is not one that the database knows."""


class NoOverlapError(InputError):
    """None of the genes is a gene symbol that the database could know."""


class DatabaseError(GcaError, ValueError):
    """A marker table cannot be used; the message names the file and the row."""


class ReportError(GcaError, ValueError):
    """A stored report cannot be read; the message names the path inside it."""


class ConflictError(GcaError, RuntimeError):
    """Another curator decided, or somebody annotated, since this one looked; nothing was saved."""


class ModelError(GcaError, RuntimeError):
    """A language model gave no usable answer."""


class AccessError(ModelError):
    """A language model cannot be asked at all: its key, name, quota or address is at fault."""


class BudgetError(ModelError):
    """A bound on requests or tokens is reached."""


class RefusalError(ModelError):
    """A language model will not answer."""


class ReplyError(ModelError):
    """The reply of a language model could not be understood; the message names the place."""


class GcaWarning(UserWarning):
    """Base of all warnings that this package gives."""


class RawCountsWarning(GcaWarning):
    """Raw counts were found where log-normalized values were meant."""


class StaleRankingWarning(GcaWarning):
    """A stored ranking does not belong to these clusters, so the genes are ranked again."""


class UnknownTissueWarning(GcaWarning):
    """The tissue is not in the vocabulary; the run goes on without that prior."""


class GeneNameWarning(GcaWarning):
    """Few gene names were recognized, or they look like those of another species."""


class CacheWarning(GcaWarning):
    """The cache folder cannot be used; the run goes on without it."""


class ModelWarning(GcaWarning):
    """A language model left clusters unanswered; the offline answers stand in."""


class HookWarning(GcaWarning):
    """A run hook failed, or the metrics file cannot be written; the run goes on."""


class CurationWarning(GcaWarning):
    """Clusters that a curator decided have other cells now; they are open again."""


class DeprecatedNameWarning(GcaWarning, DeprecationWarning):
    """A name or an argument of GPT Cell Annotator is used; the message says what takes its place."""


def warn(message: str, category: type[GcaWarning]) -> None:
    """Warn at the first line outside this package, which is the user's."""
    level, frame = 1, sys._getframe(0)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").split(".")[0] == "gca_scanpy":
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)
