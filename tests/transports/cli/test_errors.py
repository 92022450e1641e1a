"""An error is one message with the next step, and an exit code; every command has help; nothing is deleted unasked."""

import json
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from pixel_core import errors
from pixel_transports.cli import cli
from pixel_transports.cli.errors import DONE, FAILED, LOGIN, NOTHING, UNREACHABLE, USAGE
from pixel_transports.cli.file_problems import Problem
from pixel_transports.cli.file_results import FileResult
from pixel_transports.cli.file_search import Candidate
from tests.support.cli_runs import COMMAND, clean_environment, make_photos, run
from tests.transports.cli.support import World, at_terminal

HERE = "--project 1 --collection 3"


@pytest.mark.parametrize(
    ("command", "changes", "code", "messages"),
    [
        ("projects list", {"PIXEL_PASSWORD": "hush-hush"}, LOGIN, ["PIXEL_USERNAME and PIXEL_PASSWORD"]),
        (f"upload {__file__} {HERE}", {"PIXEL_PASSWORD": "hush-hush"}, LOGIN, ["Login refused"]),
        (f"upload {__file__} --project 1 --collection 999", {}, FAILED, [" 404 "]),
        ("projects list", {"PIXEL_TENANT": "unknown"}, LOGIN, ["no tenant 'Unknown'"]),
        ("projects list", {"PIXEL_AUTH_SERVER_URL": "http://127.0.0.1:1"}, UNREACHABLE, ["refused", "PIXEL_API_URL"]),
        ("projects list", None, USAGE, ["PIXEL_USERNAME", "PIXEL_PASSWORD", "PIXEL_TENANT", "--env-file"]),
    ],
)
def test_a_call_that_cannot_be_made_exits_with_a_code_and_is_reported_once(
    still: World, command: str, changes: dict[str, str] | None, code: int, messages: list[str]
) -> None:
    done = run(*command.split(), environment={} if changes is None else {**still.environment, **changes})
    # An upload prints the settings that it uses.
    lines = 1 + command.startswith("upload")
    assert (done.exit_code, done.stdout, len(done.stderr.splitlines())) == (code, "", lines)
    assert [text for text in messages if done.stderr.count(text) != 1] == []
    assert "hush-hush" not in done.stderr


