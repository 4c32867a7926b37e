from django.db import models

from cdss.library.models import CaseImage, LibraryItem, Passage


class PassageSplit(models.Model):
    """What the passages of an item were made from: when either hash differs, they are made again."""

    item = models.OneToOneField(LibraryItem, models.CASCADE, related_name="split", primary_key=True)
    source = models.CharField(max_length=64)
    splitter = models.CharField(max_length=64)
    passages = models.PositiveIntegerField()


class PassageEmbedding(models.Model):
    """float32 little-endian vector of one passage; an edited passage is a new row, so it is encoded again."""

    passage = models.ForeignKey(Passage, models.CASCADE, related_name="embeddings")
    encoder = models.CharField(max_length=120)
    vector = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["passage", "encoder"], name="passage_embedding_once")]


class ImageEmbedding(models.Model):
    image = models.ForeignKey(CaseImage, models.CASCADE, related_name="embeddings")
    # Which of the sampled frames this is; the best one counts.
    frame = models.PositiveIntegerField(default=0)
    # The encoder's version and preprocessing, and whether overlays were masked.
    encoder = models.CharField(max_length=160)
    vector = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["image", "frame", "encoder"], name="image_embedding_once")]


class PatchEmbedding(models.Model):
    """What the image encoder sees in the patches of one frame: rows × columns × width signed bytes."""

    image = models.ForeignKey(CaseImage, models.CASCADE, related_name="patches")
    # As it is stored and shown, counted from 0.
    frame = models.PositiveIntegerField(default=0)
    # The version of the encoder's patches and of their compact form, and whether overlays were masked.
    encoder = models.CharField(max_length=200)
    rows = models.PositiveSmallIntegerField()
    columns = models.PositiveSmallIntegerField()
    vectors = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["image", "frame", "encoder"], name="patch_embedding_once")]


class IndexVersion(models.Model):
    """One published index. The newest row is the one searched; it lies in INDEX_ROOT/name, or in rows of its own."""

    name = models.CharField(max_length=80, unique=True)
    text_encoder = models.CharField(max_length=120)
    image_encoder = models.CharField(max_length=120)
    passages = models.PositiveIntegerField()
    images = models.PositiveIntegerField()
    manifest_sha256 = models.CharField(max_length=64)
    # Tables of pgvector, where the vectors are in the database.
    text_table = models.CharField(max_length=63, blank=True)
    image_table = models.CharField(max_length=63, blank=True)
    published = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return self.name


class IndexChange(models.Model):
    """A change of the library that is not in the index yet; the database writes it (versions/triggers.py)."""

    # 0: of many items, as when a collection is masked. No key: a deleted item leaves one too.
    item = models.BigIntegerField()
    at = models.DateTimeField()

    class Meta:
        ordering = ["pk"]


class Occasion(models.TextChoices):
    START = "start", "At the start"
    REGULAR = "regular", "Regularly"
    ASKED = "asked", "Asked for"


class IndexCheck(models.Model):
    """One comparison of the index with the database, and what came of it."""

    at = models.DateTimeField(auto_now_add=True)
    occasion = models.CharField(max_length=8, choices=Occasion.choices)
    version = models.CharField(max_length=80, blank=True)
    passages = models.PositiveIntegerField(default=0)
    passages_indexed = models.PositiveIntegerField(default=0)
    images = models.PositiveIntegerField(default=0)
    images_indexed = models.PositiveIntegerField(default=0)
    # Ids that the database has and the index has not, and the other way round.
    missing = models.PositiveIntegerField(default=0)
    surplus = models.PositiveIntegerField(default=0)
    pending = models.PositiveIntegerField(default=0)
    problem = models.CharField(max_length=300, blank=True)
    # The version that was made to put it right.
    repaired = models.CharField(max_length=80, blank=True)
    milliseconds = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["-pk"]

    @property
    def in_step(self) -> bool:
        return not (self.missing or self.surplus or self.problem)


class IndexPart(models.Model):
    """A piece of a file of a version that hosts share through the database; it can be made again."""

    version = models.ForeignKey(IndexVersion, models.CASCADE, related_name="parts")
    name = models.CharField(max_length=80)
    number = models.PositiveIntegerField()
    data = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["version", "name", "number"], name="index_part_once")]


class EncodingClaim(models.Model):
    """Who is encoding what: several workers take different pieces. Gone when the vector is there, or when it is old."""

    what = models.CharField(max_length=10)
    target = models.BigIntegerField()
    encoder = models.CharField(max_length=160)
    worker = models.CharField(max_length=40)
    until = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["what", "target", "encoder"], name="encoding_claim_once")]
