"""`pixel demo` uploads and compares, and reports every difference; `pixel sandbox` and `pixel me` work with it."""

import json
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from pixel_core.events import FileFinished
from pixel_transports import PixelApiSettings, PixelClient
from pixel_transports.cli.demo_run import ClientReport, _compare, find_photos, run_demo
from pixel_transports.cli.errors import DONE, FAILED, UNREACHABLE
from pixel_transports.cli.sandbox import sandbox
from pixel_transports.sandbox import SAMPLE_AREA, Sandbox, SandboxServer, sample_photos
from tests.support.cli_runs import COMMAND, clean_environment, pixel, run


def test_demo_uploads_the_samples_with_both_clients_and_reports_that_all_matched() -> None:
    done = pixel("demo")
    assert done.returncode == DONE, done.stderr
    for text in ("PixelClient: 6 images", "PixelClientAsync: 6 images", "58.86420 N 5.60210 E"):
        assert text in done.stdout
    assert done.stdout.count("listed completely, stored byte for byte") == 2
    assert done.stdout.endswith("Everything matched.\n")
    assert (done.stderr.count("validated_and_moved"), done.stdout.count("validated_and_moved")) == (12, 0)


def test_demo_takes_the_photos_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "One.JPEG").write_bytes(sample_photos()[0].read_bytes())
    (tmp_path / "two.jpg").write_bytes(b"\xff\xd8\xff\xe0 no EXIF in here")
    for name in ("a.png", "two.jpg.txt"):
        (tmp_path / name).touch()
    (tmp_path / "folder.jpg").mkdir()
    assert [path.name for path in find_photos(tmp_path)] == ["One.JPEG", "two.jpg"]
    done = run("demo", str(tmp_path))
    assert done.exit_code == DONE, done.stderr
    assert "2 photos" in done.stdout
    assert "1 with a position" in done.stdout


def test_demo_of_a_file_that_is_no_photo_exits_with_1(tmp_path: Path) -> None:
    (tmp_path / "false.jpg").write_text("this is text")
    done = run("demo", str(tmp_path))
    assert done.exit_code == FAILED
    assert "WRONG" in done.stdout
    assert done.stdout.endswith("Not everything matched.\n")


def test_a_file_that_changes_during_the_demo_is_reported(tmp_path: Path) -> None:
    photo = tmp_path / "changing.jpg"
    photo.write_bytes(sample_photos()[0].read_bytes())
    lines: list[str] = []

    def change_when_sent(event: object) -> None:
        if isinstance(event, FileFinished):
            photo.write_bytes(photo.read_bytes() + b"!")

    assert run_demo([photo], lines.append, change_when_sent) is False
    assert any("other bytes" in line for line in lines)


def test_a_list_without_a_photo_of_the_folder_is_reported(tmp_path: Path) -> None:
    report = ClientReport("client", "forms", 1)
    _compare(report, [tmp_path / "a.jpg"], Sandbox())
    assert report.wrong == ["listed are []"]


def test_me_shows_the_user_of_the_environment_or_of_a_dotenv_file(server: SandboxServer, tmp_path: Path) -> None:
    environment = server.sandbox.environment(server.url)
    assert json.loads(run("me", environment=environment).stdout)["email"] == "demo@example.com"
    file = tmp_path / "settings.env"
    file.write_text("".join(f"{name}={value}\n" for name, value in environment.items()))
    assert json.loads(run("me", "--env-file", str(file)).stdout)["email"] == "demo@example.com"


@pytest.mark.parametrize(
    ("command", "ending", "shown"),
    [
        (
            [*COMMAND, "sandbox", "--port=0"],
            signal.SIGINT,
            "Serving a sandbox at {0}; look at it at {0}/_sandbox/; stop it with",
        ),
        ([*COMMAND[:-1], "pixel_transports.sandbox"], signal.SIGTERM, ""),
    ],
    ids=["command", "module"],
)
def test_sandbox_prints_settings_that_connect_to_it_and_stops_on_a_signal(
    command: list[str], ending: signal.Signals, shown: str
) -> None:
    with subprocess.Popen(
        command, env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            environment = dict(process.stdout.readline().strip().split("=", 1) for _ in range(5))
            assert shown or process.stdout.readline() == "\n"
            assert run("me", environment=environment).exit_code == DONE
            process.send_signal(ending)
            _, err = process.communicate(timeout=20)
        finally:
            process.kill()
    assert (process.returncode, len(err.splitlines())) == (0, 1 if shown else 0)
    assert shown.format(environment["PIXEL_API_URL"].partition("/api")[0]) in err


def test_the_port_of_a_sandbox_is_always_the_same_and_one_that_is_taken_is_named_with_what_to_do() -> None:
    assert sandbox.make_context("sandbox", []).params["port"] == 7495
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run("sandbox", "--port", str(port))
    assert (done.exit_code, done.stdout) == (UNREACHABLE, "")
    assert done.stderr.startswith(f"pixel: Cannot listen on 127.0.0.1:{port}: the port is taken")
    assert done.stderr.endswith("use --port 0 for a free port\n")


def test_a_sandbox_is_as_slow_as_its_options_say() -> None:
    with subprocess.Popen(
        [*COMMAND, "sandbox", "--port=0", "--rate=100K", "--delay=100ms"],
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            environment = dict(process.stdout.readline().strip().split("=", 1) for _ in range(5))
            with PixelClient.from_settings(PixelApiSettings(**environment)) as client:
                began = time.monotonic()
                client.create_project("Coast", "x" * 50_000, SAMPLE_AREA)
                # 0.2 s for two responses, with the login's, and 1 s for the text, there and back, but 0.05 s a pause.
                assert time.monotonic() - began >= 1.0
        finally:
            process.kill()


def test_a_sandbox_that_was_killed_starts_again_with_the_data_of_its_folder(tmp_path: Path) -> None:
    listed: list[list[Any]] = []
    for _ in range(2):
        with subprocess.Popen(
            [*COMMAND, "sandbox", "--port=0", "--data", str(tmp_path)],
            env=clean_environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        ) as process:
            assert process.stdout is not None
            try:
                environment = dict(process.stdout.readline().strip().split("=", 1) for _ in range(5))
                with PixelClient.from_settings(PixelApiSettings(**environment)) as client:
                    if not listed:
                        client.create_project("Coast", "", SAMPLE_AREA)
                    listed.append(client.list_projects())
            finally:
                process.kill()
    assert [each.get("name") for each in listed[1]] == ["Coast"]
    assert listed[0] == listed[1]
