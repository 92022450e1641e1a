"""The command `upload`.

Rules kept here:

* What can be told beforehand is told before anything is sent: options that do not fit, paths that lead nowhere, equal
  names, the wrong type of data collection, a report that cannot be written.
* stdout gets data alone, also after an interrupt; progress and messages go to stderr.
* A file that cannot be sent does not keep the others from it.
"""

import re
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pixel_core.errors import PixelError, PixelUploadJobError
from pixel_core.events import FileFinished, FileHashed, FileSent
from pixel_transports.cli import exits
from pixel_transports.cli.common import env_file_option, messages
from pixel_transports.cli.exits import clear_errors, fail, tell

if TYPE_CHECKING:
    from pixel_transports.cli.finding import Candidate
    from pixel_transports.cli.kinds import Kind
    from pixel_transports.cli.outcomes import Outcome
    from pixel_transports.client.blocking import PixelClient
    from pixel_transports.client.config import PixelClientKwargs
    from pixel_transports.client.settings import PixelApiSettings
    from pixel_transports.display.progress import ProgressListener

OK = "validated_and_moved"

_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "ki": 2**10, "mi": 2**20, "gi": 2**30}

_DETAILS = """\b
Exit codes:
  0    every file is uploaded (with --dry-run: nothing is wrong with any)
  1    some or all files failed (with --dry-run: something is wrong with some)
  2    wrong usage, or settings that are missing or wrong; nothing was sent
  3    nothing to do: there are no files, or all of them were uploaded before
  4    the login was refused
  5    no connection, or no answer in time
  130  interrupted; the same command goes on from there

\b
On stdout there is a line a file: name, id and status, with tabs between. With
--json it is a JSON object:
  file    the path as it was given
  name    the name in Pixel
  id      of the image, raster or point cloud; null without one
  status  uploaded, skipped (an earlier run uploaded it), failed, interrupted
  reason, detail, advice   why not, as a code and in words, and what to do
  size    in bytes
With --dry-run: file, name, size, md5, position ([longitude, latitude, height]),
captured, status (ok, problem), problems (a list of code, detail, advice).

\b
JSON lines for `-`, one for each file; all but "file" can be left out:
  {"file": "a.tif", "support_files": ["a.tfw"], "metadata": {"fields": {...}}}
"""


def _bytes(context: click.Context, option: click.Parameter, value: str | None) -> int | None:
    """A number of bytes: 8388608, 8MiB or 8MB. Raises click.BadParameter."""
    if value is None:
        return None
    found = re.fullmatch(r"([0-9]+) ?(|k|m|g|ki|mi|gi)b?", value.strip().lower())
    if found is None or not int(found[1]):
        raise click.BadParameter(f"{value!r} is no number of bytes, such as 8388608, 8MiB or 8MB")
    return int(found[1]) * _UNITS[found[2]]


@dataclass(frozen=True, slots=True)
class Wishes:
    """The options of the command, as they were given."""

    paths: tuple[str, ...]
    project: int | None
    collection: int | None
    kind: str | None
    metadata: str | None
    support_files: bool
    exif: bool
    workers: int | None
    part_size: int | None
    dry_run: bool
    server: bool
    as_json: bool
    resume: bool
    journal: Path | None
    report: Path | None
    env_file: str | None
    verbose: bool


@click.command(epilog=_DETAILS)
@click.argument("paths", nargs=-1, required=True)
@click.option("--project", type=int, help="The id of the project.")
@click.option("--collection", type=int, help="The id of the data collection.")
@click.option(
    "--type",
    "kind",
    type=click.Choice(["image", "raster", "point-cloud"]),
    help="What the files are; by default what the data collection takes.",
)
@click.option("--metadata", metavar="JSON|FILE", help="Metadata of all files: fields and json_metadata.")
@click.option("--support-files", is_flag=True, help="Take along what lies beside a picture: world files, .prj, ...")
@click.option("--exif/--no-exif", default=True, help="Send what the camera wrote into images. Default: yes.")
@click.option("--workers", type=click.IntRange(1, 200), help="Requests to the storage at a time.  [default: 10]")
@click.option(
    "--part-size", metavar="SIZE", callback=_bytes, help="Send all files in parts of this size, such as 16MiB."
)
@click.option("--dry-run", is_flag=True, help="Read and check all files, and send nothing.")
@click.option("--server/--no-server", default=True, help="Whether a dry run may ask for project and collection.")
@click.option("--json", "as_json", is_flag=True, help="A JSON object a line on stdout.")
@click.option("--resume/--no-resume", default=True, help="Go on where an earlier run ended. Default: yes.")
@click.option("--journal", type=click.Path(dir_okay=False, path_type=Path), help="Another journal than one's own.")
@click.option(
    "--report", type=click.Path(dir_okay=False, path_type=Path), help="Write a report: FILE.json or FILE.csv."
)
@env_file_option
@click.option("-v", "--verbose", is_flag=True, help="Tell of each file and each failed call.")
def upload(**options: Any) -> None:
    """Upload files to a data collection.

    PATHS are files, folders (searched for the files of the type, hidden ones left out), globs in quotation marks, or
    `-` for JSON lines from stdin.

    What was uploaded is written down in a journal: the same command, run again, sends only what is missing. A dry run
    checks photos for their position, and all files for equal names and contents and for being whole.
    """
    wishes = Wishes(**options)
    _fitting(wishes)
    with messages(wishes.verbose), clear_errors():
        sys.exit(_dry_run(wishes) if wishes.dry_run else _upload(wishes))


