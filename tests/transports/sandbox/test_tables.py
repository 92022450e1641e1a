"""Tables are in the order of their ids, and lists read only the records they need."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixel_transports.sandbox.schemas import ListQuery
from pixel_transports.sandbox.tables import Table, select


@dataclass
class Counted:
    """A record that counts how often its name is read."""

    id: int
    reads: list[int] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        self.reads.append(self.id)
        return f"{self.id}.jpg"


def filled_table(count: int, reads: list[int]) -> Table[Counted]:
    full: Table[Counted] = Table()
    for number in reversed(range(count)):
        full.put(number, Counted(number, reads))
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
def test_a_list_reads_only_the_records_it_needs(query: dict[str, object], ids: list[int], most: int) -> None:
    reads: list[int] = []
    found = select(filled_table(20_000, reads), ListQuery.model_validate(query))
    assert [record.id for record in found] == ids
    assert len(reads) <= most


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 9))))
def test_a_table_is_a_sorted_mapping(steps: list[tuple[bool, int]]) -> None:
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
