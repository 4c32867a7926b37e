"""What a site learns of its own images: a metric of them, and a map of text into their space."""
