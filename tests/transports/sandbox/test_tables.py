"""Lists stay in order and look at no more records than they have to."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixel_transports.sandbox.schemas import ListQuery
from pixel_transports.sandbox.tables import Table, select


@dataclass
class Counted:
    """A record that counts how often anyone looks at its name."""

    id: int
    looked: list[int] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        self.looked.append(self.id)
        return f"{self.id}.jpg"


def shelf(count: int, looked: list[int]) -> Table[Counted]:
    full: Table[Counted] = Table()
    for number in reversed(range(count)):
        full.put(number, Counted(number, looked))
    return full


@pytest.mark.parametrize(
    ("query", "ids", "most"),
    [
        ({"offset": 19_900, "limit": 100}, list(range(19_900, 20_000)), 0),
        ({"ids": "7,19999,5,7,70000"}, [5, 7, 19_999], 0),
        ({"ids": "7,19999,5", "offset": "1", "limit": "1"}, [7], 0),
        ({"ids": "3,4", "name": "4.jpg"}, [4], 2),
        ({"name": "4.jpg"}, [4], 20_000),
        ({"offset": 10**30}, [], 0),
    ],
)
def test_a_list_looks_at_no_more_than_it_has_to(query: dict[str, object], ids: list[int], most: int) -> None:
    looked: list[int] = []
    found = select(shelf(20_000, looked), ListQuery.model_validate(query))
    assert [record.id for record in found] == ids
    assert len(looked) <= most


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 9))))
def test_a_shelf_is_a_sorted_mapping(steps: list[tuple[bool, int]]) -> None:
    full: Table[str] = Table()
    model: dict[int, str] = {}
    for put, key in steps:
        if put:
            full.put(key, f"{key}")
            model[key] = f"{key}"
        elif key in model:
            assert full.take(key) == model.pop(key)
        else:
            with pytest.raises(KeyError):
                full.take(key)
        assert list(full.items()) == sorted(model.items())
        assert len(full) == len(model)