def _fitting(wishes: Wishes) -> None:
    """Whether the options fit together. Raises click.UsageError."""
    if wishes.server and (wishes.project is None or wishes.collection is None):
        raise click.UsageError("--project and --collection are needed (but not for --dry-run --no-server)")
    if not wishes.server:
        if not wishes.dry_run:
            raise click.UsageError("--no-server goes with --dry-run alone")
        if wishes.kind is None:
            raise click.UsageError("--no-server needs --type: nobody is asked for that of the data collection")
    if wishes.journal is not None and not wishes.resume:
        raise click.UsageError("--journal and --no-resume contradict each other: without resuming there is no journal")
    if wishes.report is not None:
        if wishes.report.suffix.lower() not in (".json", ".csv"):
            raise click.UsageError(f"--report {wishes.report}: the name has to end in .json or .csv")
        if not wishes.report.parent.is_dir():
            raise click.UsageError(f"--report {wishes.report}: there is no such folder")


# Both


def _settings(wishes: Wishes) -> "PixelApiSettings":
    from pixel_transports.client.settings import PixelApiSettings

    return PixelApiSettings(_env_file=wishes.env_file)


def _kind(client: "PixelClient", wishes: Wishes) -> "Kind":
    """What the data collection takes. Raises click.UsageError when that is not what is wanted."""
    from pixel_transports.cli.kinds import KINDS, kind_of

    collection = client.get_data_collection(_id(wishes.project), _id(wishes.collection))
    found = collection.get("data_collection_type")
    kind = kind_of(found) if wishes.kind is None else KINDS[wishes.kind]
    if kind is None:
        raise click.UsageError(f"the data collection is of the type {found!r}, which is not known: say --type")
    if found not in kind.collection_types:
        raise click.UsageError(f"--type {kind.name}: the data collection is of the type {found!r}")
    return kind


def _id(number: int | None) -> int:
    if number is None:  # pragma: no cover - `_fitting` sees to it
        raise click.UsageError("--project and --collection are needed")
    return number


def _found(wishes: Wishes, kind: "Kind") -> tuple[list["Candidate"], dict[str, Any]]:
    """The files, and the metadata of all of them. Raises click.UsageError; ends when there are none."""
    from pixel_transports.cli.finding import STDIN, find
    from pixel_transports.cli.metadata import read_option

    if wishes.support_files and kind.name == "point-cloud":
        raise click.UsageError("--support-files: point clouds have no support files")
    common = read_option(wishes.metadata, kind)
    stdin = sys.stdin if STDIN in wishes.paths else ()
    candidates = find(wishes.paths, kind, wishes.support_files, stdin)
    if not candidates:
        wanted = ", ".join(sorted(kind.extensions))
        fail(f"There is nothing to do: no files were found (in folders, they are known by {wanted}).", exits.NOTHING)
    return candidates, common


def _reported(wishes: Wishes, kind: "Kind", rows: Sequence[dict[str, Any]], **more: Any) -> bool:
    """Write the report; whether that worked."""
    from pixel_transports.cli.outcomes import write_report

    if wishes.report is None:
        return True
    about = {"project": wishes.project, "collection": wishes.collection, "type": kind.name, **more}
    try:
        write_report(wishes.report, about, rows)
    except OSError as error:
        tell(f"The report {wishes.report} cannot be written: {error.strerror}")
        return False
    return True


