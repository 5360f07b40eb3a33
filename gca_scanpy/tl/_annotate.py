"""Label the clusters of an AnnData object."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any, Optional, Union

from attrs import evolve

from gca_scanpy import _pipeline
from gca_scanpy._adata import Clustering, duplicate, majority_labels, read_clustering, write_report
from gca_scanpy._adata.curate import keep_decisions
from gca_scanpy._consult import Escalate, OnError, PlannedInstead
from gca_scanpy._hooks import Run
from gca_scanpy._keys import DEFAULT_KEY
from gca_scanpy._llm.question import Plan
from gca_scanpy._log import Clock
from gca_scanpy._ranking.read import read_markers
from gca_scanpy.db import _bundled
from gca_scanpy.tl._annotate_markers import make_request, run_details
from gca_scanpy.tl._consultation import ModelLike

if TYPE_CHECKING:
    from anndata import AnnData


def annotate(
    adata: AnnData,
    groupby: str,
    *,
    species: str = "human",
    tissue: Union[str, Mapping[str, str], None] = None,
    context: Optional[str] = None,
    model: ModelLike = None,
    base_url: Optional[str] = None,
    api_key: Optional[str] = None,
    n_markers: int = 50,
    rank_key: str = "rank_genes_groups",
    method: str = "t-test",
    use_raw: Optional[bool] = None,
    layer: Optional[str] = None,
    gene_symbols: Optional[str] = None,
    groups: Optional[Sequence[str]] = None,
    marker_db: Any = None,
    min_support: Optional[int] = None,
    force_unknown: Optional[bool] = None,
    validate_only: Optional[str] = None,
    escalate: Escalate = "all",
    on_error: OnError = "offline",
    max_requests: Optional[int] = None,
    max_tokens: Optional[int] = None,
    chunk_size: int = 16,
    n_threads: int = 8,
    cache: Union[bool, str, PathLike[str]] = True,
    dry_run: bool = False,
    key_added: str = DEFAULT_KEY,
    copy: bool = False,
) -> Union[AnnData, Plan, None]:
    """Say what each cluster of cells is, with the evidence.

    Parameters
    ----------
    adata
        Annotated data, log-normalized, shape (n_obs, n_vars). Only the keys below are written.
    groupby
        Column of ``adata.obs`` with the clusters.
    species
        ``human`` or ``mouse``.
    tissue
        Where the cells come from, one name for all or a name by cluster id; a prior, never a wall.
    context
        What else a language model should know, in your own words. The offline scorer does not use it.
    model
        None for ``settings.model``, which is none: the offline scorer. Otherwise ``provider:model`` with the
        provider ``openai``, ``anthropic``, ``gemini``, ``ollama`` or ``openrouter``, a
        :class:`gca_scanpy.LanguageModel`, any object with a ``name`` and a method ``complete(messages, schema)``,
        or a list of these: then each answers alone, and the term that most support is the verdict. ``"offline"``
        asks no model whatever the settings say. Nothing leaves the machine without a model; with one, gene
        symbols, species, tissue, context and cluster ids do.
    base_url
        Address of another server that speaks the provider's format, OpenAI's where none is named; where None,
        ``settings.base_url``.
    api_key
        Key of the model; where None, it is taken from the provider's usual environment variable.
    n_markers
        Marker genes of each cluster that are considered.
    rank_key
        ``adata.uns[rank_key]`` is used where :func:`scanpy.tl.rank_genes_groups` computed it for this
        ``groupby``, these very clusters and against the rest; otherwise the genes are ranked anew, in a
        place of our own.
    method
        Method of :func:`scanpy.tl.rank_genes_groups`, where the genes are ranked anew.
    use_raw, layer
        The matrix to rank, by Scanpy's rule: ``layer``, else ``.raw`` where there is one, else ``.X``.
    gene_symbols
        Column of ``.var`` with gene symbols. Found by itself where ``var_names`` are Ensembl ids.
    groups
        The clusters to label; all where None. The cells of the others get missing values.
    marker_db
        Marker database as in :func:`gca_scanpy.db.load`; the bundled one where None.
    min_support
        Marker genes that a label needs; where None, ``settings.min_support``, which is 2.
    force_unknown
        Whether the label of a flagged cluster becomes ``"Unknown or Novel"`` (the proposed one is kept beside
        it); where None, ``settings.force_unknown``, which is True.
    validate_only
        Column of ``adata.obs`` with labels to check instead of proposing any; each cluster's commonest counts.
    escalate
        Whether a language model is asked about ``"all"`` clusters, or about those that the offline scorer is
        ``"unsure"`` of: not supported, or not with High confidence.
    on_error
        What becomes of a cluster that a language model gives no answer for: ``"offline"`` takes the offline
        scorer's and flags it ``llm_unavailable``; ``"raise"`` raises, and ``adata`` stays as it was.
    max_requests, max_tokens
        Bounds of the run; a request that would pass one is not sent. Tokens of a request under way are estimated.
    chunk_size, n_threads
        Clusters in a request to a language model, and requests at once.
    cache
        Whether answers of a language model are kept and used again: False, True for the folder of the
        settings, or a folder. The offline scorer is quicker than a file and is never cached.
    dry_run
        Whether to return the plan of what would be sent, and to send and write nothing.
    key_added
        Prefix of the ``.obs`` columns and key in ``.uns``.
    copy
        Whether to work on a copy and return it; the copy of a backed object is in memory.

    Returns
    -------
    AnnData, Plan or None
        The copy where ``copy`` is true, the plan where ``dry_run`` is, otherwise None. It sets (for
        ``key_added="gptca"``):

        ``.obs["gptca_label"]`` : categorical
            The label, ``"Unknown or Novel"`` where none is justified.
        ``.obs["gptca_proposed_label"]`` : categorical
            The label before the guardrails.
        ``.obs["gptca_broad_label"]`` : categorical
            One of about 50 broad Cell Ontology terms.
        ``.obs["gptca_ontology_id"]`` : categorical
            Cell Ontology id of the label, missing where there is none.
        ``.obs["gptca_status"]`` : categorical
            ``supported``, ``flagged`` or ``unknown``.
        ``.obs["gptca_confidence"]`` : ordered categorical
            ``Low`` < ``Medium`` < ``High``.
        ``.obs["gptca_confidence_score"]`` : float
            0 to 1.
        ``.uns["gptca"]`` : dict of str
            The report as JSON, its schema version, parameters, provenance and telemetry.
        ``.uns["gptca_label_colors"]`` : list of str
            A color for each label, which Scanpy's plots take: related types have related ones, and a type has the
            same in every dataset. ``gptca_proposed_label_colors`` and ``gptca_broad_label_colors`` likewise.

        What :func:`gca_scanpy.tl.curate` decided under this key stands where a cluster has the very same cells; other
        clusters are open again, with a :class:`GcaWarning`, and the audit trail goes on.

    Raises
    ------
    MissingKeyError
        Where ``groupby``, ``layer``, ``gene_symbols`` or ``validate_only`` is not there.
    InputError
        Where an argument cannot be used. ``adata`` is untouched whenever an error is raised.
    ModelError
        With ``on_error="raise"``, where a language model leaves a cluster unanswered.

    Examples
    --------
    >>> import scanpy as sc
    >>> import gca_scanpy as gca
    >>> adata = sc.datasets.pbmc68k_reduced()
    >>> gca.tl.annotate(adata, groupby="bulk_labels", species="human", tissue="blood")
    >>> adata.obs["gptca_broad_label"].value_counts().index[0]
    'dendritic cell'
    """
    clustering = read_clustering(adata, groupby, groups)
    parameters: dict[str, Any] = {
        "groupby": groupby,
        "n_markers": n_markers,
        "rank_key": rank_key,
        "method": method,
        "use_raw": use_raw,
        "layer": layer,
        "gene_symbols": gene_symbols,
        "groups": None if groups is None else list(clustering.ids),
        "validate_only": validate_only,
        "key_added": key_added,
    }
    proposed = majority_labels(adata, clustering, validate_only) if validate_only is not None else None
    clock = Clock()
    with clock.step("database"):
        request = make_request(
            species=species,
            tissue=_of_asked(tissue, clustering),
            context=context,
            marker_db=marker_db,
            min_support=min_support,
            force_unknown=force_unknown,
            model={
                "model": model,
                "base_url": base_url,
                "api_key": api_key,
                "escalate": escalate,
                "on_error": on_error,
                "max_requests": max_requests,
                "max_tokens": max_tokens,
                "chunk_size": chunk_size,
                "n_threads": n_threads,
                "cache": cache,
                "dry_run": dry_run,
            },
            parameters=parameters,
            proposed=proposed,
            cells_without_cluster=clustering.cells_without_cluster,
        )
    with Run(run_details(request, len(clustering.ids))) as run:
        with clock.step("markers"):
            markers = read_markers(
                adata,
                clustering,
                n_markers=n_markers,
                rank_key=rank_key,
                method=method,
                use_raw=use_raw,
                layer=layer,
                gene_symbols=gene_symbols,
            )
        try:
            report = _pipeline.annotate(markers, evolve(request, seconds=clock.seconds))
        except PlannedInstead as planned:
            return planned.plan
        target = duplicate(adata) if copy else adata
        report = keep_decisions(adata, report, clustering, key_added, report.provenance.created_at)
        write_report(target, report, clustering, key_added, _bundled.palette())
        run.report = report
    return target if copy else None


def _of_asked(
    tissue: Union[str, Mapping[str, str], None], clustering: Clustering
) -> Union[str, Mapping[str, str], None]:
    """The tissues of the clusters that ``groups`` asks for; those of the others are not a mistake."""
    if not isinstance(tissue, Mapping):
        return tissue
    others = set(clustering.all_ids).difference(clustering.ids)
    return {key: name for key, name in tissue.items() if str(key) not in others}
