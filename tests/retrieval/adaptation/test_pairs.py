"""What belongs together, drawn anew in each epoch, and the parting of the cases."""

from dataclasses import replace

from retrieval.adaptation.pairs import DISCUSSIONS, Lessons, Paper, Study, held_out

STUDY = Study(
    topic=1,
    questions=("whole", "findings"),
    captions="captions",
    name="name",
    discussions=("d1", "d2", "d3"),
    texts=("t1", "t2"),
)


def test_a_case_is_paired_with_its_texts_its_name_and_its_discussion() -> None:
    pairs = Lessons([STUDY]).pairs(0, 7)
    assert {pair.topic for pair in pairs} == {1}
    by_answer = [(pair.question, pair.answer[0]) for pair in pairs]
    assert (
        by_answer.count(("whole", "t")) == by_answer.count(("findings", "t")) == by_answer.count(("captions", "t")) == 1
    )
    assert ("whole", "n") in by_answer
    assert len({pair.answer for pair in pairs if pair.answer.startswith("d")}) == DISCUSSIONS


def test_an_epoch_is_drawn_anew_and_always_as_long() -> None:
    lessons = Lessons(
        [replace(STUDY, topic=topic) for topic in range(30)], [Paper(1, "title", ("a", "b"), ("t a", "t b"))]
    )
    first, second = lessons.pairs(0, 7), lessons.pairs(1, 7)
    assert first == lessons.pairs(0, 7) != second
    assert len(first) == len(second) == 30 * 6 + 2
    assert lessons.pairs(0, 8) != first


def test_a_case_without_texts_is_paired_with_what_is_written_about_it() -> None:
    pairs = Lessons([replace(STUDY, texts=(), name="")]).pairs(0, 7)
    assert sorted(pair.answer[0] for pair in pairs) == ["d", "d", "d"]
    assert "captions" in {pair.question for pair in pairs}


def test_documents_are_a_share_of_the_pairs() -> None:
    papers = [Paper(topic, f"title {topic}", ("part",), ("titled",)) for topic in range(40)] + [Paper(99, "x", (), ())]
    pairs = Lessons([replace(STUDY, topic=topic) for topic in range(10)], papers).pairs(0, 7)
    assert sum(pair.question.startswith("title") for pair in pairs) == 15
    assert len(pairs) == 75


def test_a_document_is_asked_for_by_its_title_and_by_another_part() -> None:
    paper = Paper(1, "title", ("a", "b", "c"), ("title a", "title b", "title c"))
    for seed in range(5):
        *_, named, other = Lessons([STUDY], [paper]).pairs(0, seed)
        assert (named.question, named.answer in paper.parts) == ("title", True)
        assert other.question == named.answer
        assert other.answer.startswith("title ")
        assert not other.answer.endswith(other.question)


def test_every_text_counts_in_the_digest() -> None:
    whole = Lessons([STUDY], [Paper(1, "title", ("a",), ("t a",))])
    others = [
        Lessons([replace(STUDY, **{field: value})], whole.papers)
        for field, value in (("topic", 2), ("questions", ("q",)), ("name", ""), ("texts", ("t",)), ("captions", "c"))
    ]
    digests = {
        whole.digest,
        Lessons([STUDY], [Paper(1, "title", ("b",), ("t a",))]).digest,
        *(each.digest for each in others),
    }
    assert len(digests) == 7


def test_the_parting_stays_when_a_library_grows() -> None:
    names = [f"case {number}" for number in range(1000)]
    small, large = held_out(names[:500], share=0.2, seed=7), held_out(names, share=0.2, seed=7)
    assert set(small.tolist()) == {place for place in large.tolist() if place < 500}
    assert 150 < len(large) < 250
    assert len(held_out(names, share=0.4, seed=7)) > len(large)
    assert set(large.tolist()) <= set(held_out(names, share=0.4, seed=7).tolist())
    assert set(large.tolist()) != set(held_out(names, share=0.2, seed=8).tolist())
