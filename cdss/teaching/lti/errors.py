class PlatformError(ValueError):
    """A launch or a message that is refused. `reason` is for the trail; the text is for whom it stops."""

    def __init__(self, reason: str, message: str = "") -> None:
        self.reason = reason
        super().__init__(message or "Your learning platform's message could not be accepted. Start again from there.")
