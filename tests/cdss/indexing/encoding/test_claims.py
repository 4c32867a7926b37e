"""Several workers encode at once: each item by one of them, and none is lost with a worker."""

from datetime import timedelta

import pytest
from django.utils import timezone

from cdss.indexing.encoding import claims
from cdss.indexing.encoding.claims import claimed, encode_claimed
from cdss.indexing.encoding.embedding import embed_passages
from cdss.indexing.encoding.encoders import text_encoder
from cdss.indexing.models import EncodingClaim, PassageEmbedding
from cdss.indexing.services import index_build, library_encode, passages_refresh
from cdss.library.models import LibraryItem, Passage

pytestmark = pytest.mark.django_db
ENCODER = "an encoder"
ALIVE = "elsewhere:1:abc"


def held_by(worker: str, targets: list[int], *, minutes: float = 3) -> None:
    until = timezone.now() + timedelta(minutes=minutes)
    EncodingClaim.objects.bulk_create(
        EncodingClaim(what="passages", target=target, encoder=ENCODER, worker=worker, until=until) for target in targets
    )


def dead_here() -> str:
    host = claims.worker_name().split(":")[0]
    return f"{host}:{2**22 + 1}:abc"


def take(targets: list[int]) -> list[int]:
    with claimed(what="passages", encoder=ENCODER, targets=targets) as mine:
        return mine


def test_what_another_worker_holds_is_left_to_it() -> None:
    held_by(ALIVE, [2, 3])
    assert take([1, 2, 3, 4]) == [1, 4]
    assert sorted(EncodingClaim.objects.values_list("target", flat=True)) == [2, 3]


def test_what_was_held_too_long_or_by_a_process_that_is_gone_is_taken_over() -> None:
    held_by(ALIVE, [1], minutes=-1)
    held_by(dead_here(), [2])
    held_by(ALIVE, [3])
    assert take([1, 2, 3]) == [1, 2]


def test_another_encoder_and_another_kind_of_thing_are_other_claims() -> None:
    held_by(ALIVE, [1])
    with claimed(what="passages", encoder="another", targets=[1]) as mine:
        assert mine == [1]
    with claimed(what="images", encoder=ENCODER, targets=[1]) as mine:
        assert mine == [1]


def test_a_failure_gives_back_what_was_held() -> None:
    with pytest.raises(RuntimeError), claimed(what="passages", encoder=ENCODER, targets=[1]):
        raise RuntimeError
    assert not EncodingClaim.objects.exists()


def run(pending: list[int], encoded: list[int], *, wait: bool) -> int:
    def missing(among: object = None) -> list[int]:
        return [each for each in pending if each not in encoded and (among is None or each in among)]  # type: ignore[operator]

    return encode_claimed(
        what="passages",
        encoder=ENCODER,
        pending=missing,
        at_once=2,
        encode=encoded.extend,
        progress=lambda done, total: None,
        wait=wait,
    )


def test_one_that_does_not_wait_leaves_the_rest_to_who_holds_it() -> None:
    held_by(ALIVE, [2])
    encoded: list[int] = []
    assert run([1, 2, 3], encoded, wait=False) == 2
    assert encoded == [1, 3]


def test_one_that_waits_comes_back_when_the_others_are_done(monkeypatch: pytest.MonkeyPatch) -> None:
    held_by(ALIVE, [2])
    encoded: list[int] = []
    # The other one stores its vector and gives its claim back.
    monkeypatch.setattr(claims.time, "sleep", lambda seconds: (encoded.append(2), EncodingClaim.objects.all().delete()))
    assert run([1, 2, 3], encoded, wait=True) == 2
    assert sorted(encoded) == [1, 2, 3]


def test_one_that_waits_does_what_a_killed_one_left(monkeypatch: pytest.MonkeyPatch) -> None:
    held_by(ALIVE, [2])
    encoded: list[int] = []
    old = timezone.now() - timedelta(minutes=1)
    monkeypatch.setattr(claims.time, "sleep", lambda seconds: EncodingClaim.objects.update(until=old))
    assert run([1, 2, 3], encoded, wait=True) == 3
    assert sorted(encoded) == [1, 2, 3]


def test_what_another_stored_since_the_list_was_made_is_not_encoded_again(
    library: dict[str, LibraryItem], monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = text_encoder()
    passages_refresh(items=library.values(), encoder=encoder)
    passages = list(Passage.objects.values_list("pk", flat=True))
    real, counts = claims.claimed, []

    def another_was_faster(*, what: str, encoder: str, targets: list[int]):  # type: ignore[no-untyped-def]
        vector = b"\0" * 4 * text_encoder().dimension
        PassageEmbedding.objects.get_or_create(passage_id=passages[0], encoder=encoder, defaults={"vector": vector})
        return real(what=what, encoder=encoder, targets=targets)

    monkeypatch.setattr(claims, "claimed", another_was_faster)
    counts.append(embed_passages(encoder=encoder, progress=lambda *step: None))
    assert counts == [len(passages) - 1]
    assert PassageEmbedding.objects.count() == len(passages)
    assert not EncodingClaim.objects.exists()


def test_a_worker_beside_the_build_leaves_it_nothing_to_encode(
    library: dict[str, LibraryItem], monkeypatch: pytest.MonkeyPatch
) -> None:
    passages_refresh(items=library.values())
    assert library_encode()[0] == Passage.objects.count()
    assert library_encode() == (0, 0)
    monkeypatch.setattr("cdss.indexing.encoding.embedding._embed_passages", lambda *args: pytest.fail("encoded again"))
    assert index_build().passages == Passage.objects.count()
