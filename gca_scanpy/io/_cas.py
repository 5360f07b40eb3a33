"""Reports as documents of the Cell Annotation Schema."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional, Union

from gca_scanpy._adata import cells_of, read_report
from gca_scanpy._arguments import PATH, checked, optional
from gca_scanpy._files import whole
from gca_scanpy._keys import DEFAULT_KEY, ObsKeys
from gca_scanpy._reporting import documents
from gca_scanpy.db import _bundled
from gca_scanpy.errors import InputError

if TYPE_CHECKING:
    from anndata import AnnData

RESERVED = frozenset({"annotations", "labelsets"})


@checked(path=optional(PATH))
def to_cas(
    adata: AnnData, path: Union[str, os.PathLike[str], None] = None, key: str = DEFAULT_KEY, **fields: str
) -> Optional[dict[str, Any]]:
    """Write the labels as JSON of the Cell Annotation Schema, which CAP and CELLxGENE tools read.

    Each cluster that has cells gets an annotation: label, Cell Ontology term, broad type, cells, marker genes and
    rationale. Values for which the schema has no field (cluster, status, confidence, flag reasons) are among the
    ``author_annotation_fields``. Curated labels are in a separate labelset. ``"Unknown or Novel"`` becomes
    ``unknown``, the schema's word.

    Parameters
    ----------
    adata
        An annotated object, or a subset of one; its ``obs_names`` are the ``cell_ids``.
    path
        The file, UTF-8; a failed write leaves the previous file as it was. If None, the document is returned instead.
    key
        The ``key_added`` of the run.
    **fields
        Fields of the document by the names of the schema, such as ``author_name``, ``title``, ``author_contact``,
        ``orcid``, ``matrix_file_id``. CAP's schema also requires ``cellannotation_url``, the address where you
        publish the annotations.

    Returns
    -------
    dict or None
        The document if ``path`` is None.

    Raises
    ------
    MissingKeyError
        If there is no report under this key.
    InputError
        If the clusters or labels were changed after the run, two cells have the same name, or a field is not text.
    FileError
        If the file cannot be written.

    Examples
    --------
    >>> import scanpy as sc
    >>> import gca_scanpy as gca
    >>> adata = sc.datasets.pbmc68k_reduced()
    >>> gca.tl.annotate(adata, groupby="louvain", tissue="blood")
    >>> gca.io.to_cas(adata, "pbmc.cas.json", author_name="Ada Lovelace", title="Blood cells")
    >>> gca.io.to_cas(adata)["annotations"][4]["cell_ontology_term"]
    'B cell'
    """
    wrong = [name for name, value in fields.items() if name in RESERVED or not isinstance(value, str)]
    if wrong:
        msg = f"{wrong[0]}={fields[wrong[0]]!r} cannot be set; fields are texts, and annotations come from the report"
        raise InputError(msg)
    report = read_report(adata, key)
    keys, cells = ObsKeys(key), cells_of(adata, report, key)
    document = documents.cas_document(report, cells, keys.label, keys.curated_label, _bundled.ontology())
    document = {**document, **fields}
    if path is None:
        return document
    with whole(Path(path)) as part:
        part.write_text(json.dumps(document, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    return None
