"""`cityswitch completion`: a script that completes commands and options in a shell.

Owns the subcommand; the script is made by cyclopts from the tree of commands.
"""

from __future__ import annotations

from typing import Annotated, Literal

from cyclopts import App, Parameter

from ops.cli.help_texts import examples
from ops.output import print_line

completion_app = App(
    name="completion",
    help_epilogue=examples(
        "completion bash > ~/.local/share/bash-completion/completions/cityswitch",
        "completion zsh > ~/.zfunc/_cityswitch",
        "completion fish > ~/.config/fish/completions/cityswitch.fish",
    ),
)


def add_completion(app: App) -> None:
    """Add the subcommand for an application's own tree of commands."""

    @completion_app.default
    def completion(
        shell: Annotated[Literal["bash", "zsh", "fish"], Parameter(help="Which shell.")],
        /,
    ) -> None:
        """Print the completion script of a shell."""
        print_line(app.generate_completion(shell=shell))

    app.command(completion_app)
