"""The frozen objects of a report."""

from types import SimpleNamespace

import pytest
from attrs.exceptions import FrozenInstanceError

from gca_scanpy import _keys, _steps, model
from gca_scanpy._judging.judge import Judgment
from gca_scanpy._reporting import report
from gca_scanpy.db import _bundled


def _report(*ids):
    validation = model.Validation(True, ("CD3E",), (), {}, False, (), 1, ())
    clusters = [
        report.cluster_report(
            SimpleNamespace(
                markers=_steps.ClusterMarkers(key, (_steps.RankedGene("CD3E", "CD3E"),)),
                candidates=(),
                tissues=(),
                state_genes={},
                index=SimpleNamespace(lineages=_bundled.lineages(), types={}),
                strength=None,
            ),
            Judgment(validation, "supported", _steps.Verdict(key, "T cell", "CL:0000084", 0.9, "offline")),
            force_unknown=True,
        )
        for key in ids
    ]
    provenance = model.Provenance({}, "1", "0" * 64, "2026", None, None, "run", "2026-01-01T00:00:00+00:00")
    return report.dataset_report(clusters, {}, provenance, model.Telemetry(), (), {})


def test_a_cluster_is_found_by_its_exact_id():
    """Ids such as 1 and 10, CD4+ and CD4-, ``7_0`` and the empty string each give their own cluster."""
    ids = ("10", "1", "CD4-", "CD4+", "7_0", "7", "NK/T cell", "", "β-Zelle", "x" * 5000)
    found = _report(*ids)
    assert [found.cluster(key).cluster_id for key in ids] == list(ids)


def test_a_wrong_cluster_id_lists_those_there_are():
    """An id that is not there is a KeyError with the ids that are; a near match is never taken."""
    with pytest.raises(KeyError, match="no cluster '01'; there are: 1, 10"):
        _report("1", "10").cluster("01")


def test_a_report_cannot_be_changed():
    """What was reported stays as it was reported."""
    with pytest.raises(FrozenInstanceError):
        _report("1").clusters[0].status = "flagged"


def test_all_columns_begin_with_the_key():
    """The columns of two runs under two keys are apart, and none is missing from the list."""
    ours, theirs = _keys.ObsKeys("a").all(), _keys.ObsKeys("b").all()
    columns = {name for name, value in vars(_keys.ObsKeys).items() if isinstance(value, property)}
    assert set(ours) == {f"a_{name}" for name in columns if not name.startswith("curated")} - {"a_agreement"}
    assert set(ours).isdisjoint(theirs)
