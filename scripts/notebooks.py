"""Run the notebooks anew, and keep of what they print the pictures alone.

    python scripts/notebooks.py [NOTEBOOK ...]

Tables and texts are left out, because they change with every version of every package and teach nothing that a reader
who runs the notebook does not see.
"""

from __future__ import annotations

import base64
import io
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
    """The notebook with its pictures as its only outputs, and nothing that tells when and where it ran."""
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for cell in notebook.cells:
        cell.metadata = {}
        if cell.cell_type == "code":
            cell.execution_count = None
            pictures = [output.data[PICTURE] for output in cell.outputs if PICTURE in output.get("data", {})]
            cell.outputs = [nbformat.v4.new_output("display_data", {PICTURE: small(picture)}) for picture in pictures]
    return notebook


def small(picture: str) -> str:
    """A picture of few colors, which is a third of the bytes."""
    image = Image.open(io.BytesIO(base64.b64decode(picture))).convert("RGB")
    packed = io.BytesIO()
    # The method that keeps rare colors apart: a dot of a legend is a few pixels, and means something.
    few = image.quantize(COLORS, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    few.save(packed, "PNG", optimize=True)
    return base64.b64encode(packed.getvalue()).decode()


def main(paths: list[Path]) -> None:
    for path in paths:
        notebook = nbformat.read(path, as_version=4)
        with tempfile.TemporaryDirectory() as folder:  # what it writes is not kept
            NotebookClient(notebook, timeout=600, resources={"metadata": {"path": folder}}).execute()
        nbformat.write(without_texts(notebook), path)
        print(f"{path.name}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main([Path(name) for name in sys.argv[1:]] or sorted((ROOT / "notebooks").glob("*.ipynb")))
