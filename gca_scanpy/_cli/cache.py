"""``gca cache``: the stored answers of language models."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from typing import Optional

import click

from gca_scanpy._cli.options import cache_option

MB = 1_000_000


@click.group()
@cache_option
@click.pass_context
def cache(ctx: click.Context, cache_dir: Optional[Path]) -> None:
    """Show, prune or clear the stored answers of language models.

    Deleted answers must be requested, and paid for, again.
    """
    ctx.obj = cache_dir


def _folder(cache_dir: Optional[Path]) -> Path:
    from gca_scanpy._llm.cache import default_folder
    from gca_scanpy._settings import settings

    return cache_dir or settings.cache_dir or default_folder()


@cache.command()
@click.pass_obj
def info(cache_dir: Optional[Path]) -> None:
    """Show the folder, and the number, size and age of the answers."""
    from gca_scanpy._llm.cache import cache_files

    folder = _folder(cache_dir)
    files = cache_files(folder)
    answers = [file for file in files if file.is_answer]
    click.echo(f"folder: {folder}{'' if folder.is_dir() else ' (does not exist yet)'}")
    click.echo(f"answers: {len(answers)}")
    click.echo(f"size: {sum(file.size for file in files) / MB:.2f} MB")
    if answers:
        click.echo(f"oldest: {_date(answers[0].written)}")
        click.echo(f"newest: {_date(answers[-1].written)}")


@cache.command()
@click.option("--yes", is_flag=True, help="Delete without asking.")
@click.pass_obj
def clear(cache_dir: Optional[Path], yes: bool) -> None:
    """Delete all answers. Other files in the folder are kept."""
    from gca_scanpy._llm.cache import cache_files, delete

    folder = _folder(cache_dir)
    files = cache_files(folder)
    if not yes:
        number = sum(file.is_answer for file in files)
        click.confirm(f"Delete {number} answers in {folder}?", abort=True, err=True)
    click.echo(f"deleted: {delete(files)} answers")


@cache.command()
@click.option(
    "--older-than", "days", type=click.FloatRange(min=0), metavar="DAYS", help="Delete answers older than DAYS."
)
@click.option(
    "--max-size",
    "max_mb",
    type=click.FloatRange(min=0),
    metavar="MB",
    help="Delete the oldest answers until at most MB megabytes are left.",
)
@click.pass_obj
def prune(cache_dir: Optional[Path], days: Optional[float], max_mb: Optional[float]) -> None:
    """Delete old answers, and the remains of interrupted runs."""
    from gca_scanpy._llm.cache import cache_files, delete, expired

    if days is None and max_mb is None:
        msg = "state what to delete: --older-than DAYS, --max-size MB, or both"
        raise click.UsageError(msg)
    files = cache_files(_folder(cache_dir))
    number = sum(file.is_answer for file in files)
    deleted = delete(expired(files, days=days, max_bytes=None if max_mb is None else round(max_mb * MB)))
    click.echo(f"deleted: {deleted} answers, left: {number - deleted}")


def _date(timestamp: float) -> str:
    return datetime.fromtimestamp(timestamp, timezone.utc).strftime("%Y-%m-%d")