BODY = '{"name": "x", "description": "", "data_collection_ids": [1], "options": {}}'
UTM = '{"type": "Polygon", "coordinates": [[[3e5, 653e4], [4e5, 653e4], [4e5, 654e4], [3e5, 653e4]]]}'
# A command, the text of stdin, FILE and area.geojson, and a part of the message.
WRONG = [
    ("fly", "", "No such command"),
    ("sandbox --port 70000", "", "70000"),
    ("sandbox --rate 20X", "", "no number of bytes"),
    ("sandbox --delay 5", "", "'5' is no time, such as 50ms or 1.5s"),
    ("sandbox --host 0.0.0.0", "", "use --allow-remote to allow it"),
    ("demo /does/not/exist", "", "does not exist"),
    ("demo .", "", "no JPEG files"),
    ("projects update 1", "", "--name"),
    ("collections update 1 --project 1", "", "--name"),
    ("projects create New --area 'POINT(5 58)'", "", "--area: no geometry"),
    ("projects create New --area 'POLYGON((5 58, 6 58, 5 59))'", "", "--area: no geometry"),
    ("projects create New --area 'LINESTRING(5 58, 6 59)'", "", "--area: no geometry"),
    *(
        (f"search --on images {rest}", "", message)
        for rest, message in (
            ("--intersects 'POINT(1)'", "no geometry"),
            ("--intersects 'BLOB(1 2)'", "no geometry"),
            ("--intersects nowhere.geojson", "no such file"),
            ("--filter name like x", "the operator is one of"),
            ("--sort name:up", "asc or desc"),
            ("--limit 0", "--limit"),
        )
    ),
    *(
        ("search --on images --intersects area.geojson", text, "--intersects")
        for text in ("{", '{"type": "Nothing"}', '{"type": "Feature", "geometry": null}', "words")
    ),
    *(
        (f"{command} area.geojson", text, "reproject to EPSG:4326")
        for command in ("search --on images --intersects", "projects create New --area", "projects update 1 --area")
        for text in (
            '{"type": "FeatureCollection", "crs": {"properties": {"name": "EPSG:25832"}}, "features": []}',
            UTM,
            f'{{"type": "FeatureCollection", "features": [{{"geometry": {UTM}}}]}}',
            "SRID=25832;POLYGON((5 58, 6 58, 6 59, 5 58))",
            "POLYGON((304000 6530000, 305000 6530000, 305000 6531000, 304000 6530000))",
        )
    ),
    *(
        (f"{command} create {rest}", text, message)
        for command, rest in (("analysis", "-"), ("arcgis", "image FILE"), ("harvest", f"FILE {HERE}"))
        for text, message in (("{", "no JSON"), ("[]", "a JSON object is needed"), ("{}", "name is missing"))
    ),
    ("arcgis create Image -", BODY, "image_service_options"),
    *(
        (f"{command} -{rest}", text, f"<stdin>: {message}")
        for command, rest, text, message in (
            (
                "analysis create",
                "",
                '{"name": 3, "config": []}',
                "module_name is missing; name has to be text; config ",
            ),
            (
                "arcgis create image",
                "",
                """{"name": "x", "description": "", "data_collection_ids": [],
                    "options": {"feature_service_options": {"image_layer": {"image_processed_type": "z"}}}}""",
                "data_collection_ids has too few items; options.feature_service_options.image_layer."
                "image_processed_type has to be 'original' or 'blurred'",
            ),
            (
                "harvest update 4",
                f" {HERE}",
                """{"field_mappings": {"maps": [{"operation": "x", "model": "d", "field_name": "s"},
                    {"operation": "add", "model": "d", "field_name": "s"}, {"operation": "add"}]}}""",
                "field_mappings.maps[0].operation has to be 'add', 'remove' or 'update'; field_mappings.maps[1]: "
                "external_field is required to add a field map; field_mappings.maps[2].model is missing",
            ),
        )
    ),
    *(
        ("projects create New --area area.geojson", text, f"--area area.geojson: no geometry: {message}")
        for text, message in (
            ("{", "no JSON"),
            (
                '{"type": "Polygon", "coordinates": [[[5, 58], ["a", 58], [5]]]}',
                "a position must be longitude, latitude",
            ),
            ('{"type": "Polygon", "coordinates": [[[5, 58], [5, 5], [5, 6]]]}', "a ring of a polygon needs at least"),
            ('{"type": "Polygon"}', "a geometry needs coordinates"),
            ('{"type": "Feature", "geometry": 5}', "geometry has to be an object, not int"),
            ('{"type": "FeatureCollection", "features": [1]}', "each of the features has to be an object, not int"),
            ('{"type": "FeatureCollection", "features": [{}]}', "one polygon is needed, not 'GeometryCollection'"),
            ('{"type": "FeatureCollection"}', "features has to be a list"),
            ('{"type": "GeometryCollection", "geometries": [1]}', "geometry has to be an object"),
            ('{"type": "Point", "coordinates": [5, 58]}', "one polygon is needed, not 'Point'"),
        )
    ),
    ("projects show '1\x1b[2J'", "", r"'1\x1b[2J' is not a valid integer"),
    ("jobs show ''", "", "'' cannot be an id"),
    ("optimise rasters --project 1 --collection 4", "", "--all"),
    *(
        (command, "", "no terminal for a confirmation: pass --yes")
        for command in (
            "projects delete 1",
            "collections delete 3 --project 1",
            f"images delete 5 {HERE}",
            "attachments delete project 1 5",
            "arcgis delete feature 5",
            f"harvest delete 5 {HERE}",
            "analysis delete 5",
            "analysis tasks delete 5 6",
            f"optimise rasters 5 --delete {HERE}",
        )
    ),
    ("upload one/photo_000.jpg", "", "--project and --collection are needed"),
    ("upload one/photo_000.jpg --dry-run --no-server", "", "--no-server needs --type"),
    *(
        (f"upload {rest} {HERE}", "", message)
        for rest, message in (
            (".", "one/photo_000.jpg and two/photo_000.jpg. --name-from path, parent or counter"),
            ("one two --name-from folder", "--name-from"),
            ("one/photo_000.jpg --part-size much", "is no number of bytes"),
            ("one/photo_000.jpg --workers 0", "--workers"),
            ("one/photo_000.jpg --type raster", "the data collection is of the type 'image'"),
            ("one/photo_000.jpg --no-server", "--no-server needs --dry-run"),
            ("one/photo_000.jpg --no-resume --journal j.sqlite", "contradict"),
            ("one/photo_000.jpg --report r.txt", "has to end in .json or .csv"),
            ("one/photo_000.jpg --report /does/not/exist/r.csv", "no such folder"),
            ("one/photo_000.jpg does-not-exist.jpg", "no such file or folder"),
            ("one/photo_000.jpg no-*-match.jpg", "no file has such a name"),
            (f"one/photo_000.jpg --journal {__file__}", "cannot be used"),
            ("""one/photo_000.jpg --metadata '{"capture_date": "2024-05-14"}'""", "capture_date is not known"),
            ("""one/photo_000.jpg --metadata '{"fields": {"heading": 3}}'""", "heading is not known"),
            (
                """one/photo_000.jpg --metadata '{"fields": {"cam_heading": "north", "capture_date": "May"},
                "json_metadata": {"a": [1]}}'""",
                "--metadata: fields.cam_heading has to be a number; fields.capture_date has to be a time such as "
                "2024-05-14T10:00:00Z; json_metadata.a has to be true or false, text, a number or a whole number",
            ),
            ("""one/photo_000.jpg --metadata '{"fields": {"location": %s}}'""" % UTM, "reproject to EPSG:4326"),  # noqa: UP031
            ("""one/photo_000.jpg --metadata '{"fields": {"fields_type": "raster"}}'""", "fields_type is 'raster'"),
            ("one/photo_000.jpg --metadata {", "is no JSON"),
            ("one/photo_000.jpg --metadata missing.json", "cannot be read"),
        )
    ),
    *(
        (f"upload - {HERE}", f'{{"file": "first.jpg"}}\n{line}\n', message)
        for line, message in (
            ("{", "line 2 of stdin: is no JSON"),
            ('{"path": "a.jpg"}', 'an object with "file"'),
            ('{"file": "a.jpg", "metadata": {"fields": {"cam_pitch": NaN}}}', "NaN is no number of JSON"),
            ('{"file": "a.jpg", "meta": {}}', "meta is not known"),
            ('{"file": "a.jpg", "support_files": "b"}', "support_files is a list of paths"),
            ('{"file": "a.jpg", "metadata": {"fields": {"x": 1}}}', "x is not known"),
            ('{"file": "first.jpg"}', "given twice"),
        )
    ),
]


