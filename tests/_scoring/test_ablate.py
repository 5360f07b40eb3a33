"""The script that measures what each number of the scorer is worth, on a few made clusters."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest
from attrs import field, fields, make_class

from gca_scanpy._scoring import numbers
from gca_scanpy._scoring.numbers.genes import CONVENTION, UNLIMITED

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
RULE = """
class Agreement:
    def score(self, predicted, expert, expert_broad):
        related = "lymphocyte" in expert_broad and predicted != [""]
        return 1.0 if set(predicted) & set(expert) else 0.5 if related else 0.0
"""
CLUSTERS = """cluster,species,tissue,markers,expert_cl_id,expert_broad_type
1,human,blood,"MS4A1,CD79A,CD79B,CD19,BANK1,TNFRSF13C",CL:0000236,lymphocyte
2,human,blood,"CD3D,CD3E,TRAC,CD2,CD5,CD6",CL:0000084,lymphocyte
3,human,,"EPCAM,KRT8,KRT18,KRT19,CDH1",CL:0000066,
"""


@pytest.fixture(scope="module")
def ablate():
    """Give the script."""
    path = SCRIPTS / "ablate.py"
    if not path.exists():
        pytest.skip("the scripts are not part of the package")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(SCRIPTS))
        spec = importlib.util.spec_from_file_location("gca_ablate", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        yield module
    for name in ("measure_cells", "measure_labels", "write_scoring"):
        sys.modules.pop(name, None)


@pytest.fixture
def files(tmp_path):
    """Give a table of clusters and a rule of agreement."""
    (tmp_path / "clusters.csv").write_text(CLUSTERS)
    (tmp_path / "agreement.py").write_text(RULE)
    return tmp_path / "clusters.csv", tmp_path / "agreement.py"


def _numbers(**values):
    shared = {"origin": "by hand", "unit": "factor", "neutral": None}
    return make_class(
        "Some", {name: field(default=v, metadata={**shared, **more}) for name, (v, more) in values.items()}
    )


@pytest.mark.parametrize(
    ("value", "metadata", "expected"),
    [
        (0.3, {"neutral": 1.0}, [("0.3 → 1", 1.0)]),
        (4, {"neutral": UNLIMITED}, [("4 → no limit", UNLIMITED)]),
        (0.7, {}, [("0.7 → 0.35", 0.35), ("0.7 → 1.4", 1.4)]),
        (0.6, {"unit": "share"}, [("0.6 → 0.3", 0.3)]),
        (3, {"unit": "genes"}, [("3 → 1", 1), ("3 → 6", 6)]),
        (1.0, {"origin": CONVENTION}, []),
    ],
)
def test_how_a_number_is_changed(ablate, value, metadata, expected):
    """A number gets its neutral value; without one it is halved and doubled, a share to at most 1."""
    found = list(ablate.changes("it", _numbers(it=(value, metadata))))
    # By their text, in which a whole number differs from 1.0.
    assert [(change.value, repr(change.override["it"])) for change in found] == [(v, repr(n)) for v, n in expected]


def test_each_slope_is_set_to_zero(ablate):
    """Of several numbers each slope is changed alone, and never the intercept."""
    found = list(ablate.changes("it", _numbers(it=((-1.0, 2.0, 3.0), {}))))
    assert [change.name for change in found] == ["it[1]", "it[2]"]
    assert [change.override["it"] for change in found] == [(-1.0, 0.0, 3.0), (-1.0, 2.0, 0.0)]


@pytest.mark.parametrize("number", fields(numbers.Numbers), ids=lambda number: number.name)
def test_a_neutral_value_is_another_value(number):
    """The neutral value of a number, if it has one, is a number that differs from it."""
    neutral = number.metadata["neutral"]
    assert neutral is None or (neutral != number.default and float(neutral) >= 0)


def test_a_number_without_effect_is_found(ablate):
    """A number is a candidate for removal only if none of its changes is visible in any figure."""
    base = dict.fromkeys(ablate.OF_LISTS, 0.5)
    moved = {**base, "label shown, agreement": 0.502}
    rows = [(ablate.Change(*names), f) for names, f in ((("a", ""), base), (("b", ""), base), (("b", ""), moved))]
    assert ablate.without_effect(base, rows) == ["a"]
    assert "| `b` |  | 0 | 0 | +0.002 | 0 | 0 | 0 |" in ablate.table(ablate.OF_LISTS, base, rows)


def test_the_tables_are_written(ablate, files, monkeypatch, tmp_path, capsys):
    """A table has the released figures and a row for each change; a number without effect is tried in the next one."""
    clusters, rule = files
    page = tmp_path / "page.md"
    marks = ("ablation", "ablation of given labels", "ablation of cells")
    page.write_text(
        "before\n" + "".join(f"<!-- {mark}: start -->\nold\n<!-- {mark}: end -->\nafter\n" for mark in marks)
    )
    monkeypatch.setattr(ablate, "PAGE", page)
    before = numbers.NUMBERS
    only = ["negative_factor", "high", "given", "temperature"]
    ablate.main([str(clusters), "--agreement", str(rule), "--write", "--only", *only])
    assert numbers.NUMBERS is before
    _, lists, given, cells = page.read_text().split(": start -->\n")
    assert "old" not in lists + given
    assert cells.startswith("old")
    released = next(line for line in lists.splitlines() if line.startswith("| as released"))
    assert [float(cell) for cell in released.split("|")[3:6]] == [1.0, 1.0, 1.0]
    rows = [line.split("`")[1] for line in lists.splitlines() if line.startswith("| `")]
    assert rows == ["negative_factor", "temperature", "temperature", "high"]
    tried = {line.split("`")[1] for line in given.splitlines() if line.startswith("| `")}
    assert {"given[1]", "given[3]", "negative_factor"} <= tried
    assert "No visible effect:" in capsys.readouterr().out
