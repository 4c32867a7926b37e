"""Teaching a text encoder what belongs together in a site's own library."""
