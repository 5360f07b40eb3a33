"""Tools: label clusters, also of samples; check and join labels; plan what is sent; split mixed clusters; decide."""

from typing import TYPE_CHECKING

from gca_scanpy._packages import lazy

if TYPE_CHECKING:
    from gca_scanpy.tl._annotate import annotate, plan, validate
    from gca_scanpy.tl._apart import harmonize, split
    from gca_scanpy.tl._consensus import consensus
    from gca_scanpy.tl._curate import curate, to_cellxgene

__all__ = ["annotate", "consensus", "curate", "harmonize", "plan", "split", "to_cellxgene", "validate"]

__getattr__ = lazy(
    __name__,
    {
        **dict.fromkeys(["annotate", "plan", "validate"], "_annotate"),
        **dict.fromkeys(["harmonize", "split"], "_apart"),
        "consensus": "_consensus",
        **dict.fromkeys(["curate", "to_cellxgene"], "_curate"),
    },
)


def __dir__() -> list[str]:
    return sorted(__all__)
