"""Draw the pictures of the README and the docs from the data that Scanpy bundles.

python scripts/make_pictures.py
"""

from __future__ import annotations

import re
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import scanpy as sc

import gca_scanpy as gca

DOCS = Path(__file__).resolve().parents[1] / "docs"
IMAGES = DOCS / "images"
DPI = 100


def names() -> dict[str, str]:
    """What the page tells of the labels that the data came with."""
    code = re.search(r"^names = (\{.*?^\})", (DOCS / "plots.md").read_text(encoding="utf-8"), re.M | re.S)
    return eval(code.group(1))


def main() -> None:
    mpl.use("Agg")
    mpl.rcParams["savefig.dpi"] = DPI
    adata = sc.datasets.pbmc68k_reduced()
    gca.tl.annotate(adata, groupby="louvain", species="human", tissue="blood")
    fig, ax = plt.subplots(figsize=(6.2, 4), layout="constrained")
    sc.pl.umap(adata, color="gptca_label", ax=ax, show=False, frameon=False, title="", legend_fontsize=9)
    fig.savefig(IMAGES / "umap.png")
    gca.pl.report(adata, show=False, save=IMAGES / "report.png")
    gca.pl.confidence(adata, show=False, save=IMAGES / "confidence.png")
    gca.pl.evidence(adata, show=False, save=IMAGES / "evidence.png")
    gca.pl.candidates(adata, value="score", show=False, save=IMAGES / "candidates.png")
    gca.pl.ontology(adata, show=False, save=IMAGES / "ontology.png")
    gca.pl.compare(adata, "gptca_label", "bulk_labels", terms=names(), show=False, save=IMAGES / "compare.png")


if __name__ == "__main__":
    main()
