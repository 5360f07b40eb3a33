"""Where the cells lie in a picture of them: two coordinates a cell, and the cluster that it belongs to."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from attrs import define


@define(eq=False)
class Embedding:
    """The cells in two dimensions.

    Attributes
    ----------
    name
        Name of the embedding in ``.obsm``, such as ``X_umap``.
    places
        Coordinates, shape (n_obs, 2), in no unit; NaN where a cell has no place.
    codes
        For each cell the position of its cluster in the report, -1 where it has none there; shape (n_obs,).
    """

    name: str
    places: npt.NDArray[np.float64]
    codes: npt.NDArray[np.intp]
