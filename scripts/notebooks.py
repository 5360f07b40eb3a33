"""Run the tutorials and store their pictures, but no other output.

    python scripts/notebooks.py [NOTEBOOK ...]

Tables and text are not stored, because they change with every version of every package. The script prints the warnings
of each notebook, so that they can be removed before a reader sees them.
"""

from __future__ import annotations

import base64
import io
import os
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
PICTURE = "image/png"
COLORS = 256


def without_texts(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The notebook with pictures as its only outputs, and without the time and place of the run."""
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for cell in notebook.cells:
        cell.metadata = {"tags": cell.metadata["tags"]} if "tags" in cell.metadata else {}
        if cell.cell_type == "code":
            cell.execution_count = None
            pictures = [output.data[PICTURE] for output in cell.outputs if PICTURE in output.get("data", {})]
            cell.outputs = [nbformat.v4.new_output("display_data", {PICTURE: small(picture)}) for picture in pictures]
    return notebook


def small(picture: str) -> str:
    """The picture with few colors, which takes a third of the bytes."""
    image = Image.open(io.BytesIO(base64.b64decode(picture))).convert("RGB")
    packed = io.BytesIO()
    # This method keeps rare colors apart: the dot of a legend has only a few pixels.
    few = image.quantize(COLORS, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    few.save(packed, "PNG", optimize=True)
    return base64.b64encode(packed.getvalue()).decode()


def warnings(notebook: nbformat.NotebookNode) -> list[str]:
    """What the cells printed to the standard error, with the number of the cell; progress bars are left out."""
    outputs = [(number, output) for number, cell in enumerate(notebook.cells) for output in cell.get("outputs", [])]
    texts = [(number, output.text) for number, output in outputs if output.get("name") == "stderr"]
    return [f"cell {number}: {text.strip()}" for number, text in texts if "\r" not in text]


def main(paths: list[Path]) -> None:
    os.environ.pop("MPLBACKEND", None)  # the kernel inherits it, and with Agg no picture is shown
    for path in paths:
        notebook = nbformat.read(path, as_version=4)
        with tempfile.TemporaryDirectory() as folder:  # the files that it writes are not kept
            NotebookClient(notebook, timeout=600, resources={"metadata": {"path": folder}}).execute()
        for text in warnings(notebook):
            print(f"{path.name}, {text}")
        nbformat.write(without_texts(notebook), path)
        print(f"{path.name}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main([Path(name) for name in sys.argv[1:]] or sorted((ROOT / "notebooks").glob("[0-9]_*.ipynb")))
