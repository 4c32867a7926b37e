class StudyError(Exception):
    """What cannot be taken or done; its message is for the person who asked."""