@pytest.mark.parametrize(("command", "text", "message"), WRONG)
def test_wrong_usage_is_reported_before_anything_is_sent(
    still: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, text: str, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("one", "two"):
        make_photos(tmp_path / name, 1)
    for name in ("FILE", "area.geojson"):
        (tmp_path / name).write_text(text)
    before = len(still.server.sandbox.received)
    done = still.run(*shlex.split(command), stdin=text)
    assert (done.exit_code, done.stdout) == (USAGE, "")
    assert message in " ".join(done.stderr.split())
    of_pydantic = ("Input should", "Field required", "Value error", "validation error", "pydantic", "Update", "Create")
    assert [each for each in of_pydantic if each in done.stderr] == []
    sent = list(still.server.sandbox.received)[before:]
    # An upload asks for the type of its data collection first.
    harmless = [each for each in sent if each.method == "GET" or each.path.endswith("/token")]
    assert sent == (harmless if command.startswith("upload") else [])


def test_a_proxy_that_cannot_be_used_is_one_sentence_where_it_would_be_used(still: World) -> None:
    proxies = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY"), "socks5://hush-hush@proxy.test")
    local = {**still.environment, **proxies}
    assert run("projects", "list", environment=local).exit_code == DONE
    elsewhere = {**local, "PIXEL_API_URL": "http://pixel.test/api/acme"}
    for command in (["projects", "list"], ["upload", __file__, *HERE.split()], ["config"]):
        done = run(*command, environment=elsewhere)
        assert (done.exit_code, done.stderr.count("HTTP_PROXY: a SOCKS proxy is not supported")) == (USAGE, 1)
        assert "hush-hush" not in done.output
        assert run("config", environment={**elsewhere, "NO_PROXY": ".test"}).exit_code == DONE


@pytest.mark.parametrize(
    ("command", "reason", "hint"),
    [
        ("projects create '' --area 'POLYGON((5 58, 6 58, 5 59, 5 58))'", "name: String should have at least 1", ""),
        ("projects show 999", "Project not found", "Check the ids; the `list` commands"),
        ("images delete 999 --yes --project 1 --collection 3", "not found", "Check the ids; the `list` commands"),
        ("jobs show 999", "Job not found", "Check the id: the command that started the job printed it."),
        ("me", "Not Found", "Check PIXEL_API_URL and PIXEL_TENANT; `pixel config` shows them."),
        ("projects list", "Not Found", "Check PIXEL_API_URL and PIXEL_TENANT; `pixel config` shows them."),
    ],
)
def test_a_refusal_has_the_servers_reason_and_a_hint_that_fits_the_command(
    still: World, command: str, reason: str, hint: str
) -> None:
    url = still.environment["PIXEL_API_URL"]
    wrong = {"PIXEL_API_URL": f"{url}x"} if reason == "Not Found" else {}
    done = run(*shlex.split(command), environment={**still.environment, **wrong})
    (line,) = done.stderr.splitlines()
    assert (done.exit_code, done.stdout) == (FAILED, "")
    assert f"): {reason}" in line or reason in line.partition("): ")[2]
    assert line.endswith(hint) if hint.endswith(".") else (hint in line if hint else "Check" not in line)
    assert "again" not in line


def test_a_full_disk_is_one_message() -> None:
    for command in (["projects", "--help"], ["completion", "bash"]):
        with Path("/dev/full").open("w") as full:
            done = subprocess.run([*COMMAND, *command], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
        assert (done.returncode, done.stderr) == (FAILED, "pixel: [Errno 28] No space left on device.\n")


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_closed_streams_lose_the_output_and_nothing_else(still: World, closed: str) -> None:
    command = f"exec {shlex.join(COMMAND)} projects list {closed}"
    done = subprocess.run(
        ["sh", "-c", command], env=clean_environment(still.environment), capture_output=True, text=True
    )
    assert done.returncode == DONE
    assert ("Jæren" in done.stdout, done.stderr) == (closed == "2>&-", "")


AT = ("PUT", "https://pixel.test/a")
REFUSED = errors.PixelStorageError("x", code="AccessDenied", expired=False, status_code=403, method=AT[0], url=AT[1])
EXPIRED = errors.PixelStorageError("x", code="AccessDenied", expired=True, status_code=403, method=AT[0], url=AT[1])


@pytest.mark.parametrize(
    ("cause", "again"),
    [
        (None, True),
        (errors.PixelConnectionError("x"), True),
        (errors.PixelValidationError({}, 422, *AT), False),
        (errors.PixelPermissionError({}, 403, *AT), False),
        (errors.PixelRateLimitError({}, 429, *AT), True),
        (errors.PixelServerError("x", status_code=503, response_json=None, request_id=None, method="", url=""), True),
        (errors.PixelLoginError("x", status_code=401), False),
        (errors.PixelLoginError("x", status_code=503), True),
        (REFUSED, False),
        (EXPIRED, True),
    ],
)
def test_the_same_command_again_is_advised_only_where_it_can_help(cause: Exception | None, again: bool) -> None:
    result = FileResult.from_problem(Candidate(Path("a.jpg")), Problem("not_uploaded", "x"), 5, cause=cause)
    assert ("again" in (result.advice or "")) is again


def test_the_answer_no_deletes_nothing_and_exits_with_3(still: World) -> None:
    done = still.at_terminal("projects", "delete", still.project, answer="n\n")
    assert done.returncode == NOTHING
    assert "Delete project 1 (Jæren)?" in done.stderr
    assert "Nothing was deleted." in done.stderr
    assert len(json.loads(still.run("projects", "list", "--json").stdout)) == 2


def test_ids_that_were_deleted_before_an_error_are_printed(world: World) -> None:
    done = world.run("images", "delete", world.image, 999, "--yes", *world.options("images"))
    assert done.exit_code == FAILED
    assert f"Deleted before this: {world.image}." in done.stderr


def test_verbose_logs_requests_without_the_token(still: World) -> None:
    done = still.run("projects", "show", still.project, "-v")
    assert "/projects/1" in done.stderr
    assert "eyJ" not in done.stderr
    assert still.run("projects", "show", still.project).stderr == ""


def _commands(command: click.Command, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], click.Command]]:
    commands = [(path, command)]
    if isinstance(command, click.Group):
        for name, inner in command.commands.items():
            commands += _commands(inner, (*path, name))
    return commands


