"""The known differences between the reference and this library, each with its reason.

`source` is † and the number in section 7 of the description of the API, or § and the section that leaves the place
open, or "decision" for what this library decides where the description is silent.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

from tests.system.conformance.compare import Difference

_UPLOAD = ("upload_image", "upload_raster", "upload_point_cloud")
_SEVERAL = ("upload_multiple_images", "upload_multiple_rasters", "upload_multiple_point_clouds")
_OPTIMIZE = ("optimize_rasters", "optimize_point_clouds")
_RUN = ("run_optimize_rasters", "run_optimize_point_clouds")
_GROUPS = {
    "<upload>": _UPLOAD,
    "<upload several>": _SEVERAL,
    "<with a group>": (*_SEVERAL, *_OPTIMIZE, *_RUN),
    "<optimize>": _OPTIMIZE,
    "<create optimized>": ("create_optimized_rasters", "create_optimized_point_clouds", *_RUN, *_OPTIMIZE),
    "<list>": ("get_images", "get_rasters", "get_point_clouds"),
    "<update>": ("update_image", "update_raster", "update_point_cloud"),
    "<paginate>": ("paginate_images", "paginate_rasters", "paginate_point_clouds"),
}
"""Methods that differ in the same way."""


@dataclass(frozen=True)
class Known:
    """A difference that is there on purpose: in these cases, at these places (globs, separated by "; ")."""

    source: str
    cases: str
    places: str
    reason: str
    mode: str | None = None

    @property
    def globs(self) -> Iterator[str]:
        """The globs of cases, each of which has to differ."""
        for each in self.cases.split("; "):
            group, slash, label = each.partition("/")
            yield from (method + slash + label for method in _GROUPS.get(group, (group,)))

    def covers(self, case: str, mode: str, difference: Difference) -> str | None:
        """The glob of cases by which a difference of this case is this one, or None."""
        if self.mode in (None, mode) and any(fnmatchcase(difference.place, each) for each in self.places.split("; ")):
            return next((each for each in self.globs if fnmatchcase(case, each)), None)
        return None


_RESULT = "outcome.result; outcome.result.*"

KNOWN: tuple[Known, ...] = (
    Known(
        "decision",
        "*/unknown keyword",
        "missing; outcome",
        "a keyword that a model does not know is a TypeError; the reference drops it",
    ),
    Known("decision", "me/a redirect", "extra; outcome", "safe redirects to the same origin are followed"),
    Known(
        "† 1",
        "<with a group>/the group at the first look; wait_for_group_job/at the first look",
        "extra; outcome",
        "the reference crashes when a group of jobs is completed at the first look",
    ),
    Known(
        "† 3",
        "wait_for_job/at the last look that is allowed; wait_for_group_job/at the last look that is allowed",
        "outcome",
        "the reference times out although the last look found the job completed",
    ),
    Known(
        "† 4",
        "<upload>/still validating",
        "extra; outcome",
        "the reference fails an upload that is still being validated when its job is completed",
    ),
    Known(
        "† 5",
        "<upload several>/multipart without part size",
        "missing; outcome.error",
        "the reference creates upload jobs and then fails by assertion; here it is a ValueError, with nothing sent",
    ),
    Known("† 6", "<upload>/storage away once", "extra; outcome", "the reference does not repeat a 5xx of the storage"),
    Known(
        "† 7", "<upload>/no upload jobs", "outcome.error", "without an upload job it is an IndexError in the reference"
    ),
    Known(
        "† 8",
        "update_oidc_user/enabled not given; update_oidc_user/nothing given",
        "json.enabled",
        "the reference enables a user whenever `enabled` is not given",
    ),
    Known(
        "† 10",
        "<create optimized>/ids empty; <optimize>/nothing was created",
        f"missing; outcome; {_RESULT}",
        "an empty list of ids means everything to the reference; here it means nothing",
    ),
    Known(
        "† 9",
        "*/ids empty; */keyword ids empty",
        f"missing; {_RESULT}",
        "an empty list of ids asks for nothing; the reference sends an empty value, which asks for everything",
    ),
    Known("† 9", "*/tags empty", "query.tags", "no tags are no condition; the reference sends an empty value"),
    Known(
        "† 9",
        "get_*/keyword in a list; paginate_*/keyword in a list; */keyword tags in a list",
        f"query.ids; query.tags; {_RESULT}",
        "a list given as a keyword goes out with commas; the reference repeats the name",
    ),
    Known(
        "† 9",
        "<list>/keyword None; paginate_*/keyword None; get_project/extended None",
        "query.name; query.extended",
        "None is left out; the reference sends an empty value",
    ),
    Known("† 11", "create_analysis_task/keywords", "extra; outcome", "its keywords cannot work in the reference"),
    Known(
        "† 11",
        "get_harvest_service_tasks/no params; get_harvest_service_tasks/keywords alone",
        "extra; outcome",
        "the reference demands `params` of get_harvest_service_tasks",
    ),
    Known(
        "† 11",
        "get_harvest_service_tasks/keywords of harvest",
        "query.status; query.get_new",
        "the reference drops the keywords `status` and `get_new` of get_harvest_service_tasks",
    ),
    Known(
        "† 12",
        "upload_raster/metadata in place; upload_raster/support files in place",
        "missing; extra; outcome; outcome.error",
        "metadata and support files of upload_raster stand in different orders in the reference's two modes",
    ),
    Known(
        "† 12",
        "get_optimized_rasters/*",
        "extra; outcome; outcome.error",
        "the reference's blocking mode demands `params` of get_optimized_rasters",
        mode="sync",
    ),
    Known(
        "† 12",
        "create_analysis_service/*",
        "extra; outcome; outcome.error",
        "the reference's blocking mode takes no keywords for create_analysis_service",
        mode="sync",
    ),
    Known(
        "† 12",
        "list_analysis_services/*",
        "extra; outcome; outcome.error",
        "the reference's blocking mode calls the argument of list_analysis_services `list_input`",
        mode="sync",
    ),
    Known(
        "† 12",
        "list_analysis_services/list_input",
        f"query.limit; {_RESULT}",
        "the reference's async mode ignores `list_input` of list_analysis_services",
        mode="async",
    ),
    Known(
        "† 13",
        "get_project/id that is a path; get_project/id with a question mark; get_data_collection/an id that is a path",
        f"missing; extra; {_RESULT}",
        "the reference puts ids into paths unescaped, so that they can reach other endpoints",
    ),
    Known(
        "† 14",
        "paginate_*/page size 0",
        "missing; outcome.error",
        "a page size of 0 has no end in the reference; here it is a ValueError",
    ),
    Known(
        "† 14",
        "paginate_*/an object for a page",
        f"missing; outcome; {_RESULT}",
        "the reference takes the keys of an object for items",
    ),
    Known("† 15", "me/status 400 and no UTF-8", "outcome.error", "it is a UnicodeDecodeError in the reference"),
    Known(
        "† 19",
        "from_settings/a slash at the end of the login",
        "missing; extra; outcome",
        "a slash at the end of the login server's URL gives `//realms` in the reference",
    ),
    Known(
        "† 20",
        "create_arcgis_service/feature without options; create_arcgis_service/image with options of feature; "
        "add_attachments/equal names; add_attachments/not pending",
        "outcome.error",
        "what the reference checks by assertion is an error of its own kind here",
    ),
    Known(
        "† 21",
        "<update>/free metadata with true; <upload several>/metadata with true",
        "json.*",
        "true in free metadata becomes 1.0 in the reference",
    ),
    Known(
        "† 22",
        "create_oidc_user/refused with what was sent",
        "outcome.json_resp_msg",
        "an answer that quotes a password is not shown",
    ),
    Known(
        "§ 2",
        "<paginate>/*",
        "header.content-type; json; outcome.body",
        "the reference's listings send an empty JSON object with every GET, which is not needed",
    ),
    Known(
        "§ 3",
        "<upload>/*; <upload several>/*; add_attachments/*",
        "files.*.name",
        "the reference calls every file in a storage form `upload`; here it has its own name",
    ),
    Known(
        "decision",
        "me/status 400 and no JSON",
        "outcome.error",
        "every 4xx is a PixelBadRequestError, also without JSON (pixel_core/README.md, Statuses)",
    ),
    Known(
        "decision",
        "me/status 429 once; me/status 500; me/status 503 once",
        "extra; outcome",
        "safe requests are repeated on transient statuses, everything on 429 (pixel_core/README.md, Repeats)",
    ),
    Known(
        "decision",
        "<upload>/missing file; <upload>/multipart without part size; upload_image/missing support file; "
        "upload_raster/missing support file; <upload several>/missing file; <upload several>/equal names; "
        "<upload several>/no files",
        "missing",
        "files are looked at before the first request; the reference reads the data collection first",
    ),
    Known(
        "decision",
        "<upload several>/files in another order",
        f"json.job_ids.*; query.ids; {_RESULT}",
        "several files keep the order in which they were given; the reference sorts them by name",
    ),
    Known("decision", "add_attachments/none", "missing", "nothing is sent; the reference creates an empty list"),
)
