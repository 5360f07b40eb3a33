"""scripts/measure_cells.py: the figures of real matrices, on made cells."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData


@pytest.fixture
def measure(script):
    """The script as a module."""
    return script("measure_cells")


def test_the_truth_of_a_cluster(measure):
    """The terms of most of its cells; a cluster without a clear label is not judged."""
    truth = ["CL:0000236"] * 3 + ["", "x", ""] + ["CL:0000084", "CL:0000625"]
    obs = pd.DataFrame({"leiden": list("aaabbbcc"), "truth_cl": truth}, index=list("01234567"))
    assert measure.truth_of(AnnData(obs=obs), "leiden") == {"a": ["CL:0000236"]}


def test_cells_are_measured(measure, tmp_path):
    """Labels of cells are compared with the experts' terms, and clusters that were joined are found."""
    dice = np.random.default_rng(0)
    programs = {"B": ["MS4A1", "CD79A", "CD79B", "CD19", "BANK1"], "T": ["CD3D", "CD3E", "TRAC", "CD2", "TRBC2"]}
    programs["EP"] = ["EPCAM", "KRT8", "KRT18", "KRT19", "CDH1"]
    programs["NK"] = ["KLRF1", "NCR1", "SPON2", "CLIC3", "KLRC1", "XCL1"]
    genes = [gene for program in programs.values() for gene in program] + [f"GENE{i}" for i in range(40)]
    truth = np.repeat(list(programs), 40)
    means = [[5.0 if gene in programs[name] else 0.2 for gene in genes] for name in truth]
    obs = pd.DataFrame({"truth": truth, "leiden": ""}, index=[f"c{i}" for i in range(len(truth))])
    terms = {"B": "CL:0000236", "T": "CL:0000084", "EP": "CL:0000066,CL:0002076", "NK": "CL:0000623"}
    obs["truth_cl"] = obs["truth"].map(terms)
    cells = AnnData(np.log1p(dice.poisson(means)).astype("float32"), obs, pd.DataFrame(index=genes))
    cells.write_h5ad(tmp_path / "made.h5ad")
    (tmp_path / "sets.csv").write_text("name,species,tissue\nmade,human,\n")
    found = measure.figures(tmp_path)
    assert found.pop("one of two") == 0.0  # one cluster of T and NK cells is labeled lymphocyte
    assert found == {"exact": 1.0, "Unknown": 0.0, "other": 0.0, "held back": 0.0, "joined": 1.0, "single": 0.0}
