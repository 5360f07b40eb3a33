"""Annotated files to review, and the real program with its page in a browser."""

from __future__ import annotations

import functools
import socket
import subprocess
import sys

import numpy as np
import pytest
from attrs import evolve

import gca_scanpy as gca
from gca_scanpy import _codec

HOSTILE = "<img src=x onerror=alert(1)> ![a](http://127.0.0.1:9/x.png) :red[b] $c$ `d` **e** <script>alert(2)</script>"


def _annotated(cells):
    gca.tl.annotate(cells, "cluster", tissue="blood")
    rng = np.random.default_rng(0)
    codes = cells.obs["cluster"].cat.codes.to_numpy()[:, None]
    cells.obsm["X_pca"] = rng.normal(size=(cells.n_obs, 5))
    cells.obsm["X_umap"] = rng.normal(size=(cells.n_obs, 2)) + 6 * np.hstack([codes % 2, codes // 2])
    return cells


def _hostile(annotated):
    """Give the first cluster markup for its label and its rationale."""
    report = gca.get.report(annotated)
    first = report.clusters[0]
    old = first.annotation.primary_label
    said = evolve(first.annotation, primary_label=HOSTILE, proposed_label=HOSTILE, rationale=HOSTILE)
    report = evolve(report, clusters=(evolve(first, annotation=said), *report.clusters[1:]))
    annotated.uns["gptca"]["report"] = _codec.to_json(report)
    annotated.obs["gptca_label"] = annotated.obs["gptca_label"].cat.rename_categories({old: HOSTILE})
    return annotated


def _bare(annotated):
    """Leave out of the report all that the page can do without, the tissue among it, and the embeddings."""
    report = gca.get.report(annotated)
    clusters = tuple(
        evolve(
            cluster,
            annotation=evolve(cluster.annotation, ontology_id=None, rationale="", alternatives=(), markers=()),
            validation=evolve(cluster.validation, supporting_markers=(), missing_markers=(), notes=()),
            candidates=(), n_cells=None, tissue=None, states=(), broad_ontology_id=None,
        )
        for cluster in report.clusters
    )  # fmt: skip
    report = evolve(report, clusters=clusters, parameters={"groupby": report.parameters["groupby"]})
    annotated.uns["gptca"]["report"] = _codec.to_json(report)
    annotated.obsm.clear()
    return annotated


@pytest.fixture
def annotated(cells):
    """Cells of four types, annotated, with two embeddings."""
    return _annotated(cells)


@pytest.fixture
def annotated_file(annotated, tmp_path):
    """The same in a file, which nothing else has written yet."""
    annotated.write_h5ad(tmp_path / "cells.h5ad")
    return tmp_path / "cells.h5ad"


@pytest.fixture
def hostile_file(annotated, tmp_path):
    """A file whose first cluster has markup for its label and its rationale."""
    _hostile(annotated).write_h5ad(tmp_path / "hostile.h5ad")
    return tmp_path / "hostile.h5ad"


@pytest.fixture(scope="module")
def program(plant, tmp_path_factory):
    """``gca review``, started once, as it takes seconds; gives its file and address. A signal ends it and its page."""
    path = tmp_path_factory.mktemp("review") / "cells.h5ad"
    _annotated(plant()).write_h5ad(path)
    command = [sys.executable, "-m", "gca_scanpy", "review", str(path), "--no-browser"]
    with subprocess.Popen(
        command, cwd=path.parent, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, encoding="utf-8"
    ) as program:
        line = program.stdout.readline()
        assert " is at http://127.0.0.1:" in line
        address = line.split(" is at ")[1].strip()
        yield path, address
        program.terminate()
        assert program.wait(30) == 0
        with socket.socket() as place:
            assert place.connect_ex(("127.0.0.1", int(address.split(":")[2].split("/")[0]))) != 0


@pytest.fixture(scope="module")
def content_of(plant, tmp_path_factory):
    """The bytes of a file of a kind, which nobody has decided on."""

    @functools.lru_cache
    def written(kind):
        path = tmp_path_factory.mktemp(kind) / "cells.h5ad"
        change = {"hostile": _hostile, "bare": _bare}.get(kind, lambda adata: adata)
        change(_annotated(plant())).write_h5ad(path)
        return path.read_bytes()

    return written


@pytest.fixture
def review(program, content_of):
    """Have a file of a kind (cells, hostile or bare) under review; gives it, undecided, and the address."""

    def start(kind):
        path, address = program
        path.write_bytes(content_of(kind))
        return path, address

    return start


@pytest.fixture(scope="module")
def window(chromium):
    """A window whose tabs share a cache, since the browser takes seconds for Streamlit's scripts."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    yield context
    context.close()


@pytest.fixture
def tab(window):
    """Open an address in a tab; what the page logs as an error or asks of other hosts fails the test."""
    problems, pages = [], []

    def opened(address):
        page = window.new_page()
        pages.append(page)
        page.set_default_timeout(60_000)
        page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("dialog", lambda dialog: problems.append(f"dialog {dialog.message}"))
        page.on("request", lambda request: _check_host(request.url, address, problems))
        page.goto(address)
        page.get_by_role("button", name="Save decision").wait_for()
        return page

    yield opened
    for page in pages:
        page.close()
    assert problems == []


def _check_host(url, address, problems):
    if not url.startswith((address.partition("?")[0], "data:", "blob:")):
        problems.append(f"asked for {url}")
