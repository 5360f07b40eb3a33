"""``gca schema``: what the JSON report looks like."""

from __future__ import annotations

import click


@click.command()
def schema() -> None:
    """Print the JSON Schema of the report that --json-report writes."""
    from importlib.resources import files

    # The file that gca_scanpy.io.json_schema reads; not by way of it, for that would import AnnData.
    click.echo((files("gca_scanpy") / "data" / "report.schema.json").read_text(encoding="utf-8"), nl=False)
