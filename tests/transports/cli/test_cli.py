"""The command `pixel` as a person runs it: in a process of its own, by its output and exit code."""

import json
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from pixel_transports.sandbox import Sandbox, SandboxServer, sample_photos
from tests.support.cli_runs import COMMAND, clean_environment, pixel


def test_demo_uploads_the_samples_from_both_faces_and_says_that_all_matched() -> None:
    done = pixel("demo")
    assert done.returncode == 0, done.stderr
    assert "PixelClient: 6 images" in done.stdout
    assert "PixelClientAsync: 6 images" in done.stdout
    assert done.stdout.count("listed completely, stored byte for byte") == 2
    assert done.stdout.endswith("Everything matched.\n")
    assert "58.86420 N 5.60210 E" in done.stdout


def test_demo_keeps_progress_on_stderr() -> None:
    done = pixel("demo")
    assert done.stderr.count("validated_and_moved") == 12
    assert "validated_and_moved" not in done.stdout


def test_demo_takes_the_photos_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "One.JPEG").write_bytes(sample_photos()[0].read_bytes())
    (tmp_path / "two.jpg").write_bytes(b"\xff\xd8\xff\xe0 no EXIF in here")
    (tmp_path / "notes.txt").write_text("not a photo")
    done = pixel("demo", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "2 photos" in done.stdout
    assert "1 with a position" in done.stdout
    assert "notes" not in done.stdout


def test_demo_of_what_is_no_photo_says_so_and_exits_with_1(tmp_path: Path) -> None:
    (tmp_path / "false.jpg").write_text("this is text")
    done = pixel("demo", str(tmp_path))
    assert done.returncode == 1
    assert "WRONG" in done.stdout
    assert done.stdout.endswith("Not everything matched.\n")


@pytest.mark.parametrize("arguments", [("demo", "/does/not/exist"), ("fly",), ("sandbox", "--port", "70000")])
def test_wrong_usage_exits_with_2_and_a_sentence(arguments: tuple[str, ...]) -> None:
    done = pixel(*arguments)
    assert done.returncode == 2
    assert "Error: " in done.stderr
    assert "Traceback" not in done.stderr


def test_demo_of_a_folder_without_photos_is_wrong_usage(tmp_path: Path) -> None:
    done = pixel("demo", str(tmp_path))
    assert (done.returncode, done.stdout) == (2, "")
    assert "no JPEG files" in done.stderr


def test_me_shows_the_user_as_json(server: SandboxServer) -> None:
    done = pixel("me", environment=server.sandbox.environment(server.url))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["email"] == "demo@example.com"


def test_me_reads_a_dotenv_file(server: SandboxServer, tmp_path: Path) -> None:
    file = tmp_path / "settings.env"
    file.write_text("".join(f"{name}={value}\n" for name, value in server.sandbox.environment(server.url).items()))
    assert pixel("me", "--env-file", str(file)).returncode == 0


def test_me_without_settings_names_those_that_are_missing() -> None:
    done = pixel("me")
    assert done.returncode == 2
    assert "PIXEL_TENANT" in done.stderr
    assert "Traceback" not in done.stderr


def test_me_with_a_wrong_password_exits_with_4_and_says_what_to_check(server: SandboxServer) -> None:
    done = pixel("me", environment={**server.sandbox.environment(server.url), "PIXEL_PASSWORD": "wrong-secret"})
    assert done.returncode == 4
    assert "check PIXEL_USERNAME and PIXEL_PASSWORD" in done.stderr
    assert "wrong-secret" not in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_me_at_a_wrong_tenant_exits_with_4_and_says_so(server: SandboxServer) -> None:
    done = pixel("me", environment={**server.sandbox.environment(server.url), "PIXEL_TENANT": "nobody"})
    assert done.returncode == 4
    assert "no tenant 'Nobody'" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_me_without_a_server_exits_with_5_and_one_sentence() -> None:
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))  # bound and not listening: nobody answers there
        url = f"http://127.0.0.1:{unheard.getsockname()[1]}"
        done = pixel("me", environment=Sandbox().environment(url))
    assert done.returncode == 5
    assert "could not connect" in done.stderr
    assert "refused" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_sandbox_prints_settings_that_lead_to_it_and_ends_when_asked(ending: signal.Signals) -> None:
    command = [*COMMAND, "sandbox"]
    with subprocess.Popen(
        command, env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            environment = dict(process.stdout.readline().strip().split("=", 1) for _ in range(5))
            assert pixel("me", environment=environment).returncode == 0
            process.send_signal(ending)
            assert process.wait(20) == 0
            told = process.stderr.read()
            assert "Traceback" not in told
            assert f"look at it at {environment['PIXEL_API_URL'].partition('/api')[0]}/_sandbox/" in told
        finally:
            process.kill()


def test_sandbox_refuses_to_listen_where_others_can_reach_it() -> None:
    done = pixel("sandbox", "--host", "0.0.0.0")
    assert done.returncode == 2
    assert "beyond" in done.stderr


def test_help_documents_commands_and_exit_codes() -> None:
    done = pixel("--help")
    assert done.returncode == 0
    for text in ("demo", "sandbox", "me", "upload", "journal", "Exit codes", "130"):
        assert text in done.stdout
