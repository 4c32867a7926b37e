class IntakeError(Exception):
    """An upload that is refused. The message is for the person who uploaded it, and says what to do."""
