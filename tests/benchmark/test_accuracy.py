"""How often clusters get the name that experts gave them, on the public benchmark, if it is next to the repository."""

from __future__ import annotations

import csv
import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BENCHMARK = ROOT.parent / "shared" / "benchmark"
SCRIPT = ROOT / "scripts" / "predict_benchmark.py"
CLUSTERS = BENCHMARK / "clusters_dev.csv"

pytestmark = pytest.mark.skipif(
    not (CLUSTERS.is_file() and SCRIPT.is_file()), reason="the benchmark is not next to the repository"
)


def module(path):
    """Load a script."""
    spec = importlib.util.spec_from_file_location(f"benchmark_{path.stem}", path)
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


@pytest.fixture(scope="module")
def scored():
    """Give score and confidence of every cluster, with the bundled database alone."""
    rule = module(BENCHMARK / "agreement.py")
    with CLUSTERS.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    with pytest.MonkeyPatch.context() as patch:
        for name in ("GCA_MIN_SUPPORT", "GCA_MIXED_RATIO", "GCA_MARKER_DB_PATH"):
            patch.delenv(name, raising=False)
        patch.setattr("gca_scanpy._prepare.warn", lambda *_: None)
        predicted = {row["cluster"]: row for row in module(SCRIPT).predict(rows, [])}
    agreement = rule.Agreement(BENCHMARK)
    return [
        (
            agreement.score(
                rule.split(predicted[row["cluster"]]["cl_id"]),
                rule.split(row["expert_cl_id"]),
                rule.split(row["expert_broad_type"]),
            ),
            predicted[row["cluster"]]["confidence"],
        )
        for row in rows
    ]


def test_the_score(scored):
    """The proposed terms agree with those of the experts by at least 0.75; GPT-4 reaches 0.654 by the same rule."""
    assert len(scored) > 300
    assert sum(score for score, _ in scored) / len(scored) >= 0.75


def test_high_confidence_can_be_trusted(scored):
    """At least 35 % of the clusters have High confidence, and at most 7 % of these have the wrong lineage."""
    high = [score for score, confidence in scored if confidence == "High"]
    assert len(high) >= 0.35 * len(scored)
    assert high.count(0.0) <= 0.07 * len(high)


def test_low_confidence_says_so(scored):
    """Labels of High confidence agree more than those of Medium, and those of Medium more than those of Low."""
    means = []
    for level in ("High", "Medium", "Low"):
        scores = [score for score, confidence in scored if confidence == level]
        means.append(sum(scores) / len(scores))
    assert means == sorted(means, reverse=True)
