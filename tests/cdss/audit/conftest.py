import pytest
from django.db import connection

from cdss.audit import triggers


@pytest.fixture
def unlocked_trail(db: None) -> None:
    """What someone with the database's own keys can do. The end of the test's transaction brings the triggers back."""
    triggers.remove(connection)
