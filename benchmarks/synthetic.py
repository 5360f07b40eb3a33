"""Make synthetic cells with planted types of the marker database, as sparse as real droplets.

python benchmarks/synthetic.py cells.zarr --cells 1000000

The same seed gives the same cells; the first cells of a large object are those of a small one.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anndata
import numpy as np
import pandas as pd
from anndata import AnnData
from attrs import define
from scipy import sparse

from gca_scanpy.db import _bundled

CLUSTER, TRUTH = "cluster", "planted"  # columns of .obs
N_GENES, N_TYPES = 20_000, 25
SEEN = 0.0565  # share of the genes that a cell of median depth expresses, besides the planted markers
MARKERS = 25  # planted per type
BLOCK = 1_000  # cells drawn at once
DIFFERENT = 50  # blocks; more cells than these repeat them, because drawing takes ten times as long as annotating
OWN_RATE, OTHER_RATE = 2.0, 0.03  # transcripts of a marker in a cell of its type, and in others
DEPTH = 0.35  # spread of the cells' depths, as the standard deviation of the logarithm


@define(eq=False)
class Tissue:
    """The distribution from which cells are drawn.

    Attributes
    ----------
    genes
        Symbols; the markers of all planted types are among them.
    labels
        The broad type of each cluster.
    rates
        Transcripts of a gene in a cell of median depth, shape (clusters, genes).
    """

    genes: list[str]
    labels: list[str]
    rates: np.ndarray
    seed: int


def tissue(n_genes: int = N_GENES, n_types: int = N_TYPES, seed: int = 0) -> Tissue:
    """Choose the types and genes of a tissue, and their rates."""
    markers = _markers(n_types)
    planted = {gene for genes in markers.values() for gene in genes}
    rng = np.random.default_rng(seed)
    others = sorted(set(_bundled.gene_names().approved.values()) - planted)
    genes = sorted(planted) + list(rng.permutation(others)[: max(n_genes - len(planted), 0)])
    place = {gene: number for number, gene in enumerate(genes)}
    shape = rng.lognormal(sigma=2.0, size=len(genes))  # a few genes have most of the transcripts
    rates = np.tile(shape, (len(markers), 1)) * rng.lognormal(sigma=0.3, size=(len(markers), len(genes)))
    is_planted = [place[gene] for gene in planted]
    rates[:, is_planted] = 0.0
    rates *= _scale(rates, SEEN * len(genes))
    rates[:, is_planted] = OTHER_RATE
    for row, genes_of_type in enumerate(markers.values()):
        rates[row, [place[gene] for gene in genes_of_type]] = OWN_RATE
    return Tissue(genes, list(markers), rates.astype(np.float32), seed)


def _markers(n_types: int) -> dict[str, list[str]]:
    """The markers of the best-known type of each of the best-known broad types, by the name of the broad type."""
    facts = _bundled.database().facts
    facts = facts[facts["role"].eq("positive") & facts["species"].isin(["both", "human"])]
    lineages = _bundled.lineages()
    counted = facts.assign(n_sources=facts["sources"].str.count(";") + facts["sources"].ne(""))
    known = counted.groupby("cl_id")["n_sources"].sum().sort_values(ascending=False, kind="stable")
    markers: dict[str, list[str]] = {}
    for cl_id in known.index:
        broad = lineages.broad(cl_id)
        genes = counted[counted["cl_id"].eq(cl_id)].sort_values("n_sources", ascending=False, kind="stable")["gene"]
        if broad is not None and len(genes) >= MARKERS:
            markers.setdefault(broad.label, list(genes[:MARKERS]))
        if len(markers) == n_types:
            break
    return markers


def _scale(rates: np.ndarray, expressed: float) -> float:
    """The factor of the rates with which a cell expresses this many genes on average."""
    low, high = 1e-6, 1e6
    for _ in range(60):
        middle = (low * high) ** 0.5
        mean = -np.expm1(-middle * rates).sum() / len(rates)
        low, high = (middle, high) if mean < expressed else (low, middle)
    return low


def draw(plan: Tissue, n_cells: int) -> Iterator[tuple[sparse.csr_matrix, np.ndarray]]:
    """Blocks of counts with their clusters."""
    drawn: list[tuple[sparse.csr_matrix, np.ndarray]] = []
    for start in range(0, n_cells, BLOCK):
        if len(drawn) < DIFFERENT:
            drawn.append(_block(plan, start // BLOCK))
        counts, codes = drawn[start // BLOCK % DIFFERENT]
        size = min(BLOCK, n_cells - start)
        yield counts[:size].copy(), codes[:size]


def _block(plan: Tissue, number: int) -> tuple[sparse.csr_matrix, np.ndarray]:
    rng = np.random.default_rng((plan.seed, number))
    codes = rng.integers(0, len(plan.labels), BLOCK)
    depths = rng.lognormal(sigma=DEPTH, size=BLOCK).astype(np.float32)
    exposure = plan.rates[codes] * depths[:, np.newaxis]
    # A gene is seen if its first transcript comes before the exposure ends; the rest of the exposure gives the others.
    exposure -= rng.standard_exponential(exposure.shape, dtype=np.float32)
    cells, genes = np.nonzero(exposure > 0)
    counts = 1 + rng.poisson(exposure[cells, genes])
    indptr = np.concatenate([[0], np.cumsum(np.bincount(cells, minlength=BLOCK))])
    shape = (BLOCK, len(plan.genes))
    return sparse.csr_matrix((counts.astype(np.float32), genes.astype(np.int32), indptr), shape=shape), codes


def normalized(counts: sparse.csr_matrix) -> sparse.csr_matrix:
    """Log-normalized values (1e4 per cell), in place."""
    totals = np.asarray(counts.sum(axis=1)).ravel()
    counts.data *= np.repeat(1e4 / np.maximum(totals, 1), np.diff(counts.indptr)).astype(np.float32)
    np.log1p(counts.data, out=counts.data)
    return counts


def obs(plan: Tissue, codes: np.ndarray) -> pd.DataFrame:
    """The table of the cells: the number of the cluster and the planted type."""
    clusters = pd.Categorical.from_codes(codes, [str(number) for number in range(len(plan.labels))])
    planted = pd.Categorical.from_codes(codes, plan.labels)
    return pd.DataFrame({CLUSTER: clusters, TRUTH: planted}, index=[f"cell{number}" for number in range(len(codes))])


def cells(n_cells: int, plan: Tissue | None = None) -> AnnData:
    """Log-normalized cells in memory."""
    plan = plan or tissue()
    blocks = [(normalized(counts), codes) for counts, codes in draw(plan, n_cells)]
    values = sparse.vstack([counts for counts, _ in blocks], format="csr")
    table = obs(plan, np.concatenate([codes for _, codes in blocks]))
    return AnnData(values, obs=table, var=pd.DataFrame(index=plan.genes))


def write_zarr(path: Path, n_cells: int, plan: Tissue | None = None) -> None:
    """Write cells to a zarr folder block by block, so that they need not fit into memory."""
    import zarr

    elements = anndata.io if hasattr(anndata, "io") else anndata.experimental
    plan = plan or tissue()
    all_codes = []
    for counts, codes in draw(plan, n_cells):
        if not all_codes:
            AnnData(normalized(counts), var=pd.DataFrame(index=plan.genes)).write_zarr(path)
            group = _open_unconsolidated(path)
            matrix = elements.sparse_dataset(group["X"])
        else:
            matrix.append(normalized(counts))
        all_codes.append(codes)
    elements.write_elem(group, "obs", obs(plan, np.concatenate(all_codes)))
    zarr.consolidate_metadata(str(path))


def write_h5ad(path: Path, n_cells: int, plan: Tissue | None = None) -> None:
    """Write cells to an h5ad file block by block."""
    import h5py

    elements = anndata.io if hasattr(anndata, "io") else anndata.experimental
    plan = plan or tissue()
    all_codes = []
    with h5py.File(path, "w") as file:
        for counts, codes in draw(plan, n_cells):
            values = normalized(counts)
            if not all_codes:
                values.indptr = values.indptr.astype(np.int64)  # it has to count the values of all cells
                elements.write_elem(file, "/", AnnData(values, var=pd.DataFrame(index=plan.genes)))
                matrix = elements.sparse_dataset(file["X"])
            else:
                matrix.append(values)
            all_codes.append(codes)
        elements.write_elem(file, "obs", obs(plan, np.concatenate(all_codes)))


def simulated(n_cells: int, plan: Tissue | None = None) -> AnnData:
    """Cells of which no more is in memory than the blocks that are read: they are made again and again."""
    import dask.array

    plan = plan or tissue()
    blocks = [(normalized(counts), codes) for counts, codes in draw(plan, 4 * BLOCK)]
    sizes = [min(BLOCK, n_cells - start) for start in range(0, n_cells, BLOCK)]

    def block(block_info: Any = None) -> sparse.csr_matrix:
        number = block_info[None]["chunk-location"][0]
        return blocks[number % len(blocks)][0][: sizes[number]].copy()

    shape = (tuple(sizes), (len(plan.genes),))
    meta = sparse.csr_matrix((0, 0), dtype=np.float32)
    values = dask.array.map_blocks(block, chunks=shape, dtype=np.float32, meta=meta)
    codes = np.concatenate([blocks[number % len(blocks)][1][:size] for number, size in enumerate(sizes)])
    return AnnData(values, obs=obs(plan, codes), var=pd.DataFrame(index=plan.genes))


def _open_unconsolidated(path: Path) -> Any:
    """The zarr group as it is now; consolidated metadata may be older."""
    import zarr

    options = {"use_consolidated": False} if zarr.__version__.split(".")[0] != "2" else {}
    return zarr.open_group(str(path), mode="r+", **options)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", type=Path)
    parser.add_argument("--cells", type=int, default=50_000)
    arguments = parser.parse_args()
    write_zarr(arguments.path, arguments.cells)
