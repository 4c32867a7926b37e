from django.db import models

from cdss.library.models import Case


class Carried(models.Model):
    """What a file of another format said of a case beyond its fields: texts in a tree, de-identified, never run and
    never shown as markup. It goes out again where the case leaves in that format."""

    class Format(models.TextChoices):
        MIRC = "mirc", "MIRC document"
        TCE = "tce", "IHE teaching file export"

    case = models.OneToOneField(Case, models.CASCADE, related_name="carried")
    format = models.CharField(max_length=8, choices=Format.choices)
    # [tag, {attribute: value}, [text or child, …]]; an image is named by its place in `images`, as "#0".
    tree = models.JSONField()
    # Drawings over images, as trees, by their names.
    files = models.JSONField(default=dict, blank=True)
    # SHA-256 of the case's images in the order of the file; empty for one that is not there.
    images = models.JSONField(default=list, blank=True)

    def __str__(self) -> str:
        return f"{self.format} of case {self.case_id}"
