"""`pixel login` asks, verifies and stores a profile; its password is in the keyring, or shown for."""

import json
import os
import pty
import stat
import subprocess
from pathlib import Path

import pytest

from pixel_transports.cli import profiles
from pixel_transports.cli.errors import DONE, LOGIN, NOTHING, USAGE
from tests.support.cli_runs import COMMAND, clean_environment, run
from tests.support.paths import ROOT
from tests.transports.cli.support import World

Done = subprocess.CompletedProcess[str]


def converse(arguments: list[str], answers: list[tuple[str, str]], environment: dict[str, str] | None = None) -> Done:
    """Run the command with a terminal as stdin, and answer each question when it is shown on stderr."""
    ours, theirs = pty.openpty()
    try:
        with subprocess.Popen(
            [*COMMAND, *arguments],
            stdin=theirs,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=clean_environment({**os.environ, **(environment or {})}),
            start_new_session=True,  # without a terminal of its own, so that the password is read from stdin
        ) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            shown = b""
            for question, answer in answers:
                while question.encode() not in shown:
                    piece = os.read(process.stderr.fileno(), 1000)
                    assert piece, shown.decode()
                    shown += piece
                os.write(ours, f"{answer}\n".encode())
            out, err = process.communicate(timeout=60)
    finally:
        os.close(theirs)
        os.close(ours)
    return subprocess.CompletedProcess(arguments, process.returncode, out.decode(), (shown + err).decode())


def addresses(world: World) -> list[str]:
    environment = world.environment
    return ["--api-url", environment["PIXEL_API_URL"], "--auth-server-url", environment["PIXEL_AUTH_SERVER_URL"]]


def options(world: World) -> list[str]:
    return ["--username", world.environment["PIXEL_USERNAME"], "--tenant", "Sandbox", *addresses(world)]


def test_login_asks_for_what_is_missing_and_stores_a_file_of_the_user_alone(still: World) -> None:
    environment = still.environment
    user, password = environment["PIXEL_USERNAME"], environment["PIXEL_PASSWORD"]
    # The last character of the question is printed when the terminal no longer shows what is typed.
    ask_password = (f"Password of {user} at {environment['PIXEL_AUTH_SERVER_URL']}: ", password)
    answers = [("Username:", user), ("Tenant:", "Sandbox"), ask_password]
    done = converse(["login", *addresses(still)], answers)
    assert done.returncode == DONE, done.stderr
    assert f"User {user}, tenant Sandbox, API {environment['PIXEL_API_URL']}" in done.stderr
    assert "The password is not stored" in done.stderr
    (path,) = profiles.folder().iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert json.loads(path.read_text()) == {
        name: environment[name] for name in ("PIXEL_USERNAME", "PIXEL_TENANT", "PIXEL_API_URL", "PIXEL_AUTH_SERVER_URL")
    }
    again = converse(["me"], [ask_password])
    assert (again.returncode, json.loads(again.stdout)["email"]) == (DONE, user)
    without = run("me")
    assert (without.exit_code, without.stdout, len(without.stderr.splitlines())) == (USAGE, "", 1)
    assert "there is no terminal to ask for it" in without.stderr
    renewed = converse(["login"], [ask_password])
    assert (renewed.returncode, profiles.list_names()) == (DONE, ["default"])


def test_a_keyring_stores_the_password_and_logout_removes_it(still: World, tmp_path: Path) -> None:
    pytest.importorskip("keyring")
    keyring = tmp_path / "keyring.json"
    stored = {
        "PYTHON_KEYRING_BACKEND": "tests.support.keyring_file.FileKeyring",
        "PIXEL_TEST_KEYRING": str(keyring),
        "PYTHONPATH": str(ROOT),
        "XDG_CONFIG_HOME": str(tmp_path),
    }

    def pixel(*arguments: str, stdin: str = "") -> Done:
        environment = clean_environment(stored)
        del environment["PIXEL_CONFIG"]
        return subprocess.run(
            [*COMMAND, *arguments],
            env=environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    secret = still.environment["PIXEL_PASSWORD"]
    done = pixel("login", "--profile", "work", *options(still), "--password-stdin", stdin=f"{secret}\n")
    assert done.returncode == DONE, done.stderr
    assert "not stored" not in done.stderr
    assert list(json.loads(keyring.read_text()).values()) == [secret]
    assert "PASSWORD" not in (tmp_path / "pixel-client" / "profiles" / "work.json").read_text()
    assert pixel("--profile", "work", "me").returncode == DONE
    assert '"keyring"' in pixel("config", "--profile", "work", "--json").stdout
    listed = json.loads(pixel("profiles", "--json").stdout)
    assert [(each["profile"], each["tenant"], each["api"]) for each in listed] == [
        ("work", "Sandbox", still.environment["PIXEL_API_URL"])
    ]
    profile = tmp_path / "pixel-client" / "profiles" / "work.json"
    text = profile.read_text()
    profile.write_text(text.replace("/auth", "/auth/other"))
    elsewhere = pixel("me", "--profile", "work")
    assert (elsewhere.returncode, "of the profile work is not stored" in elsewhere.stderr) == (USAGE, True)
    profile.write_text(text)
    assert pixel("logout", "--profile", "work").returncode == DONE
    assert json.loads(keyring.read_text()) == {}
    assert pixel("logout", "--profile", "work").returncode == NOTHING
    gone = pixel("me", "--profile", "work")
    assert (gone.returncode, "There is no profile work" in gone.stderr) == (USAGE, True)


@pytest.mark.parametrize(
    ("more", "stdin", "code", "message"),
    [
        (["--password-stdin"], "wrong\n", LOGIN, "PIXEL_PASSWORD"),
        ([], "", USAGE, "there is no terminal to ask for it"),
        (["--api-url", "https://", "--password-stdin"], "x\n", USAGE, "PIXEL_API_URL has to be"),
        (["--profile", "../x", "--password-stdin"], "x\n", USAGE, "The name of a profile is letters"),
        (["--env-file", __file__], "", USAGE, "--env-file does not go with this command"),
        (["--username", "", "--password-stdin"], "x\n", USAGE, "no terminal to ask at: pass --username"),
    ],
)
def test_a_login_that_fails_stores_nothing(still: World, more: list[str], stdin: str, code: int, message: str) -> None:
    done = run("login", *options(still), *more, stdin=stdin)
    assert (done.exit_code, done.stdout) == (code, "")
    assert message in " ".join(done.stderr.split())
    assert not profiles.folder().exists()


def test_an_interrupted_write_leaves_the_profile_as_it_was() -> None:
    path = profiles.write("work", {"PIXEL_USERNAME": "u", "PIXEL_TENANT": "t"})
    with pytest.raises(TypeError):
        profiles.write("work", {"PIXEL_USERNAME": object()})  # type: ignore[dict-item]
    assert list(path.parent.iterdir()) == [path]
    assert profiles.read("work") == {"PIXEL_USERNAME": "u", "PIXEL_TENANT": "t"}


def test_a_damaged_profile_is_named_and_can_be_removed() -> None:
    path = profiles.write("work", {"PIXEL_USERNAME": "u", "PIXEL_TENANT": "t"})
    for text, message in (("{", str(path)), ('{"PIXEL_USERNAME": "u"}', "PIXEL_TENANT is missing")):
        path.write_text(text)
        done = run("me", "--profile", "work", stdin="x")
        assert (done.exit_code, message in done.stderr) == (USAGE, True)
        assert "(damaged" in run("profiles").stdout
        assert run("logout", "--profile", "work").exit_code == DONE
        assert profiles.list_names() == []
