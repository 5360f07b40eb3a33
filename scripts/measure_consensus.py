"""Measure the consensus of labels that were damaged on purpose.

    python scripts/measure_consensus.py FOLDER [--names NAMES.csv] [--seeds 5] [--cells 1000000]

FOLDER has sets.csv (name, species, tissue) and NAME.h5ad: .X log-normalized, .obs["truth_cl"] the Cell Ontology ids of
the experts' label (comma separated, if any of several is right; empty: not judged), .obs["leiden"] a clustering.
NAMES.csv has the columns label and cl_id: the names that tools use.

Two labelings are made of the experts' labels of the clusters: 20 % of them are wrong (the label of another cluster that
is not related), 30 % are coarser (an ancestor), and a third have another name. The third labeling is that of
gca.tl.annotate. The script prints for each labeling and for their consensus

- exact: the expert's term; relative: this term, an ancestor or a subtype of it;
- how many of the wrong labels are among the dissenting votes, and how many of the right ones;

then, with --names, how many of the names are read, and with --cells, how long so many cells with five columns take.
"""

from __future__ import annotations

import argparse
import random
import resource
import time
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Optional

import anndata as ad
import numpy as np
import pandas as pd
from measure_cells import is_relative, truth_of

import gca_scanpy as gca
from gca_scanpy.db import _bundled

WRONG, COARSER, RENAMED = 0.2, 0.3, 1 / 3
TOOLS = ("first", "second")
KEYS = (*TOOLS, "gptca_label")


def coarser(term: str) -> Optional[str]:
    """The nearest ancestor with a common name, no further up than the broad type."""
    lineages, ontology = _bundled.lineages(), _bundled.ontology()
    broad = lineages.broad(term)
    above = [t for t in ontology.ancestors(term) if t in _bundled.short_names() and lineages.broad(t) == broad]
    return above[0] if above else None


def damage(truth: Mapping[str, Sequence[str]], names: Mapping[str, Sequence[str]], dice: random.Random) -> dict:
    """For each cluster its term, its label, and what was done to it."""
    labels = {}
    for cluster, terms in truth.items():
        term, done, throw = terms[0], "right", dice.random()
        others = [other[0] for other in truth.values() if not is_relative(other[0], terms)]
        if throw < WRONG and others:
            term, done = dice.choice(others), "wrong"
        elif WRONG <= throw < WRONG + COARSER and coarser(term):
            term, done = coarser(term) or term, "coarser"
        label = _bundled.ontology().label(term)
        if dice.random() < RENAMED:
            label = dice.choice(names.get(term) or [f"{label}s", label.upper(), label.replace(" ", "_")])
        labels[cluster] = (term, label, done)
    return labels


def measured(adata: ad.AnnData, names: Mapping[str, Sequence[str]], seed: int, row: object) -> list[dict]:
    """A row for each cluster and labeling."""
    truth, dice = truth_of(adata, "leiden"), random.Random(f"{row.name} {seed}")
    given = {tool: damage(truth, names, dice) for tool in TOOLS}
    clusters = adata.obs["leiden"].astype(str)
    for tool, labels in given.items():
        adata.obs[tool] = clusters.map({cluster: label for cluster, (_, label, _) in labels.items()})
    gca.tl.consensus(adata, list(KEYS), "leiden", species=row.species, tissue=row.tissue or None)  # type: ignore[attr-defined]
    own, rows = gca.get.report(adata), []
    for cluster, terms in truth.items():
        found = gca.get.report(adata, "consensus").cluster(cluster)
        votes = {vote.key: vote for vote in found.consensus.votes}  # type: ignore[union-attr]
        answers = {tool: (given[tool][cluster][0], given[tool][cluster][2]) for tool in TOOLS}
        answers["gptca_label"] = (own.cluster(cluster).annotation.ontology_id, "own")
        answers["consensus"] = (found.annotation.ontology_id, "consensus")
        rows += [
            {
                "seed": seed,
                "labeling": name,
                "exact": term in terms,
                "relative": term is not None and is_relative(term, terms),
                "none": term is None,
                "done": done,
                "dissents": votes[name].dissents if name in votes else None,
                "relation": votes[name].relation if name in votes else None,
                "cluster": f"{row.name} {cluster}",  # type: ignore[attr-defined]
                "status": found.status,
            }
            for name, (term, done) in answers.items()
        ]
    return rows


