"""``paperbuild completion``: what a shell has to be told to complete our commands, targets and documents."""

from __future__ import annotations

import click

from paperbuild.cli.completing import VARIABLE
from paperbuild.cli.invocation import Invocation

_SHELLS = ("bash", "zsh", "fish")


@click.command("completion")
@click.argument("shell", type=click.Choice(_SHELLS))
@click.pass_obj
def command(invocation: Invocation, shell: str) -> None:
    r"""Print what SHELL needs to complete commands, options, targets and documents.

    \b
    bash, in ~/.bashrc:   eval "$(paperbuild completion bash)"
    zsh, in ~/.zshrc:     eval "$(paperbuild completion zsh)"
    fish:                 paperbuild completion fish > ~/.config/fish/completions/paperbuild.fish

    To remove it, remove that line or that file.
    """
    from click.shell_completion import ShellComplete, get_completion_class

    found = get_completion_class(shell)
    assert found is not None, "click knows these three"
    program = click.get_current_context().find_root().command
    # not the class's own source(): for bash it starts one, to ask for its version
    invocation.stdout.write(ShellComplete.source(found(program, {}, "paperbuild", VARIABLE)) + "\n")
