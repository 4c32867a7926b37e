from django.db import models


class Event(models.Model):
    """One act, chained to the one before it by its hash. Rows are added, never changed."""

    sequence = models.PositiveBigIntegerField(unique=True)
    at = models.DateTimeField()
    # The name and not a key: the trail outlives the account.
    actor = models.CharField(max_length=150, blank=True)
    role = models.CharField(max_length=20, blank=True)
    location = models.CharField(max_length=100, blank=True)
    action = models.CharField(max_length=60)
    object_type = models.CharField(max_length=60, blank=True)
    object_id = models.CharField(max_length=60, blank=True)
    # Ids, sizes, hashes, durations: never case text.
    details = models.JSONField(default=dict, blank=True)
    previous_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)

    class Meta:
        ordering = ["sequence"]
        indexes = [models.Index(fields=["action", "at"]), models.Index(fields=["actor", "at"])]
