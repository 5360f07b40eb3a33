"""Marker databases: load the bundled one, a file, a DataFrame, or several merged; look up, check, export and fetch."""

from typing import TYPE_CHECKING

from gca_scanpy._packages import lazy

if TYPE_CHECKING:
    from gca_scanpy._scoring.database import MarkerDatabase
    from gca_scanpy.db._assets import Fetched, fetch
    from gca_scanpy.db._describe import Verification, verify
    from gca_scanpy.db._fact import Citation, Fact, Witness, fact
    from gca_scanpy.db._io import export, load

__all__ = [
    "Citation", "Fact", "Fetched", "MarkerDatabase", "Verification", "Witness", "export", "fact", "fetch", "load",
    "verify",
]  # fmt: skip

__getattr__ = lazy(
    __name__,
    {
        **dict.fromkeys(["Fetched", "fetch"], "_assets"),
        **dict.fromkeys(["Verification", "verify"], "_describe"),
        **dict.fromkeys(["Citation", "Fact", "Witness", "fact"], "_fact"),
        **dict.fromkeys(["MarkerDatabase", "export", "load"], "_io"),
    },
)


def __dir__() -> list[str]:
    return sorted(__all__)
