"""Very many ids at once, as an array: joined by the database into one text, and never one object for each."""

from typing import Any

import numpy as np
from django.db.models import Aggregate, QuerySet
from django.db.models.fields import TextField

from retrieval.types import Ids


class Joined(Aggregate):
    """Whole numbers with commas between them; none where there is no row."""

    name = "Joined"
    function = "GROUP_CONCAT"
    output_field = TextField()

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        context |= {"function": "STRING_AGG", "template": "%(function)s((%(expressions)s)::text, ',')"}
        return self.as_sql(compiler, connection, **context)


def ids_of(rows: QuerySet[Any], field: str = "pk") -> Ids:
    """(n,) values of a column of whole numbers, ascending; those of a nullable one that are not there are left out."""
    joined = rows.order_by().aggregate(joined=Joined(field))["joined"]
    return np.sort(np.fromstring(joined, dtype=np.int64, sep=","), kind="stable") if joined else np.zeros(0, np.int64)
