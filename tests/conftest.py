"""What the tests share: cells with planted types, a language model in memory, and a way to see that nothing changed."""

from __future__ import annotations

import functools
import gc
import importlib.util
import json
import os
import re
import shutil
import threading
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from attrs import evolve
from hypothesis import settings as hypothesis_settings
from scipy import sparse

import gca_scanpy as gca
from gca_scanpy._adata import read_clustering
from gca_scanpy._llm.language_model import Completion
from gca_scanpy._ranking.read import read_markers
from gca_scanpy._steps import Ranking
from gca_scanpy.errors import ModelError
from gca_scanpy.model import Level

mpl.use("Agg")
hypothesis_settings.register_profile("gca", deadline=None, max_examples=20, derandomize=True)
hypothesis_settings.register_profile("nightly", deadline=None, max_examples=100)
hypothesis_settings.register_profile("thorough", deadline=None, max_examples=2000)
hypothesis_settings.load_profile(os.environ.get("GCA_HYPOTHESIS_PROFILE", "gca"))

LINEAGES = {
    "B cell": "MS4A1 CD79A CD79B BANK1 CD19 CD22 PAX5 FCRL1 BLK VPREB3 FCRLA FCER2",
    "T cell": "CD3D CD3E CD3G TRAC IL7R CD2 CD5 CD6 TCF7 LEF1 BCL11B TRAT1",
    "monocyte": "LYZ S100A8 S100A9 S100A12 CD14 FCN1 VCAN CSTA MNDA CD36 CD300E CSF3R",
    "natural killer cell": "GNLY NKG7 KLRD1 KLRF1 NCAM1 NCR1 PRF1 GZMB XCL1 KLRC1 SPON2 FGFBP2",
}
NOISE = tuple(f"ZNF{n}" for n in (10, 12, 14, 16, 17, 18, 20, 22, 23, 24, 25, 26, 28, 30, 32, 34, 35, 41, 43, 44))

# These repeat the same lines, and tracing doubles their time. The other tests alone must reach the coverage asked for.
# So do all tests of Hypothesis, all cases of a test but its first three, and single tests with the mark `no_cover`.
NOT_TRACED = (
    "benchmark", "benchmarks", "browser", "crash", "hostile", "properties", "witnesses",
    "test_governance.py", "test_partial_reports.py",
)  # fmt: skip


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session):
    """End the measurement that pytest-cov starts in a worker before its own one: it would go on when that is paused."""
    plugin = session.config.pluginmanager.getplugin("_cov")
    if plugin is not None and hasattr(session.config, "workerinput"):
        plugin.cov_controller.pause()


def pytest_collection_modifyitems(config, items):
    """Mark the tests that do not count for the coverage, if it is measured."""
    if not config.pluginmanager.hasplugin("_cov"):
        return
    folder, cases = Path(__file__).parent, Counter()
    for item in items:
        is_inside = item.path.is_relative_to(folder)
        in_folder = is_inside and item.path.relative_to(folder).parts[0] in NOT_TRACED
        test = item.nodeid.partition("[")[0]
        cases[test] += 1
        if in_folder or cases[test] > 3 or getattr(getattr(item, "obj", None), "is_hypothesis_test", False):
            item.add_marker(pytest.mark.no_cover)


def pytest_collection_finish():
    """Let the garbage collector pass over what stays to the end: modules and tests, which are most of all objects."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch, tmp_path):
    """No setting of the machine reaches a test, and no test writes into the user's cache."""
    own = (
        "MIN_SUPPORT FORCE_UNKNOWN MIXED_RATIO MARKER_DB_PATH REQUEST_ID MODEL BASE_URL API_KEY HEADERS TIMEOUT "
        "DEADLINE REQUESTS_PER_MINUTE TOKENS_PER_MINUTE METRICS_TEXTFILE"
    )
    keys = "OPENAI_API_KEY ANTHROPIC_API_KEY GEMINI_API_KEY GOOGLE_API_KEY OPENROUTER_API_KEY OLLAMA_HOST"
    for name in [*(f"GCA_{name}" for name in own.split()), *keys.split()]:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GCA_CACHE_DIR", str(tmp_path / "own_cache"))


