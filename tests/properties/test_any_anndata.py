"""Any AnnData gives a whole report with exactly its clusters, or one of our own errors and is left as it was."""

from __future__ import annotations

import json
import warnings

import anndata as ad
import jsonschema
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import sparse

import gca_scanpy as gca
from gca_scanpy import _codec

# The fixtures used beside given values are functions and constants: nothing in them to reset.
FIXTURES = settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
FILES = settings(FIXTURES, max_examples=settings.default.max_examples // 3)  # writing a file takes its time
SCHEMA = _codec.json_schema()
REAL = [*"MS4A1 CD79A CD3D CD3E TRAC LYZ S100A8 NKG7 GNLY PPBP MALAT1 RPL3 MT-CO1 HLA-DRA JUN MKI67".split()]
ODD = ["", " ", "nan", "Cd3d", "ENSG00000156738", "ENSG00000156738.12", "TSPAN6_ENSG00000000003", "1234", "β", "AB_CD3"]
DTYPES = ["float32", "float64", "int32", "int64", "uint8", "bool"]
NAMES = st.one_of(
    st.sampled_from(["1", "10", "7_0", "", "NK/T cell", "CD4+", "CD4-", "nan", "é", "<b>"]), st.text(max_size=6)
)


@st.composite
def matrices(draw, n_obs, n_vars):
    """A matrix of counts, logs or anything: dense, csr or csc, any dtype, with NaN now and then."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    dtype = draw(st.sampled_from(DTYPES))
    values = rng.poisson(0.7, (n_obs, n_vars)).astype(dtype)
    if dtype.startswith("float"):
        values = np.log1p(values) if draw(st.booleans()) else values
        if draw(st.integers(0, 9)) == 0:
            values[rng.integers(n_obs), rng.integers(n_vars)] = draw(st.sampled_from([np.nan, np.inf, -1.0, 1e30]))
    kind = draw(st.sampled_from([np.asarray, sparse.csr_matrix, sparse.csc_matrix, np.asfortranarray]))
    return kind(values)


@st.composite
def columns(draw, n_obs, storable=False):
    """A column of clusters: text, categories (empty ones too), integers, with missing cells now and then."""
    own = NAMES.filter(lambda name: "\0" not in name) if storable else NAMES
    names = draw(st.lists(own, min_size=1, max_size=4, unique=True))
    codes = np.asarray(draw(st.lists(st.integers(0, len(names) - 1), min_size=n_obs, max_size=n_obs)))
    if draw(st.integers(0, 3)) == 0:
        codes[draw(st.integers(0, n_obs - 1))] = -1
    kind = draw(st.sampled_from(["category", "ordered", "object", "integer", "float", "bool"]))
    if kind == "integer":
        return pd.Series(codes)
    if kind == "float":
        return pd.Series(np.where(codes < 0, np.nan, codes.astype(float)))
    if kind == "bool":
        return pd.Series(codes > 0)
    categorical = pd.Categorical.from_codes(codes, categories=names, ordered=kind == "ordered")
    return pd.Series(categorical) if kind != "object" else pd.Series(categorical.astype(object))


@st.composite
def objects(draw, storable=False):
    """An AnnData, or a view of one, with odd gene names, also duplicate ones, layers and raw.

    ``storable`` leaves out what AnnData itself cannot write and read back: duplicate genes, NUL in a name.
    """
    n_obs, n_vars = draw(st.integers(2, 24)), draw(st.integers(1, 20))
    genes = draw(st.lists(st.sampled_from(REAL + ODD), min_size=n_vars, max_size=n_vars, unique=storable))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # AnnData's own, about names that are there twice
        adata = ad.AnnData(
            draw(matrices(n_obs, n_vars)),
            obs=pd.DataFrame(index=[f"c{i}" for i in range(n_obs)]),
            var=pd.DataFrame(index=genes),
        )
        series = draw(columns(n_obs, storable))
        series.index = adata.obs_names
        adata.obs["cluster"] = series
        if draw(st.booleans()):
            adata.layers["more"] = draw(matrices(n_obs, n_vars))
        if draw(st.integers(0, 3)) == 0:
            adata.raw = adata.copy()
        if draw(st.integers(0, 3)) == 0:
            adata.uns["gptca"] = draw(st.sampled_from(["junk", {"report": 3}, [1, 2], {"report": "{}"}]))
        view = draw(st.integers(0, 3)) == 0
        return adata[: max(2, n_obs // 2)] if view else adata


def _annotated(adata, **options):
    """The report, or the error of ours that came instead; warnings of any kind are no matter here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            gca.tl.annotate(adata, "cluster", **options)
        except gca.GcaError as error:
            return None, error
        return gca.get.report(adata), None


@FIXTURES
@given(data=st.data())
def test_a_whole_report_or_an_error_of_ours(data, content):
    """Every input gives a valid report with exactly its clusters, or our own exception and an untouched object."""
    adata = data.draw(objects())
    options = {"layer": "more"} if "more" in adata.layers and data.draw(st.booleans()) else {}
    before = content(adata)
    # Whole numbers that pandas holds as floats, because cells are missing, keep their name: 0, not 0.0.
    there = [f"{v:g}" if isinstance(v, float) else str(v) for v in pd.Series(adata.obs["cluster"]).dropna().unique()]
    report, error = _annotated(adata, **options)
    if error is not None:
        assert content(adata) == before
        assert str(error).strip()
        return
    jsonschema.validate(json.loads(_codec.to_json(report)), SCHEMA)
    found = [c.cluster_id for c in report.clusters]
    assert len(set(found)) == len(found)
    assert set(there) <= set(found)
    labeled = adata.obs["gptca_label"].notna().to_numpy()
    assert (labeled == pd.Series(adata.obs["cluster"]).notna().to_numpy()).all()


@pytest.mark.parametrize("kind", ["h5ad", "zarr"])
@FILES
@given(data=st.data())
def test_the_file_holds_what_the_object_held(data, kind, tmp_path_factory):
    """What was annotated goes through h5ad and zarr and comes back with the same report and columns."""
    adata = data.draw(objects(storable=True)).copy()
    adata.uns.pop("gptca", None)
    column = adata.obs["cluster"]
    if column.dtype == object:  # of missing cells in a column of text, it cannot write every kind
        adata.obs["cluster"] = column.astype("category")
    report, error = _annotated(adata)
    if error is not None:
        return
    path = tmp_path_factory.mktemp("any") / f"a.{kind}"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        getattr(adata, f"write_{kind}")(path)
        back = getattr(ad, f"read_{kind}")(path)
    assert gca.get.report(back) == report
    assert back.obs["gptca_label"].astype(object).equals(adata.obs["gptca_label"].astype(object))


@FIXTURES
@given(order=st.permutations(range(4)), upper=st.booleans())
def test_order_of_clusters_and_case_of_genes_change_no_label(order, upper, lineages):
    """Clusters in another order, genes in another case: the same labels."""
    names = list(lineages)
    markers = {names[i]: [g.upper() if upper else g.lower() for g in lineages[names[i]]] for i in order}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", gca.GcaWarning)
        found = gca.annotate_markers(markers, tissue="blood")
    plain = gca.annotate_markers(lineages, tissue="blood")
    assert {c.cluster_id: c.annotation.primary_label for c in found.clusters} == {
        c.cluster_id: c.annotation.primary_label for c in plain.clusters
    }
