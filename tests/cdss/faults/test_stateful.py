"""Adding, editing, deleting, withdrawing, restoring in any order: what is gone is not shown, what is back is found."""

import shutil
import time
from itertools import count
from pathlib import Path

import pytest
from django.db import transaction
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from cdss.accounts.models import Role, User
from cdss.indexing.engine import forget_engine
from cdss.indexing.models import IndexChange, IndexVersion
from cdss.indexing.searching import search_library
from cdss.indexing.services import index_build
from cdss.indexing.versions import changes, watching
from cdss.library.models import Collection, Document, Kind, LibraryItem, Passage, Quarantine, State
from cdss.library.quarantine_services import quarantine_lift, source_quarantine
from cdss.library.services import item_publish, item_unpublish
from retrieval.types import Query
from tests.figures import Figure

NUMBERS = count(1)
STEPS: list[int] = []
RESTORED: list[float] = []


class Library(RuleBasedStateMachine):
    """Each text has a word of its own; a search for it tells whether it is shown."""

    def __init__(self) -> None:
        super().__init__()
        self.atomic = transaction.atomic()
        self.atomic.__enter__()
        self.words: dict[int, str] = {}
        self.gone: set[str] = set()
        self.seen_words = 0

    @initialize()
    def a_library(self) -> None:
        self.user = User.objects.create_user(f"user{next(NUMBERS)}", role=Role.ADMINISTRATOR)
        self.collection = Collection.objects.create(name=f"Synthetic {next(NUMBERS)}", synthetic=True)
        self.add()
        index_build()

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.atomic.__exit__(None, None, None)
        forget_engine()

    @rule()
    def add(self) -> None:
        word = self.new_word()
        item = Document.objects.create(
            kind=Kind.LITERATURE, title="Synthetic report", text=f"A nodule with {word} was seen.", source_id=word,
            state=State.PUBLISHED, collection=self.collection, source_name=f"source{len(self.words) % 3}",
        )  # fmt: skip
        self.words[item.pk] = word

    @precondition(lambda self: self.words)
    @rule(data=st.data())
    def edit(self, data: st.DataObject) -> None:
        pk = data.draw(st.sampled_from(sorted(self.words)))
        self.gone.add(self.words[pk])
        self.words[pk] = word = self.new_word()
        with transaction.atomic():
            item = LibraryItem.objects.get(pk=pk)
            item.text = f"A mass with {word} was seen."
            item.save()
            item.passages.all().delete()

    @precondition(lambda self: len(self.words) > 1)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        pk = data.draw(st.sampled_from(sorted(self.words)))
        LibraryItem.objects.get(pk=pk).delete()
        self.gone.add(self.words.pop(pk))

    @precondition(lambda self: self.words)
    @rule(data=st.data())
    def withdraw_or_restore(self, data: st.DataObject) -> None:
        item = LibraryItem.objects.get(pk=data.draw(st.sampled_from(sorted(self.words))))
        if item.state == State.PUBLISHED:
            item_unpublish(item=item, by=self.user)
            return
        item_publish(item=item, by=self.user)
        self.in_step()
        assert item.pk in self.shown(self.words[item.pk]) or self.in_quarantine(item)

    @rule(number=st.integers(0, 2))
    def quarantine_or_lift(self, number: int) -> None:
        standing = Quarantine.objects.filter(source_name=f"source{number}", lifted=None).first()
        if standing is not None:
            quarantine_lift(quarantine=standing, by=self.user)
        elif LibraryItem.objects.filter(source_name=f"source{number}").exists():
            source_quarantine(source_name=f"source{number}", collection=None, reason="A synthetic one.", by=self.user)

    @rule()
    def in_step(self) -> None:
        """What the index worker does within a second or two of a change."""
        began = time.monotonic()
        IndexChange.objects.update(at="2026-01-01T00:00:00Z")
        watch = watching.Watch()
        while IndexChange.objects.exists():
            watch.look()
            watch.next_build = 0.0
        RESTORED.append(time.monotonic() - began)
        for item in LibraryItem.objects.published().filter(pk__in=self.words):
            assert item.pk in self.shown(self.words[item.pk])

    @invariant()
    def nothing_that_is_gone_is_shown(self) -> None:
        STEPS.append(1)
        if not IndexVersion.objects.exists():
            return
        published = set(LibraryItem.objects.published().values_list("pk", flat=True))
        shown = self.shown("nodule mass was seen")
        assert shown <= published
        for word in sorted(self.gone)[-1:]:
            items, texts = found_by(word)
            assert items <= published
            assert not any(word in text for text in texts)

    def new_word(self) -> str:
        self.seen_words += 1
        return f"sign{self.seen_words:05}q"

    @staticmethod
    def shown(text: str) -> set[int]:
        return found_by(text)[0]

    @staticmethod
    def in_quarantine(item: LibraryItem) -> bool:
        return not LibraryItem.objects.published().filter(pk=item.pk).exists()


def found_by(text: str) -> tuple[set[int], list[str]]:
    """The items and the texts of the passages that a search shows."""
    hits = search_library(user=None, query=Query(text=text, k=50)).hits
    ids = [passage for hit in hits for passage in hit.passages]
    return {hit.item for hit in hits}, list(Passage.objects.filter(pk__in=ids).values_list("text", flat=True))


@pytest.mark.parametrize(("examples", "steps"), [(3, 12), pytest.param(130, 50, marks=pytest.mark.faults)])
def test_any_order_of_changes(db: None, site: Path, figure: Figure, examples: int, steps: int) -> None:
    STEPS.clear()
    RESTORED.clear()

    class Fresh(Library):
        def __init__(self) -> None:
            shutil.rmtree(site / "indexes", ignore_errors=True)
            forget_engine()
            super().__init__()

    run_state_machine_as_test(
        Fresh,
        settings=settings(
            max_examples=examples, stateful_step_count=steps, deadline=None, derandomize=True, database=None
        ),
    )
    # The worker looks each second, and waits for a second without changes.
    waits = watching.POLL_SECONDS + changes.QUIET.total_seconds()
    slowest = round(waits + max(RESTORED, default=0), 2)
    figure("changes in any order", steps=len(STEPS), restored_and_searchable_within_s=slowest)
    assert len(STEPS) >= (5000 if examples > 100 else examples)