@pytest.fixture
def lineages():
    """Marker genes, best first, by the broad label that they must give."""
    return {label: genes.split() for label, genes in LINEAGES.items()}


def _takers_of_a_report(folder):
    """What takes a report, by name."""
    from gca_scanpy._cli.printing import print_report

    takers = {
        "get.clusters": gca.get.clusters,
        "get.curation": gca.get.curation,
        "to_csv": lambda report: gca.io.to_csv(report, folder / "r.csv"),
        "to_json": lambda report: gca.io.to_json(report, folder / "r.json"),
        "to_html": gca.io.to_html,
        "command line": print_report,
    }
    plots = ("report", "confidence", "ontology", "candidates")
    return {**takers, **{f"pl.{name}": functools.partial(getattr(gca.pl, name), show=False) for name in plots}}


def _review(adata):
    """All that the page of ``gca review`` shows of each cluster."""
    from gca_scanpy._ui.desk import Desk, evidence, heading, offered_labels, points, trail

    report = gca.get.report(adata)
    desk = Desk(Path("cells.h5ad"), "gptca", report, adata, (0, 0, 0))
    heading("cells.h5ad", report)
    for cluster in report.clusters:
        assert cluster.cluster_id in desk.order()
        assert desk.title(cluster.cluster_id)
        assert offered_labels(cluster)
        evidence(report, cluster.cluster_id)
        trail(report, cluster.cluster_id)
        points(adata, report, "X_umap", cluster.cluster_id)


def _takers_of_cells():
    """What takes annotated cells, by name."""
    return {
        "to_html of cells": gca.io.to_html,
        "to_cas": gca.io.to_cas,
        "to_cellxgene": gca.tl.to_cellxgene,
        "curate": lambda adata: gca.tl.curate(adata, accept=["0"], who="Ada"),
        "pl.evidence": functools.partial(gca.pl.evidence, return_fig=True),
        "pl.confidence of cells": functools.partial(gca.pl.confidence, basis="umap", show=False),
        **({"review": _review} if importlib.util.find_spec("filelock") else {}),
    }


@pytest.fixture
def everywhere(tmp_path):
    """Give a report, and annotated cells, to all that takes them: ``everywhere(report, adata)`` gives the errors.

    Plots without anything to draw say so by an error, which is not among those.
    """
    from matplotlib import pyplot as plt

    def given(report, adata=None, skip=()):
        calls = [(name, call, report) for name, call in _takers_of_a_report(tmp_path).items()]
        calls += [(name, call, adata) for name, call in _takers_of_cells().items() if adata is not None]
        errors = {name: _error_of(call, data) for name, call, data in calls if not name.startswith(tuple(skip))}
        plt.close("all")
        return {name: error for name, error in errors.items() if error is not None}

    return given


def _error_of(call, data):
    """The error of a call, if it is another than that there is nothing to draw; a page must not say "None"."""
    try:
        shown = call(data)
    except Exception as error:
        return None if re.search("no cluster to show has a candidate|nothing to show", str(error)) else error
    text = re.sub("<script.*?</script>", "", shown, flags=re.DOTALL) if isinstance(shown, str) else ""
    return AssertionError("the page says None") if re.search(r"\bNone\b|\bnan\b", text) else None


@functools.cache
def _pbmc():
    import scanpy as sc

    return sc.datasets.pbmc68k_reduced()


@pytest.fixture
def pbmc():
    """Copy Scanpy's bundled PBMC data: 700 cells, scaled X, log-normalized .raw, a logreg ranking of bulk_labels."""
    return _pbmc().copy()


def _plant(sizes=(30, 30, 30, 30), seed=0):
    rng = np.random.default_rng(seed)
    genes = [gene for text in LINEAGES.values() for gene in text.split()] + list(NOISE)
    rates = np.full((4, len(genes)), 0.05)
    rates[:, -len(NOISE) :] = 0.4
    for i, text in enumerate(LINEAGES.values()):
        rates[i, [genes.index(gene) for gene in text.split()]] = 4.0
    codes = np.repeat(np.arange(len(sizes)), sizes)
    counts = rng.poisson(rates[codes % 4]).astype(np.float32)
    normalized = np.log1p(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1) * 1e4)
    types = list(LINEAGES)
    obs = pd.DataFrame(
        {
            "cluster": pd.Categorical.from_codes(codes, [str(i) for i in range(len(sizes))]),
            "planted": pd.Categorical([types[code % 4] for code in codes]),
        },
        index=[f"cell{i}" for i in range(len(codes))],
    )
    adata = AnnData(sparse.csr_matrix(normalized.astype(np.float32)), obs=obs, var=pd.DataFrame(index=genes))
    adata.layers["counts"] = sparse.csr_matrix(counts)
    return adata


