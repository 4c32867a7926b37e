"""Prompts are versioned files; this renders them. What is fenced can neither close its fence nor speak as a role."""

import hashlib
import json
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template

from cdss.reasoning.prompts.schema import answer_schema, guesses_schema
from cdss.reasoning.prompts.shorten import shorten
from cdss.reasoning.types import CaseInput, DiagnosisDraft, EvidenceText

FOLDER = Path(__file__).parent
FILES = ("differential.v1.system.md", "differential.v1.user.md", "repair.v1.user.md")
GUESS_FILES = ("hypotheses.v1.system.md", "hypotheses.v1.user.md")
# English medical text with numbers runs at 3 to 4 characters a token; the low end keeps within the window.
CHARACTERS_PER_TOKEN = 3
SMALL_CONTEXT = 8192

_INVISIBLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")
# Marks that chat formats take for a change of speaker, and our own fence.
_ROLE_MARKS = re.compile(
    r"<\|"
    r"|<(?=/?(?:s|bos|eos|unk|pad|start_of_turn|end_of_turn|think|system|user|assistant|im_start|im_end)>)"
    r"|\[(?=/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_RESULTS)\])"
    r"|<<(?=/?SYS>>)",
    re.IGNORECASE,
)
_FENCE_MARK = re.compile(r"^={2,}", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one answer may hold, and how many characters of case and evidence go in."""

    diagnoses: int
    statements: int
    steps: int
    characters: int

    @classmethod
    def of(cls, *, context: int, answer: int) -> "Limits":
        room = context - answer - len(_read("differential.v1.system.md")) // CHARACTERS_PER_TOKEN - 200
        characters = max(1500, room * CHARACTERS_PER_TOKEN)
        return cls(3, 2, 1, characters) if context <= SMALL_CONTEXT else cls(8, 5, 2, min(characters, 60_000))


@dataclass(frozen=True, slots=True)
class Prompt:
    system: str
    user: str
    schema: dict[str, object]
    notes: tuple[str, ...]


def prompt_sha256() -> str:
    """Names the prompt: its files and the form of the answer, without anything of a case."""
    return _digest(FILES, answer_schema(labels=(), limits=None))


def guess_prompt_sha256() -> str:
    """The same of the prompt that asks for diagnoses to search for."""
    return _digest(GUESS_FILES, guesses_schema(most=None))


def _digest(files: Sequence[str], schema: dict[str, object]) -> str:
    digest = hashlib.sha256()
    for name in files:
        digest.update(f"{name}\0{_read(name)}\0".encode())
    digest.update(json.dumps(schema, sort_keys=True).encode())
    return digest.hexdigest()


def render(
    *,
    case: CaseInput,
    evidence: Sequence[EvidenceText],
    candidates: Sequence[DiagnosisDraft],
    limits: Limits,
    token: str = "",
) -> Prompt:
    token = token or secrets.token_hex(8)
    case_text, case_cut = _within(_case_lines(case), limits.characters // 3)
    names = [fenced(candidate.name)[:120] for candidate in candidates[: 2 * limits.diagnoses + 2]]
    room = limits.characters - len(case_text) - sum(map(len, names))
    given, notes = shorten(evidence, about=" ".join([case.text, *names]), characters=room)
    if case_cut:
        notes = ("The case was shortened for the model.", *notes)
    user = Template(_read("differential.v1.user.md")).substitute(
        token=token,
        case=fenced(case_text),
        candidates="\n".join(f"- {name}" for name in names) or "none",
        evidence="\n\n".join(_evidence_block(piece, text, token) for piece, text in given) or "There is no evidence.",
        diagnoses=limits.diagnoses,
        statements=limits.statements,
        steps=limits.steps,
    )
    schema = answer_schema(labels=[piece.label for piece, _ in given], limits=limits)
    return Prompt(_read("differential.v1.system.md").strip(), user.strip(), schema, tuple(notes))


def render_guess(*, case: CaseInput, most: int, characters: int, token: str = "") -> Prompt:
    token = token or secrets.token_hex(8)
    text, _ = _within(_case_lines(case), characters)
    user = Template(_read("hypotheses.v1.user.md")).substitute(token=token, case=fenced(text), most=most)
    return Prompt(_read("hypotheses.v1.system.md").strip(), user.strip(), guesses_schema(most=most), ())


def render_repair(problem: str) -> str:
    return Template(_read("repair.v1.user.md")).substitute(problem=fenced(problem)[:400]).strip()


def fenced(text: str) -> str:
    """The same text for a reader, without characters or marks that mean something to a chat format or a fence."""
    text = _INVISIBLE.sub("", text)
    text = _ROLE_MARKS.sub(lambda mark: f"{mark[0][0]} {mark[0][1:]}", text).replace("|>", "| >")
    return _FENCE_MARK.sub("-", text)


def _evidence_block(piece: EvidenceText, text: str, token: str) -> str:
    title = " ".join(fenced(piece.title).split())[:150]
    return f"=== EVIDENCE {piece.label} {token}\n{piece.kind}: {title}\n{fenced(text)}\n=== END {token}"


def _case_lines(case: CaseInput) -> str:
    parts = {"Age": case.age, "Sex": case.sex, "History": case.history, "Exam": case.exam, "Findings": case.findings}
    return "\n".join(f"{name}: {value.strip()}" for name, value in parts.items() if value.strip())


def _within(text: str, characters: int) -> tuple[str, bool]:
    """Findings come last and matter most, so a case that is too long loses its middle."""
    if len(text) <= characters:
        return text, False
    head = characters // 3
    return f"{text[:head]}\n[…]\n{text[-(characters - head) :]}", True


def _read(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")
