"""``gca cache``: the answers of language models that are kept."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from typing import Optional

import click

MB = 1_000_000


@click.group()
@click.option(
    "--cache-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of kept answers.  [default: GCA_CACHE_DIR, or the user's cache folder]",
)
@click.pass_context
def cache(ctx: click.Context, cache_dir: Optional[Path]) -> None:
    """See, prune or clear the kept answers of language models; a run that misses one asks, and pays, again."""
    ctx.obj = cache_dir


def _folder(given: Optional[Path]) -> Path:
    from gca_scanpy._llm.cache import default_folder
    from gca_scanpy._settings import settings

    return given or settings.cache_dir or default_folder()


@cache.command()
@click.pass_obj
def info(cache_dir: Optional[Path]) -> None:
    """Say where the answers are, how many, and how old."""
    from gca_scanpy._llm.cache import cache_files

    folder = _folder(cache_dir)
    files = cache_files(folder)
    answers = [file for file in files if file.is_answer]
    click.echo(f"folder: {folder}{'' if folder.is_dir() else ' (not there yet)'}")
    click.echo(f"answers: {len(answers)}")
    click.echo(f"size: {sum(file.size for file in files) / MB:.2f} MB")
    if answers:
        click.echo(f"oldest: {_day(answers[0].written)}")
        click.echo(f"newest: {_day(answers[-1].written)}")


@cache.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def clear(cache_dir: Optional[Path], yes: bool) -> None:
    """Delete all answers. Other files in the folder stay."""
    from gca_scanpy._llm.cache import cache_files, delete

    folder = _folder(cache_dir)
    files = cache_files(folder)
    if not yes:
        number = sum(file.is_answer for file in files)
        click.confirm(f"Delete {number} answers in {folder}?", abort=True, err=True)
    click.echo(f"deleted: {delete(files)} answers")


@cache.command()
@click.option("--older-than", "days", type=click.FloatRange(min=0), metavar="DAYS", help="Delete answers of before.")
@click.option(
    "--max-size", "most", type=click.FloatRange(min=0), metavar="MB", help="Delete the oldest until this is left."
)
@click.pass_obj
def prune(cache_dir: Optional[Path], days: Optional[float], most: Optional[float]) -> None:
    """Delete old answers, and what interrupted runs left behind."""
    from gca_scanpy._llm.cache import cache_files, delete, expired

    if days is None and most is None:
        msg = "say what may stay: --older-than DAYS, --max-size MB, or both"
        raise click.UsageError(msg)
    files = cache_files(_folder(cache_dir))
    number = sum(file.is_answer for file in files)
    deleted = delete(expired(files, days=days, max_bytes=None if most is None else round(most * MB)))
    click.echo(f"deleted: {deleted} answers, left: {number - deleted}")


def _day(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%d")
