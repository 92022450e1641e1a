"""Completion in real shells: commands, options, choices, files and folders; and the protocol of its scripts.

Rules kept here:

* bash and zsh run at a pseudo-terminal, with Tab bound to what inserts all proposals; fish prints its own.
* zsh and fish are slow tests, since they have to be installed. PowerShell is in no registry of packages, so only what
  its script sends and gets is tested, not the script.
"""

import os
import pty
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from pixel_transports.cli import profiles
from tests.support.cli_runs import clean_environment, run

# A line, and what its last word can become.
LINES = {
    "pixel proj": ["projects"],
    "pixel projects re": ["restore"],
    "pixel upload --work": ["--workers"],
    "pixel search --on ": ["data_collections", "images", "point_clouds", "projects", "rasters"],
    "pixel search --on=im": ["--on=images"],
    "pixel completion p": ["powershell"],
    "pixel arcgis list F": ["Feature"],
    "pixel analysis tasks list 1 --status R": ["REVOKED", "RUNNING"],
    "pixel me --env-file s": ["settings.env"],
    "pixel me --profile w": ["work"],
    "pixel me --env-file=s": ["--env-file=settings.env"],
    "pixel search --on images --intersects f": ["field.geojson"],
    "pixel projects create New --area f": ["field.geojson"],
    "pixel harvest create s": ["settings.env"],
    "pixel attachments add project 1 w": ["with space.jpg"],
    'pixel attachments add project 1 "w': ["with space.jpg"],
    "pixel upload p": ["photos"],
    "pixel upload photos/a.jpg photos/": ["photos/a.jpg", "photos/b.jpg"],
    "pixel sandbox --data ": ["my photos", "photos"],
    "pixel sandbox --data=p": ["--data=photos"],
    "pixel demo m": ["my photos"],
    "pixel stub ": ["my, own: name"],
}
STUB = """#!/bin/sh
case "$COMP_WORDS" in
    "pixel stub "*) printf 'plain\\tmy, own: name\\thelp, and: more\\n' ;;
    *) exec "%s" -m pixel_transports.cli "$@" ;;
esac
"""
BASH = """
eval "$(pixel completion bash)"
bind 'TAB: insert-completions'
"""
ZSH = """
autoload -Uz compinit; compinit -u -D
eval "$(pixel completion zsh)"
zle -C all-matches complete-word _generic
zstyle ':completion:all-matches::::' completer _all_matches _complete
zstyle ':completion:all-matches:*' insert true
bindkey -e; bindkey '^I' all-matches
unsetopt PROMPT_SP
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with files, and beside it the command `pixel`."""
    folder = tmp_path / "here"
    for name in ("photos/a.jpg", "photos/b.jpg", "my photos/c.jpg", "settings.env", "field.geojson", "with space.jpg"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    profiles.write("work", {})
    (tmp_path / "pixel").write_text(STUB % sys.executable)
    (tmp_path / "pixel").chmod(0o755)
    return folder


def environment(folder: Path) -> dict[str, str]:
    home = str(folder.parent)
    path = f"{home}{os.pathsep}{os.environ['PATH']}"
    return clean_environment({"PATH": path, "HOME": home, "ZDOTDIR": home, "TERM": "dumb", "LC_ALL": "C.UTF-8"})


def at_prompt(folder: Path, command: list[str], keys: str) -> str:
    """Return what a shell at a pseudo-terminal shows, which gets these keys."""
    ours, theirs = pty.openpty()
    shown = b""
    with subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, cwd=folder, env=environment(folder), start_new_session=True
    ) as shell:
        os.close(theirs)
        limit = threading.Timer(120, shell.kill)
        limit.start()
        try:
            os.write(ours, keys.encode())
            while piece := os.read(ours, 65536):
                shown += piece
        except OSError:
            pass  # Linux ends a terminal with EIO.
        finally:
            limit.cancel()
            os.close(ours)
    return shown.decode(errors="replace")


def typed(folder: Path, command: list[str]) -> list[list[str]]:
    """Type each line, Tab, and what prints the words of the line instead of running it."""
    keys = "".join(f"{line}\t\x01printf '<%s>' \n" for line in LINES)
    shown = at_prompt(folder, command, f"{keys}exit\n")
    printed = [re.findall("<([^<>]*)>", each) for each in re.findall(r"(?:<[^<>%\r\n]*>)+", shown)]
    assert len(printed) == len(LINES), shown
    return [words[line.count(" ") :] for words, line in zip(printed, LINES, strict=True)]


def in_bash(folder: Path) -> list[list[str]]:
    rc = folder.parent / "bashrc"
    rc.write_text(BASH)
    return typed(folder, ["bash", "--noprofile", "--rcfile", str(rc), "-i"])


def in_zsh(folder: Path) -> list[list[str]]:
    (folder.parent / ".zshrc").write_text(ZSH)
    return typed(folder, ["zsh", "-d", "-i"])


def in_fish(folder: Path) -> list[list[str]]:
    lines = "".join(f"complete -C '{line}'; echo ----\n" for line in LINES)
    script = f"pixel completion fish | source\n{lines}"
    done = subprocess.run(
        ["fish", "--no-config", "-c", script], cwd=folder, env=environment(folder), capture_output=True, text=True
    )
    assert done.stderr == ""
    answers = done.stdout.split("----\n")[:-1]
    return [[each.partition("\t")[0].removesuffix("/") for each in answer.splitlines()] for answer in answers]


@pytest.mark.parametrize(
    "shell", ["bash", pytest.param("zsh", marks=pytest.mark.slow), pytest.param("fish", marks=pytest.mark.slow)]
)
def test_a_shell_completes_commands_options_choices_files_and_folders(shell: str, folder: Path) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"there is no {shell}; apt-get install {shell} installs it")
    found = {"bash": in_bash, "zsh": in_zsh, "fish": in_fish}[shell](folder)
    assert dict(zip(LINES, map(sorted, found), strict=True)) == LINES


@pytest.mark.parametrize(
    ("words", "lines"),
    [
        ("pixel\nproj", ["plain\tprojects\tList, show and change projects."]),
        ("pixel\nsearch\n--on\nim", ["plain\timages\t"]),
        ("pixel\nsearch\n--on=im", ["plain\timages\t"]),
        ("pixel\nme\n--env-file\nC:\\My files\\s", ["file\tC:\\My files\\s\t"]),
        ("pixel\nsandbox\n--data=p", ["dir\tp\t"]),
        ("pixel\nupload\na b.jpg\n", ["file\t\t"]),
    ],
)
def test_powershell_sends_words_and_gets_types_values_and_help(folder: Path, words: str, lines: list[str]) -> None:
    variables = {**environment(folder), "_PIXEL_COMPLETE": "powershell_complete", "COMP_WORDS": words}
    command = [sys.executable, "-W", "error", "-m", "pixel_transports.cli"]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=True)
    assert (done.stdout.splitlines(), done.stderr) == (lines, "")
    script = run("completion", "powershell").stdout
    assert script.startswith("Register-ArgumentCompleter -Native -CommandName pixel ")
    assert [
        name for name in ("$env:COMP_WORDS = ", "$env:_PIXEL_COMPLETE = 'powershell_complete'") if name not in script
    ] == []
