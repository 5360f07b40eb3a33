"""Draw the pictures of the README and the docs from the data that Scanpy bundles.

python scripts/make_pictures.py
"""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import scanpy as sc

import gca_scanpy as gca

IMAGES = Path(__file__).resolve().parents[1] / "docs" / "images"


def main() -> None:
    mpl.use("Agg")
    mpl.rcParams["savefig.dpi"] = 110
    adata = sc.datasets.pbmc68k_reduced()
    gca.tl.annotate(adata, groupby="louvain", species="human", tissue="blood")
    gca.pl.report(adata, show=False, save=IMAGES / "report.png")


if __name__ == "__main__":
    main()
