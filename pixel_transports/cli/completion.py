"""The command `completion`.

Rules kept here:

* The script is click's, for the name `pixel`; nothing is installed or written.
"""

import click


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the script that completes commands in a shell.

    \b
    For bash, in ~/.bashrc:  eval "$(pixel completion bash)"
    For zsh, in ~/.zshrc:    eval "$(pixel completion zsh)"
    For fish:                pixel completion fish > ~/.config/fish/completions/pixel.fish
    """
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    if kind is None:  # pragma: no cover - click has all three
        raise click.UsageError(f"click knows no completion for {shell}")
    script = kind(context.find_root().command, {}, "pixel", "_PIXEL_COMPLETE")
    # Not its `source()`, which starts a bash to look at its version.
    click.echo(script.source_template % script.source_vars())
