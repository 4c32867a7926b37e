from django.urls.converters import IntConverter


class IdConverter(IntConverter):
    """A number that fits into a key of any database; a longer one is a page that does not exist."""

    regex = "[0-9]{1,18}"
