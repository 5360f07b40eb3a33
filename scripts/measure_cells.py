"""Measure labels on expression matrices with expert labels, and how many mixed clusters are found.

    python scripts/measure_cells.py FOLDER

FOLDER has sets.csv (name, species, tissue) and NAME.h5ad: .X log-normalized, .obs["truth"] the experts' labels,
.obs["truth_cl"] the Cell Ontology ids of each (comma separated, if any of several is right; empty: not judged),
.obs["leiden"] a clustering.

The cells are annotated by the experts' labels and by the clustering, and in addition with clusters that were joined: up
to three times the cells of one label with half of the cells of another one that it excludes, and up to three times the
cells of two related labels, of which neither is a subtype of the other. The script prints

- exact: the label shown is the expert's term; Unknown: none is shown; other: it is neither that term nor a relative;
- held back: clusters that are Unknown or flagged although the proposed label is the expert's term or a relative;
- joined: how many of the joined clusters show no label; single: how many of the other clusters of one type are flagged
  as mixed;
- one of two: how many clusters of two related types show the label of one of them, which leaves out the other.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import permutations
from pathlib import Path
from typing import Optional

import anndata as ad
import numpy as np
import pandas as pd

import gca_scanpy as gca
from gca_scanpy.db import _bundled

MIN_SHARE = 0.6  # of a cluster's cells that must have the same expert label
MIN_CELLS, MAX_JOINS, JOINED, AND = 20, 3, "joined", " & "


@cache
def sets(folder: Path) -> tuple[tuple[ad.AnnData, str, Optional[str]], ...]:
    """The matrices of a folder, with species and tissue."""
    rows = pd.read_csv(folder / "sets.csv", keep_default_na=False).itertuples()
    return tuple((ad.read_h5ad(folder / f"{row.name}.h5ad"), row.species, row.tissue or None) for row in rows)


def truth_of(adata: ad.AnnData, key: str) -> dict[str, list[str]]:
    """The expert's terms of each cluster that can be judged."""
    truth = {}
    for cluster, cells in adata.obs.groupby(key, observed=True)["truth_cl"]:
        counts = cells.astype(str).value_counts()
        terms = [term for term in counts.index[0].split(",") if term in _bundled.ontology()]
        if terms and counts.iloc[0] >= MIN_SHARE * len(cells):
            truth[str(cluster)] = terms
    return truth


def is_relative(term: str, truth: Sequence[str]) -> bool:
    """Whether a term is one of these, or an ancestor or a subtype of one."""
    return any(_bundled.ontology().related(term, other) for other in truth)


def judged(adata: ad.AnnData, key: str) -> Iterator[dict[str, bool]]:
    """How right each annotated cluster is."""
    truth, report = truth_of(adata, key), gca.get.report(adata)
    for cluster, terms in truth.items():
        found = report.cluster(cluster)
        shown, proposed = found.annotation.ontology_id, found.annotation.proposed_ontology_id
        yield {
            "exact": shown in terms,
            "Unknown": shown is None,
            "other": shown is not None and not is_relative(shown, terms),
            "held back": found.status != "supported" and proposed is not None and is_relative(proposed, terms),
        }


def with_joins(adata: ad.AnnData, *, related: bool = False) -> Optional[ad.AnnData]:
    """The cells with a grouping in which some types have half of the cells of another; None if no two are apart.

    With ``related``, these are types that do not exclude each other, and as many cells of both are joined.
    """
    truth, cells = truth_of(adata, "truth"), adata.obs["truth"].astype(str)
    sizes = cells.value_counts()
    labels = [label for label in sorted(truth) if sizes[label] >= MIN_CELLS]
    grouping, used = cells.copy(), set[str]()
    is_asked = _are_related if related else _are_apart
    for label, other in permutations(labels, 2):
        if used.isdisjoint((label, other)) and is_asked(truth[label], truth[other]) and len(used) < 2 * MAX_JOINS:
            used |= {label, other}
            first, second = cells.index[cells == label], cells.index[cells == other]
            n = min(len(first), len(second))
            both = [*first[:n], *second[:n]] if related else [*first, *second[::2]]
            grouping[both] = f"{JOINED} {label}{AND}{other}"
    if not used:
        return None
    joined = adata.copy()
    joined.obs["grouping"] = grouping
    return joined


def _are_apart(first: Sequence[str], second: Sequence[str]) -> bool:
    return all(_bundled.lineages().disjoint(one, other) for one in first for other in second)


def _are_related(first: Sequence[str], second: Sequence[str]) -> bool:
    lineages, ontology = _bundled.lineages(), _bundled.ontology()
    pairs = [(one, other) for one in first for other in second]
    return not any(ontology.related(*pair) or lineages.disjoint(*pair) for pair in pairs)


def named_as_one(adata: ad.AnnData) -> Iterator[bool]:
    """For each joined cluster of two related types, whether its label is right for one of them only."""
    truth = truth_of(adata, "truth")
    for cluster in gca.get.report(adata).clusters:
        if cluster.cluster_id.startswith(JOINED):
            pair, shown = cluster.cluster_id[len(JOINED) + 1 :].split(AND), cluster.annotation.ontology_id
            yield shown is not None and sum(is_relative(shown, truth[label]) for label in pair) == 1


def found_joins(adata: ad.AnnData) -> Iterator[tuple[bool, bool]]:
    """For each cluster, whether it was joined, and whether it is stopped; of single types, as mixed."""
    types = truth_of(adata, "truth")
    for cluster in gca.get.report(adata).clusters:
        is_joined = cluster.cluster_id.startswith(JOINED)
        as_mixed = "mixed_lineage" in cluster.validation.flag_reasons
        if is_joined or cluster.cluster_id in types:
            yield is_joined, cluster.status != "supported" if is_joined else as_mixed


def figures(folder: Path) -> dict[str, float]:
    """The figures of all clusters, by name."""
    rows: list[Mapping[str, bool]] = []
    joins: list[tuple[bool, bool]] = []
    related: list[bool] = []
    for adata, species, tissue in sets(folder):
        for key in ("truth", "leiden"):
            if adata.obs[key].astype(str).str.len().any():
                gca.tl.annotate(adata, key, species=species, tissue=tissue)
                rows += judged(adata, key)
        mixed = with_joins(adata)
        if mixed is not None:
            gca.tl.annotate(mixed, "grouping", species=species, tissue=tissue)
            joins += found_joins(mixed)
        mixed = with_joins(adata, related=True)
        if mixed is not None:
            gca.tl.annotate(mixed, "grouping", species=species, tissue=tissue)
            related += named_as_one(mixed)
    means = pd.DataFrame(rows).mean().to_dict()
    for name, which in (("joined", True), ("single", False)):
        means[name] = float(np.mean([flagged for is_joined, flagged in joins if is_joined == which]))
    return {**means, "one of two": float(np.mean(related))}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    for name, value in figures(args.folder).items():
        print(f"{name}: {value:.3f}")


if __name__ == "__main__":
    main()
