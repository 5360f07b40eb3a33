"""The errors and warnings of this package, for ``except`` and for filters of :mod:`warnings`.

All errors are a :class:`GcaError`, and all warnings a :class:`GcaWarning`.
"""

from gca_scanpy._errors import (
    AccessError,
    BudgetError,
    CacheWarning,
    ConflictError,
    CurationWarning,
    DatabaseError,
    DeprecatedNameWarning,
    GcaError,
    GcaWarning,
    GeneNameWarning,
    InputError,
    MetricsWarning,
    MissingKeyError,
    ModelError,
    ModelWarning,
    NoOverlapError,
    RawCountsWarning,
    RefusalError,
    ReplyError,
    ReportError,
    StaleRankingWarning,
    UnknownSpeciesError,
    UnknownTissueWarning,
)

__all__ = [
    "AccessError", "BudgetError", "CacheWarning", "ConflictError", "CurationWarning", "DatabaseError",
    "DeprecatedNameWarning", "GcaError", "GcaWarning", "GeneNameWarning", "InputError", "MetricsWarning",
    "MissingKeyError", "ModelError", "ModelWarning", "NoOverlapError", "RawCountsWarning", "RefusalError",
    "ReplyError", "ReportError", "StaleRankingWarning", "UnknownSpeciesError", "UnknownTissueWarning",
]  # fmt: skip