@pytest.fixture(scope="session")
def plant():
    """Make cells: ``plant(sizes)``; cluster i holds B cells, T cells, monocytes, NK cells, and round again."""
    return _plant


@pytest.fixture
def plant_types():
    """Make 60 cells of each given cluster, which express the genes given for it, among noise."""

    def planted(types, seed=0):
        rng = np.random.default_rng(seed)
        genes = sorted({gene for own in types.values() for gene in own}) + list(NOISE)
        rates = np.array(
            [[4.0 if gene in own else 0.4 if gene in NOISE else 0.05 for gene in genes] for own in types.values()]
        )
        codes = np.repeat(np.arange(len(types)), 60)
        counts = rng.poisson(rates[codes])
        values = np.log1p(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1) * 1e4).astype(np.float32)
        obs = pd.DataFrame(
            {"cluster": pd.Categorical.from_codes(codes, list(types))}, index=[f"cell{i}" for i in range(len(codes))]
        )
        return AnnData(sparse.csr_matrix(values), obs=obs, var=pd.DataFrame(index=genes))

    return planted


@pytest.fixture
def cells():
    """120 cells in the clusters "0" B cells, "1" T cells, "2" monocytes, "3" NK cells."""
    return _plant()


@pytest.fixture
def mix():
    """Make cells of four planted types and one more cluster, "9", in which B and T cells are mixed.

    ``mix(n_b, n_t, n_both)`` is the cluster; its doublets are sums of a B and a T cell, which ``.obs["planted"]`` calls
    "both". ``ambient`` is the part of the T cells' profile in the RNA around the cells.
    """

    def mixed(n_b=0, n_t=0, n_both=0, *, ambient=0.0):
        cells = _plant((50, 50, 50, 50, n_b + n_both, n_t + n_both))
        counts, planted = cells.layers["counts"].toarray(), cells.obs["planted"].astype(str).to_numpy()
        b, t = (np.flatnonzero(cells.obs["cluster"] == code) for code in ("4", "5"))
        counts[b[n_b:]] += counts[t[n_t:]]
        planted[b[n_b:]] = "both"
        kept = np.r_[0 : b[-1] + 1 if len(b) else 200, t[:n_t]]
        rng, in_mix = np.random.default_rng(1), kept >= 200
        profile = counts[planted == "T cell"].mean(axis=0)
        counts = counts[kept] + np.where(in_mix[:, None], rng.poisson(ambient * profile, (len(kept), len(profile))), 0)
        values = np.log1p(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1) * 1e4).astype(np.float32)
        names = cells.obs["cluster"].astype(str).to_numpy()[kept]
        obs = pd.DataFrame(
            {"cluster": pd.Categorical(np.where(in_mix, "9", names)), "planted": pd.Categorical(planted[kept])},
            index=[f"cell{i}" for i in range(len(kept))],
        )
        layers = {"counts": sparse.csr_matrix(counts.astype(np.float32))}
        return AnnData(sparse.csr_matrix(values), obs=obs, var=cells.var.copy(), layers=layers)

    return mixed


