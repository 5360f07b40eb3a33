"""What to cite for a report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Union

from gca_scanpy._adata import report_of
from gca_scanpy._arguments import checked, one_of
from gca_scanpy._keys import DEFAULT_KEY
from gca_scanpy._reporting.references import as_bibtex, as_text
from gca_scanpy.db import _bundled
from gca_scanpy.model import DatasetReport

if TYPE_CHECKING:
    from anndata import AnnData

FORMATS = {"text": as_text, "bibtex": as_bibtex}


@checked(format=one_of(*FORMATS))
def references(
    data: Union[AnnData, DatasetReport], key: str = DEFAULT_KEY, *, format: Literal["text", "bibtex"] = "text"
) -> str:
    """Get the references of the evidence that a report shows.

    They are this package with the marker database, the Cell Ontology, and each source that is a witness of a gene that
    the report shows: lists of markers, expression profiles, and the publications that ASCT+B cites for the gene.
    Each publication is listed once, with what it stands for.

    Parameters
    ----------
    data
        An annotated object, or a report.
    key
        The ``key_added`` of the run; ignored if ``data`` is a report.
    format
        ``"text"``, a line per reference, or ``"bibtex"``. Of publications that ASCT+B cites, only the DOI or the
        PubMed id is known. Sources of your own marker table are listed as it names them.

    Returns
    -------
    str
        The references. A report of an earlier version has no witnesses, so only the first two are listed.

    Raises
    ------
    MissingKeyError
        If there is no report under this key.

    Examples
    --------
    >>> import gca_scanpy as gca
    >>> report = gca.annotate_markers({"0": ["MS4A1", "CD79A", "CD79B", "BANK1"]}, tissue="blood")
    >>> "doi:10.1093/database/baz046" in gca.get.references(report)
    True
    """
    return FORMATS[format](_bundled.references(report_of(data, key)))
