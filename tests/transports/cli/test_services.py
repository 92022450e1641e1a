"""Services of ArcGIS, harvesting and analysis are made from JSON files, and no login is shown."""

import json
from pathlib import Path
from typing import Any

import pytest

from pixel_transports.cli.exits import DONE, FAILED, USAGE
from tests.transports.cli.support import World
from tests.transports.cli.test_changes import told


def written(folder: Path, value: Any) -> Path:
    """A file that holds the value as JSON."""
    path = folder / "input.json"
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    return path


def test_an_arcgis_service_is_made_started_stopped_changed_and_deleted(world: World, tmp_path: Path) -> None:
    options: dict[str, Any] = {"feature_service_options": {"image_layer": {}}}
    body = {"name": "Flights", "description": "", "data_collection_ids": [world.images], "options": options}
    made = told(world, "arcgis", "create", "feature", written(tmp_path, body))
    one = ("Feature", made["id"])
    assert told(world, "arcgis", "start", *one)["job"]["completed"] is True
    assert told(world, "arcgis", "refresh", *one, "--data", "--no-wait")["arcgis_service"]["id"] == made["id"]
    told(world, "arcgis", "stop", *one)
    assert told(world, "arcgis", "update", *one, written(tmp_path, {"name": "May"}))["name"] == "May"
    assert [each["name"] for each in told(world, "arcgis", "list", "feature")] == ["May"]
    assert told(world, "arcgis", "show", *one)["id"] == made["id"]
    assert world.run("arcgis", "delete", *one, "--yes").exit_code == DONE


def test_a_harvest_service_is_made_run_and_deleted_and_its_login_is_not_shown(world: World, tmp_path: Path) -> None:
    auth = {"credentials": {"username": "kari", "password": "hush-hush"}}
    body = {"name": "Old photos", "description": "", "url": "https://gis.invalid/1", "auth": auth}
    of = world.of("images")
    done = world.run("harvest", "create", "-", *of, "--json", "-v", stdin=json.dumps(body))
    assert done.exit_code == DONE, done.output
    assert "hush-hush" not in done.output
    service = json.loads(done.stdout)["id"]
    told(world, "harvest", "update", service, written(tmp_path, {"where_clause": "1=0"}), *of)
    told(world, "harvest", "start", service, *of)
    assert len(told(world, "harvest", "tasks", service, *of)) == 1
    told(world, "harvest", "stop", service, *of)
    assert told(world, "harvest", "show", service, *of)["where_clause"] == "1=0"
    assert [each["id"] for each in told(world, "harvest", "list", *of)] == [service]
    assert world.run("harvest", "delete", service, *of, "--yes").exit_code == DONE


def test_an_analysis_service_and_its_tasks_are_made_run_stopped_and_deleted(world: World, tmp_path: Path) -> None:
    body = {"name": "Trees", "module_name": "count_objects", "config": {"api_key": "hush-hush"}}
    made = told(world, "analysis", "create", written(tmp_path, body))
    assert made["config"] == {"api_key": "***"}
    service = made["id"]
    assert told(world, "analysis", "update", service, written(tmp_path, {"enabled": False}))["enabled"] is False
    assert [each["id"] for each in told(world, "analysis", "list", "--disabled")] == [service]
    told(world, "analysis", "update", service, written(tmp_path, {"enabled": True}))
    assert told(world, "analysis", "show", service)["name"] == "Trees"
    task = told(world, "analysis", "tasks", "create", service, written(tmp_path, {"name": "May", "params": {}}))["id"]
    told(world, "analysis", "tasks", "run", service, task)
    assert told(world, "analysis", "tasks", "show", service, task)["name"] == "May"
    assert [each["id"] for each in told(world, "analysis", "tasks", "list", service)] == [task]
    other = told(world, "analysis", "tasks", "create", service, written(tmp_path, {"params": {}}))["id"]
    assert told(world, "analysis", "tasks", "revoke", service, other)["status"] == "REVOKED"
    assert world.run("analysis", "tasks", "delete", service, task, other, "--yes").exit_code == DONE
    assert world.run("analysis", "delete", service, "--yes").exit_code == DONE
    assert world.run("analysis", "show", service).exit_code == FAILED


@pytest.mark.parametrize(
    ("text", "words"),
    [("{", "no JSON"), ("[]", "a JSON object is needed"), ("{}", "name: Field required")],
)
@pytest.mark.parametrize(
    "command",
    [("analysis", "create"), ("arcgis", "create", "image"), ("harvest", "create", "--project", 1, "--collection", 3)],
)
def test_a_file_that_does_not_fit_is_told_before_anything_is_sent(
    still: World, tmp_path: Path, command: tuple[object, ...], text: str, words: str
) -> None:
    before = len(still.server.sandbox.received)
    done = still.run(*command, written(tmp_path, text))
    assert done.exit_code == USAGE
    assert words in done.output
    assert len(still.server.sandbox.received) == before


def test_a_service_without_the_options_of_its_type_is_wrong_usage(still: World, tmp_path: Path) -> None:
    body = {"name": "x", "description": "", "data_collection_ids": [1], "options": {}}
    done = still.run("arcgis", "create", "Image", written(tmp_path, body))
    assert done.exit_code == USAGE
    assert "image_service_options" in done.output
