"""The table of operations, for the core and the comparison with the reference. Every public method has several cases:
its defaults, each argument, values that are false (0, "", [], False), None, models, keywords and both, invalid values.
"""

from tests.support.operations import jobs, places, resources, search, services, uploads
from tests.support.operations.case import Case


def all_cases() -> list[Case]:
    """Return all cases, in the order in which they run. Raises ValueError for duplicate names."""
    groups = (
        *(places.clients, places.users, places.projects, places.data_collections, resources.resources),
        *(uploads.uploads, jobs.optimizing, jobs.jobs, services.arcgis, services.harvest, services.attachments),
        *(search.search, search.analysis),
    )
    cases = [case for group in groups for case in group()]
    names = [case.name for case in cases]
    duplicates = sorted({name for name in names if names.count(name) > 1})
    if duplicates:
        raise ValueError(f"several cases have the name {', '.join(duplicates)}")
    return cases
