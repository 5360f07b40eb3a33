"""Take the picture of the review page, of the data that Scanpy bundles; needs Chromium and the extras test and ui.

python scripts/make_review_picture.py
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import scanpy as sc
from PIL import Image
from playwright.sync_api import sync_playwright

import gca_scanpy as gca

PICTURE = Path(__file__).resolve().parents[1] / "docs" / "images" / "review.png"
SIZE = {"width": 1280, "height": 860}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pbmc.h5ad"
        adata = sc.datasets.pbmc68k_reduced()
        # Two types in one cluster, which a curator has to take apart.
        adata.obs["louvain"] = adata.obs["louvain"].astype(str).replace({"1": "4"}).astype("category")
        gca.tl.annotate(adata, groupby="louvain", species="human", tissue="blood")
        gca.tl.curate(adata, {"5": "pDC"}, accept=["0", "2"], who="Ada Lovelace")
        gca.tl.curate(adata, {"5": "CD16-positive monocyte"}, who="Grace Hopper", why="FCGR3A")
        adata.write_h5ad(path)
        _take(path)


def _take(path: Path) -> None:
    command = [sys.executable, "-m", "gca_scanpy", "review", str(path), "--no-browser"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as program, sync_playwright() as playwright:
        address = program.stdout.readline().split(" is at ")[1].strip()
        chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = chromium.new_page(viewport=SIZE)
        page.goto(address)
        page.get_by_role("radiogroup", name="Decision").get_by_text("Change").click()
        box = page.get_by_role("combobox", name="Label")
        box.click()
        box.fill("memory B")
        page.wait_for_timeout(1500)
        page.screenshot(path=PICTURE)
        chromium.close()
        program.terminate()
    Image.open(PICTURE).convert("RGB").quantize(256, Image.Quantize.FASTOCTREE, dither=0).save(PICTURE, optimize=True)


if __name__ == "__main__":
    main()
