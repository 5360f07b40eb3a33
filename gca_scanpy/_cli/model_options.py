"""The options about language models."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

COUNT = click.IntRange(min=1)
_OPTIONS = (
    click.option("--model", multiple=True, help="Language model, such as openai:gpt-4.1-mini; repeatable: they vote."),
    click.option("--base-url", help="Address of another server that speaks the provider's format."),
    click.option("--offline", is_flag=True, help="Ask no language model, even if GCA_MODEL is set."),
    click.option("--context", help="What else a language model should know, such as the donor's disease."),
    click.option(
        "--escalate",
        type=click.Choice(["all", "unsure"]),
        default="all",
        show_default=True,
        help="Which clusters a language model is asked about.",
    ),
    click.option(
        "--on-error",
        type=click.Choice(["offline", "raise"]),
        default="offline",
        show_default=True,
        help="What becomes of clusters that a language model leaves unanswered.",
    ),
    click.option("--max-requests", type=COUNT, help="Send no more requests than this."),
    click.option("--max-tokens", type=COUNT, help="Use no more tokens than this."),
    click.option("--chunk-size", type=COUNT, default=16, show_default=True, help="Clusters in a request."),
    click.option("--threads", type=COUNT, default=8, show_default=True, help="Requests at once."),
    click.option("--cache-dir", type=click.Path(file_okay=False, path_type=Path), help="Folder of kept answers."),
    click.option("--no-cache", is_flag=True, help="Keep no answers, and use none."),
    click.option(
        "--dry-run", is_flag=True, help="Show what would be sent to a language model; send and write nothing."
    ),
)


def model_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options to a command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def model_arguments(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options as arguments of :func:`gca_scanpy.tl.annotate`."""
    if options["offline"] and options["model"]:
        msg = "--offline and --model exclude each other"
        raise click.UsageError(msg)
    models = list(options["model"])
    cache = False if options["no_cache"] else options["cache_dir"] or True
    return {
        "model": "offline" if options["offline"] else models[0] if len(models) == 1 else models or None,
        "base_url": options["base_url"],
        "context": options["context"],
        "escalate": options["escalate"],
        "on_error": options["on_error"],
        "max_requests": options["max_requests"],
        "max_tokens": options["max_tokens"],
        "chunk_size": options["chunk_size"],
        "n_threads": options["threads"],
        "cache": cache,
        "dry_run": options["dry_run"],
    }
