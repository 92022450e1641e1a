"""The command `completion`: click's completion scripts for the name `pixel`."""

import click


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the completion script for a shell.

    \b
    For bash, in ~/.bashrc:  eval "$(pixel completion bash)"
    For zsh, in ~/.zshrc:    eval "$(pixel completion zsh)"
    For fish:                pixel completion fish > ~/.config/fish/completions/pixel.fish
    """
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    if kind is None:  # pragma: no cover - click has all three
        raise click.UsageError(f"click has no completion for {shell}")
    script = kind(context.find_root().command, {}, "pixel", "_PIXEL_COMPLETE")
    # `source()` would start a bash to check its version.
    click.echo(script.source_template % script.source_vars())
