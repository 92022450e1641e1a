"""The command `completion`, and what its scripts ask `pixel` for.

Rules kept here:

* A script sends the line up to the cursor in COMP_WORDS (PowerShell: its words, a line each) and gets a line for each
  proposal: `TYPE<tab>VALUE<tab>HELP`. TYPE is `plain`, or `file` or `dir`: the shell completes those itself.
* Values go without the name of their option; after `--name=`, a script puts it in front again.
* Values and help texts may have spaces, commas and colons. Nothing is sent to a server.
"""

import os

import click
from click.shell_completion import CompletionItem, ShellComplete, add_completion_class, split_arg_string

_BASH = """
%(complete_func)s() {
    local line kind value prefix="" word="${COMP_WORDS[COMP_CWORD]}"
    # Where `=` does not break words, the value has to come with its option.
    [[ $word == -*=* ]] && prefix="${word%%%%=*}="
    COMPREPLY=()
    while IFS= read -r line; do
        IFS=$'\\t' read -r kind value _ <<< "$line"
        case $kind in
            dir) compopt -o dirnames ;;
            file) compopt -o default ;;
            plain)
                [[ $word == [\\"\\']* ]] || printf -v value %%q "$value"
                COMPREPLY+=("$prefix$value")
                ;;
        esac
    done < <(env COMP_WORDS="${COMP_LINE:0:COMP_POINT}" %(complete_var)s=bash_complete "$1" 2> /dev/null)
}
complete -o nosort -F %(complete_func)s %(prog_name)s
"""

_ZSH = """#compdef %(prog_name)s

%(complete_func)s() {
    local -a lines plain described
    local line kind value help
    (( $+commands[%(prog_name)s] )) || return 1
    lines=("${(@f)$(env COMP_WORDS="${words[1,CURRENT]}" %(complete_var)s=zsh_complete %(prog_name)s 2> /dev/null)}")
    [[ $PREFIX == -*=* ]] && compset -P 1 '*='
    for line in $lines; do
        IFS=$'\\t' read -r kind value help <<< "$line"
        case $kind in
            dir) _path_files -/ ;;
            file) _path_files ;;
            plain)
                if [[ -n $help ]]; then
                    described+=("${value//:/\\\\:}:$help")
                else
                    plain+=("$value")
                fi
                ;;
        esac
    done
    (( $#described )) && _describe -V %(prog_name)s described
    (( $#plain )) && compadd -V %(prog_name)s -a plain
}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    %(complete_func)s "$@"
else
    compdef %(complete_func)s %(prog_name)s
fi
"""

_FISH = """function %(complete_func)s
    set -l prefix (string match -r -- '^-[^=]*=' (commandline -ct))
    set -l words COMP_WORDS=(commandline -cp | string collect)
    for line in (env $words %(complete_var)s=fish_complete %(prog_name)s 2> /dev/null)
        set -l parts (string split -m 2 \\t -- $line)
        switch $parts[1]
            case dir
                string replace -r -- '^' "$prefix" (__fish_complete_directories $parts[2])
            case file
                string replace -r -- '^' "$prefix" (__fish_complete_path $parts[2])
            case plain
                printf '%%s%%s\\t%%s\\n' "$prefix" $parts[2] "$parts[3]"
        end
    end
end

complete --no-files --keep-order --command %(prog_name)s --arguments '(%(complete_func)s)'
"""

_POWERSHELL = """Register-ArgumentCompleter -Native -CommandName %(prog_name)s -ScriptBlock {
    param($word, $ast, $position)
    $words = @($ast.CommandElements | Where-Object { $_.Extent.EndOffset -lt $position } | ForEach-Object {
        if ($_ -is [System.Management.Automation.Language.StringConstantExpressionAst]) { $_.Value } else { "$_" }
    })
    $env:COMP_WORDS = ($words + "$word".Trim([char[]] "'`"")) -join "`n"
    $env:%(complete_var)s = 'powershell_complete'
    try { $lines = @(%(prog_name)s 2> $null) } finally { Remove-Item -Path 'Env:COMP_WORDS', 'Env:%(complete_var)s' }
    $prefix = if ("$word" -match '^-[^=]*=') { $Matches[0] } else { '' }
    foreach ($line in $lines) {
        $kind, $value, $help = $line -split "`t", 3
        if ($kind -eq 'plain') {
            $text = if ($value -match '[^\\w./:+-]') { "'" + ($value -replace "'", "''") + "'" } else { $value }
            $shown = if ($help) { $help } else { $value }
            [System.Management.Automation.CompletionResult]::new($prefix + $text, $value, 'ParameterValue', $shown)
        } else {
            foreach ($path in [System.Management.Automation.CompletionCompleters]::CompleteFilename($value)) {
                if ($kind -eq 'file' -or $path.ResultType -eq 'ProviderContainer') {
                    [System.Management.Automation.CompletionResult]::new(
                        $prefix + $path.CompletionText, $path.ListItemText, $path.ResultType, $path.ToolTip)
                }
            }
        }
    }
}
"""


class _Complete(ShellComplete):
    """Completion in a POSIX shell."""

    def get_completion_args(self) -> tuple[list[str], str]:
        # The last word may be empty or inside quotes: a letter makes it a word in any case.
        *words, last = split_arg_string(os.environ["COMP_WORDS"] + "x")
        return words[1:], last[:-1]

    def format_completion(self, item: CompletionItem) -> str:
        return "\t".join((item.type, item.value, " ".join((item.help or "").split())))


class _Bash(_Complete):
    name, source_template = "bash", _BASH


class _Zsh(_Complete):
    name, source_template = "zsh", _ZSH


class _Fish(_Complete):
    name, source_template = "fish", _FISH


class _PowerShell(_Complete):
    name, source_template = "powershell", _POWERSHELL

    def get_completion_args(self) -> tuple[list[str], str]:
        *words, last = os.environ["COMP_WORDS"].split("\n")
        return words[1:], last


_SHELLS = {each.name: add_completion_class(each) for each in (_Bash, _Zsh, _Fish, _PowerShell)}


@click.command()
@click.argument("shell", type=click.Choice(list(_SHELLS)))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the completion script for a shell.

    \b
    bash, in ~/.bashrc:     eval "$(pixel completion bash)"
    zsh, in ~/.zshrc:       eval "$(pixel completion zsh)"
    fish:                   pixel completion fish > ~/.config/fish/completions/pixel.fish
    PowerShell, in $PROFILE:
      pixel completion powershell | Out-String | Invoke-Expression
    """
    click.echo(_SHELLS[shell](context.find_root().command, {}, "pixel", "_PIXEL_COMPLETE").source(), nl=False)
