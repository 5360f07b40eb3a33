"""Draw the pictures of the README and the docs from data that ship with Scanpy.

python scripts/make_pictures.py

Needs the extra "ui", the dependency group "test", and Chromium for the pictures of pages.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import scanpy as sc

import gca_scanpy as gca
from gca_scanpy._cli.annotate import demo_cells

WIDTH, HEIGHT = 1200, 1180  # pixels of a browser's window
DOCS = Path(__file__).resolve().parents[1] / "docs"
IMAGES = DOCS / "images"
DPI = 100


def given(name: str) -> dict[str, str]:
    """The labels that docs/plots.md gives under a name."""
    code = re.search(rf"^{name} = (\{{.*?^\}})", (DOCS / "plots.md").read_text(encoding="utf-8"), re.M | re.S)
    return eval(code.group(1))


def main() -> None:
    mpl.use("Agg")
    mpl.rcParams["savefig.dpi"] = DPI
    adata = sc.datasets.pbmc68k_reduced()
    gca.tl.annotate(adata, groupby="louvain", species="human", tissue="blood")
    fig, ax = plt.subplots(figsize=(6.2, 4), layout="constrained")
    sc.pl.umap(adata, color="gptca_label", ax=ax, show=False, frameon=False, title="", legend_fontsize=9)
    fig.savefig(IMAGES / "umap.png")
    gca.pl.umap(adata, show=False, save=IMAGES / "labels.png")
    gca.pl.report(demo_cells(), show=False, save=IMAGES / "report.png")
    gca.pl.confidence(adata, show=False, save=IMAGES / "confidence.png")
    gca.pl.evidence(adata, show=False, save=IMAGES / "evidence.png")
    gca.pl.candidates(adata, value="score", show=False, save=IMAGES / "candidates.png")
    gca.pl.ontology(adata, show=False, save=IMAGES / "ontology.png")
    gca.pl.compare(adata, "gptca_label", "bulk_labels", terms=given("names"), show=False, save=IMAGES / "compare.png")
    adata.obs["donor"] = [f"D{number % 3 + 1}" for number in range(adata.n_obs)]
    gca.tl.annotate(adata, "louvain", tissue="blood", sample_key="donor", key_added="by_donor")
    gca.pl.samples(adata, key="by_donor", show=False, save=IMAGES / "samples.png")
    adata.obs["tool"] = adata.obs["louvain"].map(given("tool"))
    gca.tl.consensus(adata, ["gptca_label", "bulk_labels", "tool"], groupby="louvain", tissue="blood")
    gca.pl.consensus(adata, show=False, save=IMAGES / "consensus.png")
    _front(IMAGES / "front.png")
    _page(adata, IMAGES / "html_report.png")
    _review(adata, IMAGES / "review.png")


def _front(path: Path) -> None:
    """Draw fine clusters of Scanpy's blood cells, with eleven labels, beside the evidence of one on the page."""
    from PIL import Image
    from playwright.sync_api import sync_playwright

    adata = sc.datasets.pbmc68k_reduced()
    sc.tl.leiden(adata, resolution=3, random_state=0, flavor="igraph", n_iterations=-1)
    gca.tl.annotate(adata, groupby="leiden", species="human", tissue="blood")
    naive = next(c.cluster_id for c in gca.get.report(adata).clusters if "naive" in c.annotation.primary_label)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        gca.io.to_html(adata, Path(folder) / "report.html", title="pbmc68k_reduced")
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 520, "height": 620}, device_scale_factor=1.5, color_scheme="light")
        page.goto((Path(folder) / "report.html").as_uri() + f"#cluster-{naive}")
        page.wait_for_timeout(500)
        page.locator("dialog[open]").screenshot(path=Path(folder) / "drawer.png")
        browser.close()
        with mpl.rc_context({"savefig.dpi": 1.6 * DPI}):
            gca.pl.umap(adata, show=False, save=Path(folder) / "umap.png")
        umap, drawer = (Image.open(Path(folder) / name).convert("RGB") for name in ("umap.png", "drawer.png"))
        umap = umap.resize((round(umap.width * drawer.height / umap.height), drawer.height), Image.Resampling.LANCZOS)
        whole = Image.new("RGB", (umap.width + 20 + drawer.width, drawer.height), "white")
        whole.paste(umap, (0, 0))
        whole.paste(drawer, (umap.width + 20, 0))
    whole.quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(path, optimize=True)


def _page(adata, path: Path) -> None:
    """Draw the page of the report, light and dark side by side, with few colors so that the file is small."""
    from PIL import Image
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        file = Path(folder) / "report.html"
        gca.io.to_html(adata, file, title="pbmc68k_reduced")
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        whole = Image.new("RGB", (2 * WIDTH, HEIGHT))
        for place, (scheme, address) in enumerate((("light", ""), ("dark", "#cluster-4"))):
            page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme=scheme)
            page.goto(file.as_uri() + address)
            page.wait_for_timeout(500)
            page.screenshot(path=Path(folder) / "one.png")
            whole.paste(Image.open(Path(folder) / "one.png"), (place * WIDTH, 0))
        browser.close()
    whole.quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(path, optimize=True)


def _review(adata, path: Path) -> None:
    """Draw the page of ``gca review`` while a curator labels a cluster of two types."""
    from PIL import Image
    from playwright.sync_api import sync_playwright

    merged = adata.copy()
    merged.obs["louvain"] = merged.obs["louvain"].astype(str).replace({"4": "1"}).astype("category")
    gca.tl.annotate(merged, groupby="louvain", species="human", tissue="blood")
    gca.tl.curate(merged, {"5": "CD16+ monocyte"}, accept=["0", "3"], who="Grace Hopper")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        merged.write_h5ad(Path(folder) / "pbmc.h5ad")
        command = [sys.executable, "-m", "gca_scanpy", "review", "pbmc.h5ad", "--no-browser"]
        with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, encoding="utf-8") as program:
            address = program.stdout.readline().split(" is at ")[1].strip()
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            page = browser.new_page(viewport={"width": 1280, "height": 860})
            page.goto(address)
            page.get_by_label("Your name").fill("Ada Lovelace")
            page.get_by_label("Your name").press("Tab")
            page.get_by_role("radiogroup", name="Decision").get_by_text("Change", exact=True).click()
            page.get_by_role("textbox", name="Or in your own words").wait_for()
            page.get_by_role("combobox", name="Cell Ontology term").fill("plasmacytoid")
            page.wait_for_timeout(1500)
            page.screenshot(path=Path(folder) / "one.png")
            browser.close()
            program.terminate()
        Image.open(Path(folder) / "one.png").convert("RGB").quantize(128, dither=Image.Dither.NONE).save(
            path, optimize=True
        )


if __name__ == "__main__":
    main()
