"""`pixel arcgis`, `harvest` and `analysis` read services from JSON files, and show no credentials."""

import json
from pathlib import Path
from typing import Any

import pytest

from pixel_transports.cli.errors import DONE, FAILED
from tests.transports.cli.support import World


def json_file(folder: Path, value: Any) -> Path:
    """Write a value to a JSON file."""
    path = folder / "input.json"
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    return path


@pytest.mark.parametrize(
    ("command", "options", "count"),
    [
        ("arcgis create", ("Feature", "-"), 2),
        ("harvest create", ("-", "--project", "PROJECT", "--collection", "IMAGES"), 1),
        ("analysis create", ("-",), 1),
        ("analysis tasks create", ("SERVICE", "-"), 1),
    ],
)
def test_the_examples_in_a_help_text_work(
    world: World, tmp_path: Path, command: str, options: tuple[str, ...], count: int
) -> None:
    body = {"name": "Trees", "module_name": "count_objects", "config": {}}
    service = world.json("analysis", "create", json_file(tmp_path, body))["id"]
    here = {"PROJECT": world.project, "IMAGES": world.images, "SERVICE": service}
    examples = world.run(*command.split(), "--help").stdout.split("Example")[1:]
    for example in examples:
        kind, _, text = example.partition(":\n")
        body, _ = json.JSONDecoder().raw_decode(text.strip().replace("[12]", f"[{world.images}]"))
        values = [here.get(each, each) if each != "Feature" else kind.removeprefix(" for ") for each in options]
        if kind == " for Image":
            body["data_collection_ids"] = [world.rasters]
        assert world.json(*command.split(), *values, stdin=json.dumps(body))["name"] == body["name"]
    assert len(examples) == count


def test_an_arcgis_service_is_created_started_stopped_changed_and_deleted(world: World, tmp_path: Path) -> None:
    options: dict[str, Any] = {"feature_service_options": {"image_layer": {}}}
    body = {"name": "Flights", "description": "", "data_collection_ids": [world.images], "options": options}
    made = world.json("arcgis", "create", "feature", json_file(tmp_path, body))
    one = ("Feature", made["id"])
    assert world.json("arcgis", "start", *one)["job"]["completed"] is True
    assert world.json("arcgis", "refresh", *one, "--data", "--no-wait")["arcgis_service"]["id"] == made["id"]
    world.json("arcgis", "stop", *one)
    assert world.json("arcgis", "update", *one, json_file(tmp_path, {"name": "May"}))["name"] == "May"
    assert world.ids("arcgis", "list", "feature") == [made["id"]]
    assert world.json("arcgis", "show", *one)["id"] == made["id"]
    assert world.run("arcgis", "delete", *one, "--yes").exit_code == DONE


def test_a_harvest_service_is_created_run_and_deleted_without_showing_credentials(world: World, tmp_path: Path) -> None:
    auth = {"credentials": {"username": "kari", "password": "hush-hush"}}
    body = {"name": "Old photos", "description": "", "url": "https://gis.invalid/1", "auth": auth}
    of = world.options("images")
    done = world.run("harvest", "create", "-", *of, "--json", "-v", stdin=json.dumps(body))
    assert done.exit_code == DONE, done.output
    assert "hush-hush" not in done.output
    service = json.loads(done.stdout)["id"]
    world.json("harvest", "update", service, json_file(tmp_path, {"where_clause": "1=0"}), *of)
    world.json("harvest", "start", service, *of)
    assert len(world.json("harvest", "tasks", service, *of)) == 1
    world.json("harvest", "stop", service, *of)
    assert world.json("harvest", "show", service, *of)["where_clause"] == "1=0"
    assert world.ids("harvest", "list", *of) == [service]
    assert world.run("harvest", "delete", service, *of, "--yes").exit_code == DONE


def test_an_analysis_service_and_its_tasks_are_created_run_stopped_and_deleted(world: World, tmp_path: Path) -> None:
    body = {"name": "Trees", "module_name": "count_objects", "config": {"api_key": "hush-hush"}}
    made = world.json("analysis", "create", json_file(tmp_path, body))
    assert made["config"] == {"api_key": "***"}
    service = made["id"]
    assert world.json("analysis", "update", service, json_file(tmp_path, {"enabled": False}))["enabled"] is False
    assert world.ids("analysis", "list", "--disabled") == [service]
    world.json("analysis", "update", service, json_file(tmp_path, {"enabled": True}))
    assert world.json("analysis", "show", service)["name"] == "Trees"
    task = world.json("analysis", "tasks", "create", service, json_file(tmp_path, {"name": "May", "params": {}}))["id"]
    world.json("analysis", "tasks", "run", service, task)
    assert world.json("analysis", "tasks", "show", service, task)["name"] == "May"
    assert world.ids("analysis", "tasks", "list", service) == [task]
    other = world.json("analysis", "tasks", "create", service, json_file(tmp_path, {"params": {}}))["id"]
    assert world.json("analysis", "tasks", "revoke", service, other)["status"] == "REVOKED"
    assert world.run("analysis", "tasks", "delete", service, task, other, "--yes").exit_code == DONE
    assert world.run("analysis", "delete", service, "--yes").exit_code == DONE
    assert world.run("analysis", "show", service).exit_code == FAILED
