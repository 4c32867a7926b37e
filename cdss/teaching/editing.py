"""A question between its form and what is stored."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.signing import BadSignature, Signer
from django.http import HttpRequest
from django.http.request import QueryDict

from cdss.accounts.models import User
from cdss.library.models import Case, CaseImage
from cdss.numbers import whole_number
from cdss.teaching.attempting import TeachingError, cases_for
from cdss.teaching.distractors import MOST_CHARACTERS, Link, links_of, origin_text, proposals
from cdss.teaching.forms import QuestionForm, lines_of
from cdss.teaching.hotspots import read_shapes, stored, typed
from cdss.teaching.models import Question, QuestionKind
from cdss.teaching.quizzing import MOST_OPTIONS, QuestionData

SIGNER = Signer(salt="cdss.teaching.origin")
WRITTEN = {"kind": "written"}
MOST_OPTION = 200
MOST_FOUND = 12
PROMPTS = {
    QuestionKind.CHOICE: "What is the most likely diagnosis?",
    QuestionKind.SHORT: "Name the diagnosis.",
    QuestionKind.HOT_SPOT: "Mark the finding on the image.",
}


@dataclass(frozen=True, slots=True)
class OptionRow:
    number: int
    text: str
    correct: bool
    # Signed: what a browser sends back is not taken for a proof.
    origin: str
    said: str
    links: tuple[Link, ...] = ()


def initial_of(query: Mapping[str, str], row: Question | None) -> dict[str, Any]:
    if row is None:
        kind = query.get("kind", "")
        kind = kind if kind in QuestionKind.values else QuestionKind.CHOICE
        chosen = {name: pk for name in ("case", "image") if (pk := whole_number(query.get(name, ""))) is not None}
        return {"kind": str(kind), "prompt": PROMPTS[QuestionKind(kind)], "frame": 0, **chosen}
    return {
        "kind": row.kind,
        "prompt": row.prompt,
        "case": row.case_id,
        "image": row.image_id,
        "frame": row.frame,
        "accepted": "\n".join(row.accepted),
        "regions": typed(row.regions),
        "explanation": row.explanation,
    }


def question_page(form: QuestionForm, request: HttpRequest, row: Question | None, by: User) -> dict[str, Any]:
    """The case it is about, its images, and what could be asked beside the right answer."""
    kind = str(form["kind"].value() or QuestionKind.CHOICE)
    case = _case(form["case"].value(), by)
    words = request.GET.get("q", "").strip()[:100]
    context: dict[str, Any] = {"kind": kind, "kind_label": dict(QuestionKind.choices).get(kind, ""), "case": case}
    context |= {"q": words, "found": _found(words, by)}
    if case is None:
        return context
    context["images"] = list(case.images.all())
    context["image"] = _image(form["image"].value(), case)
    if kind == QuestionKind.CHOICE:
        proposed = proposals(case=case, by=by)
        links = links_of([each.origin for each in proposed.found], by)
        context["proposals"] = [
            (each, sign(each.origin, each.text), where) for each, where in zip(proposed.found, links, strict=True)
        ]
        context["not_searched"] = proposed.missing
    return context


def option_rows(
    sent: QueryDict | Mapping[str, str], row: Question | None, case: Case | None = None, *, by: User
) -> list[OptionRow]:
    """Rows of the form: what was sent, else what is stored, else the diagnosis of the case; empty ones to the end."""
    if sent:
        rows = [
            (sent.get(f"option{n}", ""), sent.get(f"origin{n}", ""), sent.get("best") == str(n))
            for n in range(1, MOST_OPTIONS + 1)
        ]
        return _numbered(rows, by)
    held = list(row.options) if row else []
    if row is None and case is not None and case.diagnosis:
        text = " ".join(case.diagnosis.split())[:MOST_CHARACTERS]
        held = [{"text": text, "correct": True, "origin": {"kind": "diagnosis", "case": case.pk}}]
    held += [{"text": "", "correct": False, "origin": {}}] * (MOST_OPTIONS - len(held))
    signed = (sign(each["origin"], each["text"]) if each["text"] else "" for each in held)
    return _numbered([(each["text"], token, each["correct"]) for each, token in zip(held, signed, strict=True)], by)


def _numbered(rows: Sequence[tuple[str, str, bool]], by: User) -> list[OptionRow]:
    texts = [" ".join(text.split()) for text, _, _ in rows]
    origins = [unsign(token, text) if text else {} for text, (_, token, _) in zip(texts, rows, strict=True)]
    links = links_of(origins, by)
    return [
        OptionRow(n, text, correct, token, origin_text(origin) if text else "", where)
        for n, (text, (_, token, correct), origin, where) in enumerate(zip(texts, rows, origins, links, strict=True), 1)
    ]


def question_data(clean: Mapping[str, Any], sent: Mapping[str, str], by: User) -> QuestionData:
    kind, case = clean["kind"], _case(clean["case"], by)
    image = _image(clean["image"], case) if case else None
    frame = min(clean["frame"] or 0, image.frames - 1) if image else 0
    return QuestionData(
        kind=kind,
        prompt=clean["prompt"].strip(),
        case=case,
        image=image,
        frame=frame,
        options=_options(sent) if kind == QuestionKind.CHOICE else (),
        accepted=lines_of(clean["accepted"])[:20] if kind == QuestionKind.SHORT else (),
        regions=stored(read_shapes(clean["regions"])) if kind == QuestionKind.HOT_SPOT else (),
        explanation=clean["explanation"].strip(),
    )


def sign(origin: Mapping[str, Any], text: str) -> str:
    return SIGNER.sign(json.dumps({"text": text, "origin": dict(origin)}, sort_keys=True))


def unsign(token: str, text: str) -> dict[str, Any]:
    """Where a proposal came from; a text that was changed since is its educator's own."""
    try:
        found = json.loads(SIGNER.unsign(token))
    except (BadSignature, ValueError):
        return dict(WRITTEN)
    return dict(found["origin"]) if found.get("text") == text else dict(WRITTEN)


def _options(sent: Mapping[str, str]) -> list[dict[str, Any]]:
    found = []
    for number in range(1, MOST_OPTIONS + 1):
        text = " ".join(sent.get(f"option{number}", "").split())
        if not text:
            continue
        if len(text) > MOST_OPTION:
            raise TeachingError(f"An answer has at most {MOST_OPTION} characters.")
        found.append(
            {
                "id": "abcdefgh"[number - 1],
                "text": text,
                "correct": sent.get("best") == str(number),
                "origin": unsign(sent.get(f"origin{number}", ""), text),
            }
        )
    return found


def _case(pk: Any, by: User) -> Case | None:
    return cases_for(by).filter(pk=whole_number(str(pk or "")) or 0).first()


def _image(pk: Any, case: Case | None) -> CaseImage | None:
    rows = case.images.all() if case else CaseImage.objects.none()
    chosen = rows.filter(pk=whole_number(str(pk or "")) or 0).first()
    return chosen or rows.first()


def _found(words: str, by: User) -> list[Case]:
    rows = cases_for(by)
    for word in words.split():
        rows = rows.filter(text__icontains=word)
    return list(rows.order_by("pk")[:MOST_FOUND]) if words else []
