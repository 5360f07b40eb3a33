"""The scripts as modules, and a small table of clusters with experts' labels."""

from __future__ import annotations

import importlib
from pathlib import Path

import pandas as pd
import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"

RULE = """
from gca_scanpy.db import _bundled


class Agreement:
    def score(self, predicted, expert, broad):
        related = _bundled.ontology().related
        if set(predicted) & set(expert):
            return 1.0
        return 0.5 if any(related(a, b) for a in predicted for b in expert) else 0.0
"""

CLUSTERS = [
    ("b", "MS4A1,CD79A,CD79B,CD19,BANK1,PAX5,CD22,FCRL1,TCL1A,FCER2,IGHD,VPREB3", "CL:0000236", "one"),
    ("t", "CD3D,CD3E,CD3G,TRAC,CD2,CD5,CD6,BCL11B,IL7R,TCF7,LEF1", "CL:0000084", "two"),
    ("mono", "LYZ,S100A8,S100A9,S100A12,CD14,FCN1,VCAN,CD300E,MNDA,CSF3R", "CL:0000576", "three"),
    ("liver", "ALB,APOA1,APOC3,TTR,CYP3A4,SERPINA1,FGB,AHSG,TF,HP", "CL:0000182", "four"),
    ("endothelium", "PECAM1,VWF,CDH5,CLDN5,KDR,FLT1,TEK,EGFL7,ERG,ESAM", "CL:0000115", "five"),
    ("noise", "ZNF10,ZNF12,ZNF14,ZNF16,ZNF17,ZNF18,ZNF19,ZNF20,ZNF22", "CL:0000236", "six"),
]


@pytest.fixture
def script(monkeypatch):
    """Import a script; those that it imports are beside it."""
    if not SCRIPTS.exists():
        pytest.skip("the scripts are not part of the package")
    monkeypatch.syspath_prepend(str(SCRIPTS))
    return importlib.import_module


@pytest.fixture
def tables(tmp_path):
    """Write CLUSTERS.csv and agreement.py; gives their paths."""
    rows = [(name, markers, "human", "", term, study) for name, markers, term, study in CLUSTERS]
    table = pd.DataFrame(rows, columns=["cluster", "markers", "species", "tissue", "expert_cl_id", "dataset"])
    table.loc[len(table)] = ["unlabeled", "CD3D,CD3E", "human", "", "", "one"]
    table.to_csv(tmp_path / "clusters.csv", index=False)
    (tmp_path / "agreement.py").write_text(RULE, encoding="utf-8")
    return tmp_path / "clusters.csv", tmp_path / "agreement.py"
