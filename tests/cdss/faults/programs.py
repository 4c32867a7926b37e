"""What the programs share: a migrated site with a small library, and items that are known by a word of their own."""

from django.core.management import call_command

from cdss.library.models import Collection, Document, Kind, State

WORDS = ("consolidation", "effusion", "nodule", "fracture", "haemorrhage", "oedema", "calcification", "stenosis")


def prepare(items: int = 12) -> None:
    call_command("migrate", verbosity=0)
    Collection.objects.create(name="Synthetic", synthetic=True)
    for number in range(items):
        add(f"start{number}", number)


def add(word: str, number: int = 0) -> Document:
    """A published text that holds the word and, beside common ones, no other of its kind."""
    said = " ".join(WORDS[(number + step) % len(WORDS)] for step in range(5))
    return Document.objects.create(
        kind=Kind.LITERATURE, title=f"Synthetic {word}", text=f"Report {word}: {said}.", state=State.PUBLISHED,
        collection=Collection.objects.get(), source_name="tests", source_id=word,
    )  # fmt: skip