def _content(value):
    """Everything in a value, as nested lists that compare equal only where every byte, type and order is the same."""
    if isinstance(value, (AnnData,)):
        parts = ("X", "obs", "var", "uns", "obsm", "varm", "obsp", "varp", "layers")
        found = {part: _content(getattr(value, part)) for part in parts}
        raw = None if value.raw is None else [_content(value.raw.X), _content(value.raw.var)]
        return {**found, "raw": raw, "names": [list(value.obs_names), list(value.var_names)]}
    if sparse.issparse(value):
        return [
            type(value).__name__,
            value.shape,
            *(_content(getattr(value, p)) for p in ("data", "indices", "indptr")),
        ]
    if isinstance(value, pd.DataFrame):
        return [_content(value.index), [[name, _content(value[name])] for name in value.columns]]
    if isinstance(value, (pd.Series, pd.Index)) and isinstance(value.dtype, pd.CategoricalDtype):
        categorical = pd.Categorical(value)
        return [repr(list(categorical.categories)), categorical.ordered, categorical.codes.tobytes()]
    if isinstance(value, (pd.Series, pd.Index)):
        return [str(value.dtype), value.name, _content(value.to_numpy())]
    if isinstance(value, np.ndarray):
        plain = not value.dtype.hasobject
        return [str(value.dtype), value.shape, value.tobytes() if plain else repr(value.tolist())]
    if isinstance(value, Mapping):
        return [[str(key), _content(value[key])] for key in value]
    return [type(value).__name__, repr(value)]


@pytest.fixture
def content():
    """All that is in an AnnData object or a part of it, for comparing before with after."""
    return _content


class FakeModel:
    """A language model in memory: answers by marker genes, counts its calls, and misbehaves where it is told to."""

    def __init__(self, name="fake-1", change=None, error=None, label="B cell"):
        self.name, self.change, self.error, self.label = name, change, error, label
        self.asked = []
        self._lock = threading.Lock()

    @property
    def calls(self):
        """How often it was asked."""
        return len(self.asked)

    def complete(self, messages, schema):
        """Answer every cluster with the one label."""
        ids = [c["cluster_id"] for c in json.loads(messages[-1].content)["clusters"]]
        with self._lock:
            self.asked.append(ids)
        if self.error is not None:
            raise self.error
        entries = [
            {"cluster_id": key, "label": self.label, "confidence": 0.9, "rationale": f"for {key}"} for key in ids
        ]
        if self.change is not None:
            entries = self.change(entries)
        text = entries if isinstance(entries, str) else json.dumps({"clusters": entries})
        return Completion(text, prompt_tokens=100, completion_tokens=7)


@pytest.fixture
def rank():
    """Rank as ``tl.annotate`` does: gives the marker genes by cluster, and the warnings by cluster."""

    def ranked(adata, groupby="cluster", groups=None, **options):
        ranking = Ranking(**{"n_markers": 12, **options})
        found = read_markers(adata, read_clustering(adata, groupby, groups), ranking).clusters
        return {c.cluster_id: [g.name for g in c.genes] for c in found}, {c.cluster_id: c.warnings for c in found}

    return ranked


B_CELL_PATH = (
    Level("lymphocyte", "CL:0000542", 0.93),
    Level("B cell", "CL:0000236", 0.81),
    Level("mature B cell", "CL:0000785", 0.52),
    Level("naive B cell", "CL:0000788", 0.47),
)


@pytest.fixture
def with_path():
    """Give a cluster a path from lymphocyte to naive B cell, with B cell as the label that is shown."""

    def change(cluster):
        label, guess = B_CELL_PATH[1], B_CELL_PATH[-1]
        annotation = evolve(
            cluster.annotation, primary_label=label.label, ontology_id=label.ontology_id,
            proposed_label=guess.label, proposed_ontology_id=guess.ontology_id,
        )  # fmt: skip
        return evolve(
            cluster, annotation=annotation, status="supported", confidence="High", confidence_score=0.81,
            path=B_CELL_PATH,
        )  # fmt: skip

    return change


@pytest.fixture
def is_planted(lineages):
    """Whether a cluster's genes are those that were planted for a lineage."""
    return lambda found, key, label: set(found[key]) == set(lineages[label])


@pytest.fixture
def fake_model():
    """Give the class of a language model in memory; see :class:`FakeModel`."""
    return FakeModel


@pytest.fixture
def outage():
    """Give the error of a model that cannot be reached."""
    return ModelError("the server does not answer")


# Of a module and no longer: while Playwright runs, its loop is in the way of asyncio.run and of a second Playwright.
@pytest.fixture(scope="module")
def chromium():
    """Debian's or another Chromium, without a screen; Playwright's own browsers are not asked for."""
    playwright = pytest.importorskip("playwright.sync_api", reason="pip install playwright: it drives the browser")
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None:
        pytest.skip("there is no Chromium here: apt-get install chromium")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield browser
        browser.close()