@pytest.mark.parametrize(
    ("path", "command"), [pytest.param(*each, id=" ".join(("pixel", *each[0]))) for each in _commands(cli)]
)
def test_every_command_and_option_has_a_help_text_that_is_a_sentence(
    path: tuple[str, ...], command: click.Command
) -> None:
    assert command.help
    for option in command.params:
        if isinstance(option, click.Option):
            assert option.help, option.name
            assert option.help.rstrip().endswith((".", ")", "]")), option.help
    assert run(*path, "--help").exit_code == DONE


def test_help_documents_exit_codes_and_output() -> None:
    of_all = ("demo", "sandbox", "me", "upload", "journal", "Exit codes", "130")
    of_upload = ("Exit codes", "130", "tabs", "status", "skipped", "support_files", "--dry-run")
    assert [text for text in of_all if text not in run("--help").stdout] == []
    assert [text for text in of_upload if text not in run("upload", "--help").stdout] == []


def test_help_loads_neither_the_clients_nor_rich() -> None:
    code = (
        "import sys, pixel_transports.cli;"
        "slow = ('pixel_transports.client.blocking', 'rich', 'PIL', 'sqlite3', 'ssl', 'pixel_core.models.files');"
        "print([each for each in slow if each in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_help_at_a_terminal_needs_no_settings() -> None:
    assert at_terminal("projects", "--help").returncode == DONE
