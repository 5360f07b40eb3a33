"""``adata.gca``, if the installed anndata has accessors."""

from __future__ import annotations

import inspect
import pickle
import subprocess
import sys

import anndata
import pandas as pd
import pytest

import gca_scanpy as gca

HAS_ACCESSORS = hasattr(anndata, "register_anndata_namespace")
if HAS_ACCESSORS:  # pytest has imported this package before anndata, to know its warnings
    from gca_scanpy import _accessor

    _accessor.register()
needs_accessors = pytest.mark.skipif(not HAS_ACCESSORS, reason="this anndata has no accessors")


def _in_a_fresh_python(code):
    """What some code prints in a Python that has imported nothing yet."""
    done = subprocess.run([sys.executable, "-W", "error::UserWarning", "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@needs_accessors
def test_annotate_report_and_table(cells):
    """The methods do and give what the functions of the same name do."""
    other = cells.copy()
    assert cells.gca.annotate(groupby="cluster", tissue="blood") is None
    gca.tl.annotate(other, "cluster", tissue="blood")
    assert cells.gca.report() == gca.get.report(cells)
    assert cells.gca.report().clusters == gca.get.report(other).clusters
    pd.testing.assert_frame_equal(cells.gca.clusters(), gca.get.clusters(cells))


@needs_accessors
def test_options_and_keys_are_passed_on(cells):
    """Every option reaches the function, and the key chooses the run; a copy has an accessor of its own."""
    copied = cells.gca.annotate("cluster", key_added="mine", copy=True)
    assert "mine" not in cells.uns
    assert copied.gca.report("mine").summary.total_clusters == 4
    assert list(copied.gca.clusters(key="mine").index) == ["0", "1", "2", "3"]
    with pytest.raises(TypeError, match="unexpected keyword"):
        cells.gca.annotate("cluster", no_such_option=1)


@needs_accessors
def test_validate_plan_and_agreement(cells):
    """Labels are checked, a plan is made and columns are compared as by the functions."""
    other = cells.copy()
    assert cells.gca.validate("cluster", "planted", tissue="blood") is None
    gca.tl.validate(other, "cluster", "planted", tissue="blood")
    assert cells.gca.report().clusters == gca.get.report(other).clusters
    assert {c.source for c in cells.gca.report().clusters} == {"user"}
    model = gca.Asking(gca.LanguageModel("m", base_url="http://127.0.0.1:9"), cache=False)
    assert cells.gca.plan("cluster", model=model) == gca.tl.plan(cells, "cluster", model=model)
    pd.testing.assert_frame_equal(
        cells.gca.agreement("gptca_label", "planted"), gca.get.agreement(cells, "gptca_label", "planted")
    )


@needs_accessors
def test_curate_and_to_cellxgene(cells):
    """Decisions and the CELLxGENE column are written as by the functions."""
    cells.gca.annotate("cluster", key_added="mine")
    other = cells.copy()
    cells.gca.curate({"0": "pDC"}, key="mine", who="Ada Lovelace")
    gca.tl.curate(other, {"0": "pDC"}, key="mine", who="Ada Lovelace")
    pd.testing.assert_frame_equal(
        cells.gca.curation("mine").drop(columns="when"), gca.get.curation(other, "mine").drop(columns="when")
    )
    cells.gca.to_cellxgene("mine")
    gca.tl.to_cellxgene(other, "mine")
    pd.testing.assert_frame_equal(cells.obs, other.obs)


@needs_accessors
def test_a_method_takes_the_arguments_of_its_function():
    """Each argument that a method names is one of the function's, in the same place and with the same default."""
    for name, method in vars(_accessor.Accessor).items():
        if not name.startswith("_"):
            function = getattr(gca.tl if name in gca.tl.__all__ else gca.get, name)
            wanted = list(inspect.signature(function).parameters.values())[1:]
            named = [p for p in inspect.signature(method).parameters.values() if p.name not in ("self", "options")]
            assert [(p.name, p.default) for p in named] == [(p.name, p.default) for p in wanted[: len(named)]], name


@needs_accessors
def test_an_object_that_was_used_can_still_be_stored(cells, tmp_path):
    """The accessor is no part of the object: copies, pickles and files are as without it."""
    cells.gca.annotate("cluster")
    assert pickle.loads(pickle.dumps(cells)).gca.report() == cells.gca.report()
    cells.write_h5ad(tmp_path / "a.h5ad")
    assert anndata.read_h5ad(tmp_path / "a.h5ad").gca.report() == cells.gca.report()


@pytest.mark.parametrize(
    ("code", "there"),
    [
        ("import anndata, gca_scanpy", True),
        ("from gca_scanpy import tl; import anndata", True),
        ("import gca_scanpy as gca, anndata; gca.settings", True),
        ("import gca_scanpy as gca, anndata", False),
    ],
)
def test_when_it_is_there(code, there):
    """It exists after an import after anndata, else after the first use; without accessors in anndata, never."""
    shown = _in_a_fresh_python(f"{code}; print(hasattr(anndata.AnnData, 'gca'))")
    assert shown == [str(there and HAS_ACCESSORS)]


@needs_accessors
def test_another_packages_accessor_stays():
    """If another package has taken the name, it keeps it, and there is no warning."""
    code = """
import anndata
from anndata import AnnData
class Other:
    def __init__(self, adata: AnnData):
        pass
anndata.register_anndata_namespace("gca")(Other)
import gca_scanpy
gca_scanpy.tl
print(AnnData.gca.__name__)
"""
    assert _in_a_fresh_python(code) == ["Other"]


def test_a_package_called_anndata_that_is_not_whole():
    """An anndata that is just being imported, or an old one, is no reason to fail."""
    code = "import sys, types; sys.modules['anndata'] = types.ModuleType('anndata'); import gca_scanpy; print('fine')"
    assert _in_a_fresh_python(code) == ["fine"]
