"""Write the help of the program into docs/command_line.md, after the heading "All options".

python scripts/write_help.py
"""

from __future__ import annotations

from pathlib import Path

import click

from gca_scanpy._cli.main import main

PAGE = Path(__file__).resolve().parents[1] / "docs" / "command_line.md"
HEADING = "## All options\n"


def texts(command: click.Command = main, parent: click.Context | None = None) -> dict[str, str]:
    """The help of the program and its commands, by command; hidden commands are left out."""
    name = command.name if parent else "gca"
    context = click.Context(command, parent, info_name=name, terminal_width=80, **command.context_settings)
    help_texts = {context.command_path: command.get_help(context)}
    for listed in command.list_commands(context) if isinstance(command, click.Group) else ():
        inner = command.get_command(context, listed)
        if inner is not None and not inner.hidden:
            help_texts.update(texts(inner, context))
    return help_texts


def page(text: str) -> str:
    """The page with the help texts of this program."""
    before = text.partition(HEADING)[0]
    sections = (f"\n### {name}\n\n```text\n{help_text}\n```\n" for name, help_text in texts().items())
    return before + HEADING + "".join(sections)


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
