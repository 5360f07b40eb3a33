"""From a user's markers to cases: databases and indexes that many runs share."""

from __future__ import annotations

import pandas as pd

import gca_scanpy as gca


def test_many_databases_in_one_process(lineages):
    """Indexes of more databases than are kept: each run is judged by its own table, the first one again, too."""
    names = ["B cell", "T cell", "monocyte"]
    genes = lineages["B cell"][:6]
    tables = [pd.DataFrame({"cell_type": [names[i % 3]] * 6, "gene": genes, "note": i}) for i in range(3)]
    tables += [pd.DataFrame({"cell_type": ["B cell"] * (i + 2), "gene": genes[: i + 2]}) for i in range(4)]
    tables += [pd.DataFrame({"cell_type": ["T cell"] * (i + 2), "gene": genes[: i + 2]}) for i in range(4)]
    tables.append(tables[0])
    found = [gca.annotate_markers({"0": genes}, marker_db=table).clusters[0] for table in tables]
    assert [c.annotation.proposed_label for c in found[:3]] == names
    assert found[-1] == found[0]