# The dry run


def _dry_run(wishes: Wishes) -> int:
    try:
        from pixel_transports.cli import checking
    except ModuleNotFoundError as error:
        fail(f"A dry run needs {error.name}: pip install 'pixel-client-sansio[cli]'", exits.USAGE)
    from pixel_transports.cli.kinds import KINDS
    from pixel_transports.client.factory import get_client
    from pixel_transports.sandbox.geometry import from_geojson

    area = None
    if wishes.server:
        with get_client(settings=_settings(wishes)) as client:
            kind = _kind(client, wishes)
            area = from_geojson(client.get_project(_id(wishes.project)).get("area_of_interest"))
    else:
        kind = KINDS[wishes.kind or ""]
    candidates, common = _found(wishes, kind)
    try:
        files = checking.Checker(kind, common, area).check(candidates)
    except KeyboardInterrupt:
        fail("Interrupted. Nothing was sent.", exits.INTERRUPTED)
    checking.show(files, wishes.as_json)
    tell(checking.summary(files))
    for line in checking.advice(files):
        tell(line)
    code = exits.FAILED if any(each.problems for each in files) else exits.DONE
    if wishes.report is not None and not _reported(wishes, kind, [each.as_json() for each in files], dry_run=True):
        return exits.FAILED
    return code


# The upload


class _Listener:
    """What the events of an upload are good for here: progress, and which files are at their end."""

    def __init__(self, watcher: "ProgressListener", verbose: bool) -> None:
        self._watcher = watcher
        self._verbose = verbose
        self.finished: dict[str, str] = {}

    def __call__(self, event: object) -> None:
        if isinstance(event, FileFinished):
            self.finished[event.path] = event.status
        if self._verbose and isinstance(event, (FileHashed, FileSent, FileFinished)):
            told = {FileHashed: "read", FileSent: "sent"}.get(type(event)) or getattr(event, "status", "")
            tell(f"{event.path}: {told}")
        self._watcher(event)


def _upload(wishes: Wishes) -> int:
    from pixel_transports.client.factory import get_client
    from pixel_transports.display.progress import LogLines, progress_listener

    # A bar and many lines get into each other's way.
    with LogLines(sys.stderr) if wishes.verbose else progress_listener(sys.stderr) as watcher:
        listener = _Listener(watcher, wishes.verbose)
        keywords: PixelClientKwargs = {"listener": listener, "skip_uploaded": wishes.resume}
        if not wishes.resume:
            keywords["journal"] = None
        elif wishes.journal is not None:
            keywords["journal"] = wishes.journal
        if wishes.workers is not None:
            keywords["upload_max_concurrency"] = wishes.workers
        with get_client(settings=_settings(wishes), **keywords) as client:
            kind = _kind(client, wishes)
            candidates, common = _found(wishes, kind)
            _names_differ(candidates)
            run = _Run(wishes, kind, candidates, listener)
            try:
                run.send(client, common)
            except KeyboardInterrupt:
                run.interrupted = True
            except PixelError as error:
                run.stopped = error
    return run.end()


def _names_differ(candidates: Sequence["Candidate"]) -> None:
    first: dict[str, Path] = {}
    equal = [
        f"{first[each.path.name]} and {each.path}"
        for each in candidates
        if first.setdefault(each.path.name, each.path) is not each.path
    ]
    if equal:
        more = f", and {len(equal) - 5} more" if len(equal) > 5 else ""
        raise click.UsageError(
            f"equal names: {', '.join(equal[:5])}{more}. In one upload all names have to differ: rename some, or "
            "upload them in several calls. --dry-run tells of all"
        )


