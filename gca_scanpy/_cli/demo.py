"""``gca demo``: the data that Scanpy bundles, labeled offline."""

from __future__ import annotations

from pathlib import Path
from typing import Optional

import click


@click.command()
@click.option(
    "--out",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Also write annotated.h5ad, report.json and report.png into this folder.",
)
def demo(folder: Optional[Path]) -> None:
    """Label 700 blood cells that come with Scanpy, offline."""
    import scanpy as sc

    from gca_scanpy import get, io, tl
    from gca_scanpy._cli.table import print_report
    from gca_scanpy._stores.files import write

    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)  # where this cannot be, it is said before the work
    adata = sc.datasets.pbmc68k_reduced()
    tl.annotate(adata, groupby="louvain", species="human", tissue="blood")
    print_report(get.report(adata))
    if folder is not None:
        import matplotlib as mpl

        mpl.use("Agg")  # there may be no display
        from gca_scanpy import pl

        write(adata, folder / "annotated.h5ad")
        io.to_json(adata, folder / "report.json")
        pl.report(adata, show=False, save=folder / "report.png")
        click.echo(f"written to {folder}: annotated.h5ad, report.json, report.png", err=True)
