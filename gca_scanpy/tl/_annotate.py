"""The verbs of a run: label the clusters of an AnnData object, check labels that it has, or plan what would be sent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Optional

from attrs import evolve

from gca_scanpy import _pipeline
from gca_scanpy._adata import majority_labels
from gca_scanpy._arguments import COLUMN, checked
from gca_scanpy._keys import DEFAULT_KEY
from gca_scanpy._prepare import Tissue
from gca_scanpy._request import Given
from gca_scanpy.tl._request import Cells, with_model

if TYPE_CHECKING:
    from anndata import AnnData

    from gca_scanpy._llm.asking import ModelLike
    from gca_scanpy._llm.prompt import Plan


@checked()
def annotate(
    adata: AnnData,
    groupby: str,
    *,
    species: str = "human",
    tissue: Tissue = None,
    model: ModelLike = None,
    marker_db: Any = None,
    certainty: Optional[float] = None,
    n_markers: int = 50,
    groups: Optional[Sequence[str]] = None,
    rank_key: str = "rank_genes_groups",
    method: str = "t-test",
    use_raw: Optional[bool] = None,
    layer: Optional[str] = None,
    gene_symbols: Optional[str] = None,
    sample_key: Optional[str] = None,
    key_added: str = DEFAULT_KEY,
    copy: bool = False,
) -> Optional[AnnData]:
    """Name each cluster of cells, with the evidence.

    Parameters
    ----------
    adata
        Annotated data, log-normalized, shape (n_obs, n_vars). Only the keys below are written.
    groupby
        Column of ``adata.obs`` with the clusters.
    species
        Common or Latin name, or NCBI taxon id, of human, mouse or another mammal. The genes of another mammal are read
        by the symbols that they share with mouse (rodents) or human (others), and confidence is at most Medium.
    tissue
        Where the cells come from: a name, such as ``blood``, ``NSCLC`` or ``UBERON:0002048``, a list of names, or a
        dict of cluster ids to these. It shifts the scores but never excludes a type.
    model
        If None, ``settings.model`` is used; by default that is unset, and the offline scorer answers. Otherwise
        ``provider:model`` with the provider ``openai``, ``anthropic``, ``gemini``, ``ollama`` or ``openrouter``, a
        :class:`gca_scanpy.LanguageModel`, any object with a ``name`` and a method ``complete(messages, schema)``, a
        list of these, or a :class:`gca_scanpy.Asking` with bounds, context and further options. ``"offline"`` asks no
        model, whatever the settings say. Nothing leaves the machine without a model; with one, gene symbols, species,
        tissue, context and cluster ids do.
    marker_db
        Marker database as in :func:`gca_scanpy.db.load`. If None, ``settings.marker_db_path`` is used, and if that is
        unset, the bundled database.
    certainty
        Probability that a label of the offline scorer must have, 0 to 1; a label that has less is replaced by an
        ancestor that has it. Lower values give finer labels, of which more are wrong. If None, the setting
        ``certainty``.
    n_markers
        Marker genes of each cluster that are considered.
    groups
        The clusters to label. If None, all of them; the cells of other clusters get missing values.
    rank_key
        ``adata.uns[rank_key]`` is used if :func:`scanpy.tl.rank_genes_groups` computed it for this ``groupby``, for
        exactly these clusters, against the rest, and with enough genes. Otherwise the genes are ranked on a temporary
        object; ``adata`` is not changed. A key other than the default must exist.
    method
        Method of :func:`scanpy.tl.rank_genes_groups`, if the genes are ranked again. The report records the method that
        was used. If illico is installed, it computes ``"wilcoxon"``, with the same scores.
    use_raw, layer
        The matrix to rank, by Scanpy's rule: ``layer``, else ``.raw`` if there is one, else ``.X``.
    gene_symbols
        Column of ``.var`` with gene symbols. Detected automatically if few ``var_names`` are symbols.
    sample_key
        Column of ``adata.obs`` with the sample of each cell, such as the donor. The clusters are judged as without it,
        and in each sample in addition. The report says what the samples say, and flags a cluster that is one sample's
        alone; :doc:`/samples` has the rules. Cells without a sample count for their cluster only.
    key_added
        Prefix of the ``.obs`` columns, and key in ``.uns``: a name that h5ad and zarr can store, and not that of other
        data.
    copy
        Whether to work on a copy and return it; the copy of a backed object is in memory.

    Returns
    -------
    AnnData or None
        The copy if ``copy`` is true. It sets (for ``key_added="gptca"``):

        ``.obs["gptca_label"]`` : categorical
            The deepest Cell Ontology term that is certain enough; ``"Unknown or Novel"`` if none is justified.
        ``.obs["gptca_short_label"]`` : categorical
            The short name of the label's type, as :func:`gca_scanpy.names.short` gives it; the label if it has no term.
            If the short names of two types looked alike, both have their labels.
        ``.obs["gptca_proposed_label"]`` : categorical
            What was proposed before it was judged: the scorer's finest guess, or a language model's label.
        ``.obs["gptca_broad_label"]`` : categorical
            One of about 50 broad Cell Ontology terms.
        ``.obs["gptca_fine_label"]`` : categorical
            The finest guess at the end of the label's path, however uncertain.
        ``.obs["gptca_fine_probability"]`` : float
            Its probability, 0 to 1.
        ``.obs["gptca_ontology_id"]`` : categorical
            Cell Ontology id of the label, missing if the label has no term.
        ``.obs["gptca_status"]`` : categorical
            ``supported``, ``flagged`` or ``unknown``.
        ``.obs["gptca_confidence"]`` : ordered categorical
            ``Low`` < ``Medium`` < ``High``.
        ``.obs["gptca_confidence_score"]`` : float
            Probability that the label, or a subtype of it, is right, 0 to 1.
        ``.uns["gptca"]`` : dict of str
            The report as JSON, its schema version, parameters, provenance and telemetry.
        ``.uns["gptca_label_colors"]`` : list of str
            A color for each label, which Scanpy's plots use: related types have related colors, and a type has the
            same color in every dataset. The other labels, ``gptca_status_colors`` and
            ``gptca_confidence_colors`` likewise.

        Decisions of :func:`gca_scanpy.tl.curate` under this key stay valid for clusters with exactly the same cells.
        Other clusters are open again, with a :class:`~gca_scanpy.errors.CurationWarning`; the audit trail continues.

        The thresholds are settings: ``with gca_scanpy.settings.override(min_support=3, force_unknown=False): ...``

    Raises
    ------
    MissingKeyError
        If ``groupby``, ``layer``, ``rank_key``, ``gene_symbols`` or ``sample_key`` does not exist.
    InputError
        If an argument cannot be used. ``adata`` is untouched whenever an error is raised.
    ModelError
        With ``on_error="raise"`` in the :class:`~gca_scanpy.Asking`, if a language model leaves a cluster unanswered.

    Examples
    --------
    >>> import scanpy as sc
    >>> import gca_scanpy as gca
    >>> adata = sc.datasets.pbmc68k_reduced()
    >>> gca.tl.annotate(adata, groupby="bulk_labels", species="human", tissue="blood")
    >>> adata.obs["gptca_broad_label"].value_counts().index[0]
    'dendritic cell'
    """
    cells = Cells.read(
        adata,
        groupby,
        groups,
        n_markers=n_markers,
        rank_key=rank_key,
        method=method,
        use_raw=use_raw,
        layer=layer,
        gene_symbols=gene_symbols,
        sample_key=sample_key,
    )
    request = cells.request(
        species=species, tissue=tissue, marker_db=marker_db, certainty=certainty, groups=groups, key_added=key_added
    )
    return cells.label(with_model(request, model), key_added, copy=copy)


@checked(labels=COLUMN)
def validate(
    adata: AnnData,
    groupby: str,
    labels: str,
    *,
    species: str = "human",
    tissue: Tissue = None,
    marker_db: Any = None,
    n_markers: int = 50,
    groups: Optional[Sequence[str]] = None,
    rank_key: str = "rank_genes_groups",
    method: str = "t-test",
    use_raw: Optional[bool] = None,
    layer: Optional[str] = None,
    gene_symbols: Optional[str] = None,
    key_added: str = DEFAULT_KEY,
    copy: bool = False,
) -> Optional[AnnData]:
    """Check the labels of cells against the evidence, and propose none.

    The most frequent label of each cluster is judged as a proposed label is in :func:`gca_scanpy.tl.annotate`: it is
    supported, or flagged with reasons. No language model is asked, whatever the settings say.

    Parameters
    ----------
    adata
        Annotated data, log-normalized, shape (n_obs, n_vars). Only the keys below are written.
    groupby
        Column of ``adata.obs`` with the clusters.
    labels
        Column of ``adata.obs`` with the labels. If some cells of a cluster have another one, the report says so.
    species, tissue, marker_db, n_markers, groups, rank_key, method, use_raw, layer, gene_symbols, key_added, copy
        As in :func:`gca_scanpy.tl.annotate`.

    Returns
    -------
    AnnData or None
        The copy if ``copy`` is true. The keys are those of :func:`gca_scanpy.tl.annotate`;
        ``.obs["gptca_proposed_label"]`` is the label that was checked.

    Raises
    ------
    MissingKeyError
        If ``groupby``, ``labels``, ``layer``, ``rank_key`` or ``gene_symbols`` does not exist.
    InputError
        If an argument cannot be used. ``adata`` is untouched whenever an error is raised.

    Examples
    --------
    >>> import scanpy as sc
    >>> import gca_scanpy as gca
    >>> adata = sc.datasets.pbmc68k_reduced()
    >>> gca.tl.validate(adata, "louvain", "bulk_labels", tissue="blood")
    >>> gca.get.clusters(adata)["status"].value_counts().index[0]
    'supported'
    """
    cells = Cells.read(
        adata,
        groupby,
        groups,
        n_markers=n_markers,
        rank_key=rank_key,
        method=method,
        use_raw=use_raw,
        layer=layer,
        gene_symbols=gene_symbols,
    )
    given = Given(majority_labels(adata, cells.clustering, labels))
    request = cells.request(
        species=species, tissue=tissue, marker_db=marker_db, groups=groups, labels=labels, key_added=key_added
    )
    return cells.label(evolve(request, proposer=given), key_added, copy=copy)


@checked()
def plan(
    adata: AnnData,
    groupby: str,
    *,
    model: ModelLike = None,
    species: str = "human",
    tissue: Tissue = None,
    marker_db: Any = None,
    n_markers: int = 50,
    groups: Optional[Sequence[str]] = None,
    rank_key: str = "rank_genes_groups",
    method: str = "t-test",
    use_raw: Optional[bool] = None,
    layer: Optional[str] = None,
    gene_symbols: Optional[str] = None,
) -> Plan:
    """Show what :func:`gca_scanpy.tl.annotate` would send to language models; nothing is sent or written.

    Parameters
    ----------
    adata
        Annotated data, log-normalized, shape (n_obs, n_vars).
    groupby
        Column of ``adata.obs`` with the clusters.
    model
        The models, as in :func:`gca_scanpy.tl.annotate`. Without one the plan is empty, because every cluster is
        answered offline.
    species, tissue, marker_db, n_markers, groups, rank_key, method, use_raw, layer, gene_symbols
        As in :func:`gca_scanpy.tl.annotate`.

    Returns
    -------
    Plan
        The exact messages, about how many tokens they have, and which clusters are answered offline.

    Raises
    ------
    MissingKeyError
        If ``groupby``, ``layer``, ``rank_key`` or ``gene_symbols`` does not exist.
    InputError
        If an argument cannot be used.

    Examples
    --------
    >>> import scanpy as sc
    >>> import gca_scanpy as gca
    >>> adata = sc.datasets.pbmc68k_reduced()
    >>> model = gca.LanguageModel("my-model", base_url="http://127.0.0.1:8080")
    >>> gca.tl.plan(adata, "louvain", model=gca.Asking(model, cache=False)).n_requests
    1
    """
    cells = Cells.read(
        adata,
        groupby,
        groups,
        n_markers=n_markers,
        rank_key=rank_key,
        method=method,
        use_raw=use_raw,
        layer=layer,
        gene_symbols=gene_symbols,
    )
    request = cells.request(species=species, tissue=tissue, marker_db=marker_db, groups=groups)
    request = with_model(request, model)
    return _pipeline.plan(cells.markers().clusters, request)
