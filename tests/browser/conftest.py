"""A real browser without a screen, and pages for it: of Scanpy's blood cells, and of 60 clusters with hostile names."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from anndata import AnnData

import gca_scanpy as gca

HOSTILE = (
    "<img src=x onerror=alert(1)>",
    "</script><script>alert(1)</script>{{ 7*7 }}",
    "\"' onmouseover='alert(1)' x=\"&amp;&lt;",
    "L" * 10_000,
    "\u202egnp.exe תא מסוג B",
    "a\x1b[31mb\x07\r\nc\td\u2028e\u2029f",
    '=HYPERLINK("http://evil.example","x")',
    "<!--<script>",
)
N_CLUSTERS, N_CELLS = 60, 100_000
# Runs before the page's own script: what the policy stops, and what would be a hole.
WATCH = """
window.stopped = []; window.alerts = 0; window.alert = () => { window.alerts++; };
addEventListener("securitypolicyviolation", (event) => stopped.push(event.violatedDirective + " " + event.blockedURI));
"""


@pytest.fixture(scope="session")
def pages(tmp_path_factory):
    """Folder with pages, such as ``blood``, ``plain`` (of its report alone) and ``sixty``, and what to_csv writes."""
    import scanpy as sc

    folder = tmp_path_factory.mktemp("pages")
    blood = sc.datasets.pbmc68k_reduced()
    gca.tl.annotate(blood, "louvain", tissue="blood")
    gca.io.to_html(blood, folder / "blood.html")
    gca.io.to_csv(blood, folder / "blood.csv")
    gca.io.to_html(gca.get.report(blood), folder / "plain.html")
    gca.tl.annotate(blood, "bulk_labels", tissue="blood")
    gca.io.to_html(blood, folder / "words.html")
    older = gca.io.read_report(Path(__file__).parents[1] / "io" / "reports" / "1.3.json")
    gca.io.to_html(older, folder / "older.html")
    odd = ("3", "NK/T cell", "a b", "a%20b", "50%", "50% x", "#1", "β+", "\N{BRAIN}", "?a=1&b", "", "*", "L" * 300)
    gca.io.to_html(gca.annotate_markers({name: ["MS4A1", "CD79A"] for name in odd}), folder / "odd.html")
    sixty = _sixty()
    gca.io.to_html(sixty, folder / "sixty.html")
    gca.io.to_csv(sixty, folder / "sixty.csv")
    return folder


class Liar:
    """A language model whose labels and reasons are hostile."""

    name = HOSTILE[0]

    def complete(self, messages, schema):
        """Answer every cluster with another hostile text, cut to the length that a label may have."""
        import json

        from gca_scanpy._llm.language_model import Completion

        entries = [
            {"cluster_id": one["cluster_id"], "label": f"a {text}"[:200], "confidence": 0.5, "rationale": text}
            for one, text in zip(json.loads(messages[-1].content)["clusters"], HOSTILE * N_CLUSTERS)
        ]
        return Completion(json.dumps({"clusters": entries}), prompt_tokens=1, completion_tokens=1)


def _sixty():
    """100,000 cells in 60 clusters whose names are hostile, and the answers of a model whose labels are."""
    rng = np.random.default_rng(0)
    genes = [f"ZNF{n}" for n in range(10, 30)] + "CD3D CD3E MS4A1 CD79A LYZ S100A8 NKG7 GNLY CD19 CD14".split()
    codes = np.arange(N_CLUSTERS * 20) % N_CLUSTERS
    counts = rng.poisson(0.2 + 4.0 * (np.arange(len(genes)) % N_CLUSTERS == codes[:, None] % len(genes)))
    few = AnnData(np.log1p(counts.astype(np.float32)))
    few.var_names, few.obs_names = genes, [f"cell{i}" for i in range(len(codes))]
    few.obs["cluster"] = [f"{HOSTILE[code % len(HOSTILE)]} {code}" for code in codes]
    with gca.settings.override(force_unknown=False):
        gca.tl.annotate(few, "cluster", model=gca.Asking(Liar(), cache=False))
    # The same report for many cells of these clusters; their genes are not needed any more.
    chosen = rng.choice(len(codes), N_CELLS)
    obs = few.obs.iloc[chosen].copy()
    obs.index = [f"c{i}" for i in range(N_CELLS)]
    many = AnnData(obs=obs, uns={"gptca": few.uns["gptca"]})
    centers = 6 * rng.normal(size=(N_CLUSTERS, 2))
    many.obsm["X_umap"] = (centers[codes[chosen]] + rng.normal(size=(N_CELLS, 2))).astype(np.float32)
    return many


@pytest.fixture
def visit(chromium, pages):
    """Open a page, ``visit(name, address="", **context)``: at the end nothing has gone wrong in it or left it."""
    wrong, left, opened = [], [], []

    @contextmanager
    def visiting(name, address="", javascript=True, refused=False, **options):
        page_file = (pages / f"{name}.html").as_uri()
        options = {"viewport": {"width": 1280, "height": 900}, **options}
        context = chromium.new_context(java_script_enabled=javascript, **options)
        said = []
        context.set_default_timeout(10_000)
        context.add_init_script(WATCH)

        def route(asked):
            is_page = asked.request.url.split("#")[0] == page_file
            if not is_page:
                left.append(asked.request.url)
            asked.continue_() if is_page else asked.abort()

        context.route("**/*", route)
        page = context.new_page()
        page.on("console", lambda message: said.append((message.type, message.text)))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto(page_file + address)
        opened.append(name)
        yield page
        if javascript:
            assert page.evaluate("[stopped, alerts]") == [[], 0]
        context.close()
        # The one warning is about how these tests look at the canvas, the errors are those that a test asks for.
        ours = "willReadFrequently", *(["Content Security Policy"] if refused else [])
        kinds = ("error", "warning")
        wrong.extend(text for kind, text in said if kind in kinds and not any(part in text for part in ours))

    yield visiting
    assert opened
    assert wrong == []
    assert left == []


@pytest.fixture
def until():
    """Wait until an expression is true in a page; Playwright's own way is one that the page's policy forbids."""

    def waiting(page, expression):
        loop = f"async () => {{ while (!({expression})) await new Promise(requestAnimationFrame); return true; }}"
        assert page.evaluate(loop)

    return waiting
