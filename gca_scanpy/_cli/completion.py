"""``gca completion``: the script with which a shell completes commands and options."""

from __future__ import annotations

import click

SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the script that makes a shell complete what is typed after gca.

    For bash, put eval "$(gca completion bash)" into ~/.bashrc; zsh and fish likewise.
    """
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    if kind is None:  # for a type checker: click has these three
        raise click.BadParameter(shell)
    click.echo(kind(ctx.find_root().command, {}, "gca", "_GCA_COMPLETE").source())