def by_term(path: Optional[Path]) -> dict[str, list[str]]:
    """The names of each term, those that are read as this term."""
    if path is None:
        return {}
    table = pd.read_csv(path, keep_default_na=False, dtype=str)
    names: dict[str, list[str]] = {}
    for row in table.itertuples():
        if row.source.startswith("HRA crosswalk"):
            names.setdefault(row.cl_id, []).append(row.label)
    return names


def read_names(path: Path) -> pd.DataFrame:
    """How many of each tool's names are read as their term or a relative, and as any term."""
    rows, ontology = [], _bundled.ontology()
    for row in pd.read_csv(path, keep_default_na=False, dtype=str).itertuples():
        if row.source.startswith("HRA crosswalk"):
            tissues = [text.strip() for text in row.tissue.split(";") if text.strip()]
            term = gca.names.find(row.label, tissues).ontology_id
            terms = [term for term in row.cl_id.split(",") if term in ontology]
            right = term is not None and is_relative(term, terms)
            rows.append({"tool": row.source.split()[2], "read": term is not None, "right": right})
    return (
        pd.DataFrame(rows).groupby("tool").agg(names=("read", "size"), read=("read", "mean"), right=("right", "mean"))
    )


def time_cells(n_cells: int) -> tuple[float, float]:
    """Seconds of processor time, and MB of memory in addition, for this many cells with five columns."""
    dice, ontology = np.random.default_rng(0), _bundled.ontology()
    names = [*dice.choice([ontology.label(term) for term in _bundled.short_names()], 60, replace=False), "Unassigned"]
    truth = dice.integers(0, len(names), n_cells)
    keys = [f"tool{i}" for i in range(5)]
    other = {key: dice.integers(0, len(names), n_cells) for key in keys}
    codes = {key: np.where(dice.random(n_cells) < WRONG, other[key], truth) for key in keys}
    columns = {key: pd.Categorical.from_codes(values, names) for key, values in codes.items()}
    adata = ad.AnnData(obs=pd.DataFrame(columns, index=[str(i) for i in range(n_cells)]))
    start, before = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    gca.tl.consensus(adata, keys)
    return time.process_time() - start, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--names", type=Path)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--cells", type=int, default=0)
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    rows, names = [], by_term(args.names)
    for row in pd.read_csv(args.folder / "sets.csv", keep_default_na=False).itertuples():
        adata = ad.read_h5ad(args.folder / f"{row.name}.h5ad")
        gca.tl.annotate(adata, "leiden", species=row.species, tissue=row.tissue or None)
        for seed in range(args.seeds):
            rows += measured(adata, names, seed, row)
    show(pd.DataFrame(rows))
    if args.names:
        print(read_names(args.names).round(3))
    if args.cells:
        print("{:,} cells: {:.1f} s, {:.0f} MB".format(args.cells, *time_cells(args.cells)))


def show(table: pd.DataFrame) -> None:
    """Print the figures."""
    print(f"{table['cluster'].nunique()} clusters, {table['seed'].nunique()} seeds")
    print(table.groupby("labeling")[["exact", "relative", "none"]].mean().round(3))
    votes = table[table["labeling"].isin(TOOLS)]
    n_wrong = votes.assign(wrong=votes["done"] == "wrong").groupby(["cluster", "seed"])["wrong"].sum().rename("wrong")
    joined = table[table["labeling"] == "consensus"].join(n_wrong, on=["cluster", "seed"])
    print("consensus, by the number of wrong labelings")
    print(
        joined.groupby("wrong")[["exact", "relative", "none"]].mean().round(3).assign(n=joined.groupby("wrong").size())
    )
    print(f"relative if at most one is wrong: {joined.loc[joined['wrong'] < 2, 'relative'].mean():.3f}")
    print("votes that dissent, by what was done to them")
    print(votes.groupby("done")["dissents"].agg(["mean", "size"]).round(3))
    wrong = votes[votes["done"] == "wrong"].join(n_wrong, on=["cluster", "seed"])
    named = wrong["dissents"].astype(bool)
    print(f"wrong votes that dissent if the other labeling is not wrong: {named[wrong['wrong'] < 2].mean():.3f}")
    print(
        f"wrong votes that dissent, or are in a flagged cluster: {(named | (wrong['status'] == 'flagged')).mean():.3f}"
    )


if __name__ == "__main__":
    main()