class _Run:
    """One upload: what was given, and what became of it."""

    def __init__(self, wishes: Wishes, kind: "Kind", candidates: Sequence["Candidate"], listener: _Listener) -> None:
        self._wishes = wishes
        self._kind = kind
        self._candidates = candidates
        self._finished = listener.finished
        self._resources: dict[str, Any] = {}
        self._errors: dict[str, PixelUploadJobError] = {}
        self._unfit: dict[str, Any] = {}
        self.interrupted = False
        self.stopped: PixelError | None = None

    def send(self, client: "PixelClient", common: dict[str, Any]) -> None:
        """Send what can be sent. Raises PixelError, KeyboardInterrupt, click.UsageError."""
        from pixel_core.models import PixelUploadFile
        from pixel_transports.cli.metadata import merged
        from pixel_transports.cli.problems import seen_at

        camera = _camera(self._wishes, self._kind)
        files = []
        for each in self._candidates:
            problem = seen_at(each)
            if problem is not None:
                self._unfit[str(each.path)] = problem
                continue
            metadata = merged(camera(each.path), common, each.metadata)
            files.append(PixelUploadFile(file=each.path, support_files=list(each.support_files), metadata=metadata))
        if not files:
            return
        size = self._wishes.part_size
        send = partial(getattr(client, self._kind.method), _id(self._wishes.project), _id(self._wishes.collection))
        try:
            resources, errors = send(files) if size is None else send(files, multipart=True, multipart_part_size=size)
        except ValueError as error:
            raise click.UsageError(str(error)) from error
        except OSError as error:
            if isinstance(error, PixelError):
                raise
            # Without a number it is no file's, but that of the journal.
            fail(f"Nothing was sent: {error}", exits.USAGE if error.errno is None else exits.FAILED)
        self._errors = {str(error.file): error for error in errors}
        sent = [str(each.file) for each in files if str(each.file) not in self._errors]
        self._resources = dict(zip(sent, resources, strict=True))

    def end(self) -> int:
        """Tell what became of it, and give the exit code. Raises what stopped it."""
        from pixel_transports.cli import outcomes

        found = [self._outcome(each) for each in self._candidates]
        counts = outcomes.count(found)
        outcomes.show(found, self._wishes.as_json)
        for each in found:
            if each.status == outcomes.FAILED and each.reason != "stopped":
                tell(each.message(self._wishes.verbose))
        code = self._code(counts)
        rows = [asdict(each) for each in found]
        if self._wishes.report is not None and not _reported(
            self._wishes, self._kind, rows, interrupted=self.interrupted, counts=counts
        ):
            code = code or exits.FAILED
        if self.stopped is not None:
            raise self.stopped
        tell(self._summary(counts))
        return code

    def _code(self, counts: dict[str, int]) -> int:
        if self.interrupted:
            return exits.INTERRUPTED
        if counts["failed"]:
            return exits.FAILED
        return exits.DONE if counts["uploaded"] else exits.NOTHING

    def _summary(self, counts: dict[str, int]) -> str:
        told = ", ".join(f"{number:,} {status}" for status, number in counts.items() if number)
        total = f"Of {len(self._candidates):,} files: {told}."
        if not self.interrupted:
            return total
        if self._wishes.resume:
            return f"Interrupted. {total} Run the same command again: it goes on from here."
        return f"Interrupted. {total} With --no-resume nothing was written down: another run begins anew."

    def _outcome(self, candidate: "Candidate") -> "Outcome":
        from pixel_transports.cli import outcomes
        from pixel_transports.cli.outcomes import Outcome
        from pixel_transports.cli.problems import Problem, size_of

        path, size = candidate.path, size_of(candidate)
        key = str(path)
        if key in self._unfit:
            return Outcome.of_problem(path, self._unfit[key], size)
        if key in self._resources:
            # Of those that an earlier run brought to their end, no event tells.
            status = outcomes.UPLOADED if key in self._finished else outcomes.SKIPPED
            return Outcome(key, path.name, self._resources[key]["id"], status, size=size)
        if key in self._errors:
            error = self._errors[key]
            return Outcome.of_problem(path, Problem(error.status, str(error.detail)), size)
        if self.stopped is not None:
            return Outcome.of_problem(path, Problem("stopped", exits.in_short(self.stopped)), size)
        # Interrupted: what events told is all that is known.
        if self._finished.get(key) == OK:
            return Outcome(key, path.name, None, outcomes.UPLOADED, size=size)
        if key in self._finished:
            return Outcome.of_problem(path, Problem(self._finished[key], "the next run will tell why"), size)
        problem = Problem("interrupted", "the upload was interrupted before its end")
        return Outcome.of_problem(path, problem, size, outcomes.INTERRUPTED)


def _camera(wishes: Wishes, kind: "Kind") -> Any:
    """What gives the metadata that a camera wrote, or nothing where it is not wanted or cannot be read."""
    if kind.name != "image" or not wishes.exif:
        return lambda path: None
    try:
        from pixel_transports.cli.photos import read_metadata
    except ModuleNotFoundError:
        tell("Pillow is not installed: what cameras wrote into the photos is not sent.")
        return lambda path: None

    def read(path: Path) -> dict[str, Any] | None:
        found = read_metadata(path)
        return found.body() if found else None

    return read
