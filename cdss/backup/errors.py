class BackupError(RuntimeError):
    """A backup that cannot be made or restored. Nothing was changed; the message says what to do."""
