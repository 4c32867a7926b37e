import numpy as np
import pytest

from cdss.library.ids import ids_of
from cdss.library.models import Case, LibraryItem
from cdss.library.rows import CaseRow
from cdss.library.services import Target, case_upsert, collection_ensure

pytestmark = pytest.mark.django_db


def test_ids_come_ascending_whatever_the_order_of_the_rows() -> None:
    target = Target(collection_ensure(name="Chest"), publish=True)
    made = [case_upsert(row=CaseRow("s", str(number), history="cough"), target=target).item for number in range(12)]
    found = ids_of(LibraryItem.objects.order_by("-pk"))
    assert found.dtype == np.int64
    assert found.tolist() == sorted(made)
    assert ids_of(Case.objects.filter(pk__lt=made[2]).values("title")).tolist() == made[:2]
    assert ids_of(LibraryItem.objects.all(), "collection_id").tolist() == [target.collection.pk] * 12


def test_no_rows_are_no_ids_and_what_is_not_there_is_left_out() -> None:
    assert ids_of(LibraryItem.objects.all()).tolist() == []
    target = Target(collection_ensure(name="Chest"), publish=True)
    case_upsert(row=CaseRow("s", "1", history="cough"), target=target)
    assert ids_of(LibraryItem.objects.all(), "owner_id").tolist() == []
