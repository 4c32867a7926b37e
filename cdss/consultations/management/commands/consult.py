"""The whole consultation for each case of a file, without a browser."""

import json
import time
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from cdss.consultations.evidence import EvidenceDraft, Retrieved, Scope
from cdss.consultations.intake import CaseRefusedError, checked, deidentified
from cdss.consultations.model_answer import ask_model
from cdss.consultations.pipeline import Outcome, consult
from cdss.files import written_beside
from cdss.reasoning.composer import WRITER
from cdss.reasoning.errors import WriterError
from cdss.reasoning.types import CaseInput, DiagnosisDraft, StatementDraft
from retrieval.errors import ImageError, RetrievalError
from retrieval.types import Pixels

# Everything else of a case row tells the answer, and is never read.
READ = ("age", "sex", "history", "exam", "findings")


class Timer:
    """A pipeline.Watch that keeps times only."""

    def __init__(self) -> None:
        self.milliseconds: dict[str, float] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self.milliseconds[name] = round((time.perf_counter() - started) * 1000, 2)

    def understood(self, findings: Sequence[dict[str, object]]) -> None:
        pass

    def evidence(self, retrieved: Retrieved, drafts: Sequence[EvidenceDraft]) -> None:
        pass


class Command(BaseCommand):
    help = "Consults for every case of a JSON lines file. Nothing is stored but the output file."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--input", type=Path, required=True)
        parser.add_argument("--output", type=Path, required=True)
        parser.add_argument("--no-images", action="store_true")
        parser.add_argument("--llm", default="", metavar="SPEC", help="let this language model write; see CDSS_LLM")
        parser.add_argument("--llm-timeout", type=int, default=settings.LLM_TIMEOUT_SECONDS, metavar="SECONDS")
        parser.add_argument("--exclude-same-source", action="store_true")

    def handle(self, *, input: Path, output: Path, **options: Any) -> None:
        if not input.is_file():
            raise CommandError(f"{input} is not a file.", returncode=2)
        rows = input.read_text(encoding="utf-8").split("\n")
        broken = 0
        with written_beside(output) as file:
            for number, line in enumerate(tqdm(rows, unit="case", disable=None), start=1):
                if not line.strip():
                    continue
                try:
                    answer = self._answer(json.loads(line), input.parent, options)
                except (ValueError, KeyError, TypeError, AttributeError, ImageError) as error:
                    broken += 1
                    self.stderr.write(f"line {number}: {type(error).__name__}: {error}")
                    continue
                except RetrievalError as error:
                    raise CommandError(str(error), returncode=2) from error
                file.write(f"{json.dumps(answer, ensure_ascii=False)}\n".encode())
        if broken:
            raise CommandError(f"{broken} lines could not be read and have no answer.", returncode=1)

    def _answer(self, row: dict[str, Any], folder: Path, options: dict[str, Any]) -> dict[str, Any]:
        timer = Timer()
        case = CaseInput(**{name: str(row.get(name) or "") for name in READ})
        try:
            with timer.step("deidentify"):
                case, _ = deidentified(checked(case))
        except CaseRefusedError as error:
            return _refused(row["id"], str(error))
        images = [] if options["no_images"] else [image["path"] for image in row.get("images") or []]
        same = str((row.get("source") or {}).get("id") or row["id"]) if options["exclude_same_source"] else ""
        outcome = consult(
            case=case,
            load_pixels=lambda: [frame for path in images for frame in _pixels(folder / path)],
            scope=Scope(excluded_source_id=same),
            watch=timer,
        )
        writer, diagnoses, note = WRITER, list(outcome.diagnoses), ""
        if options["llm"] and diagnoses:
            with timer.step("language_model"):
                writer, diagnoses, note = _rewritten(case, outcome, options)
        return {
            "id": row["id"],
            "abstained": bool(outcome.abstention),
            "model": writer,
            "index_version": outcome.retrieved.index_version,
            "timings_ms": timer.milliseconds,
            "diagnoses": [_diagnosis(rank, draft) for rank, draft in enumerate(diagnoses, start=1)],
            "evidence": [_evidence(draft) for draft in outcome.evidence],
            **({"note": note} if note else {}),
            **({"abstention": outcome.abstention} if outcome.abstention else {}),
        }


def _refused(identity: object, message: str) -> dict[str, Any]:
    return {
        "id": identity,
        "abstained": True,
        "model": WRITER,
        "index_version": "",
        "timings_ms": {},
        "diagnoses": [],
        "evidence": [],
        "abstention": {"reason": "refused", "message": message},
    }


def _rewritten(case: CaseInput, outcome: Outcome, options: dict[str, Any]) -> tuple[str, list[DiagnosisDraft], str]:
    try:
        diagnoses, result = ask_model(
            spec=options["llm"],
            case=case,
            evidence=[draft.text for draft in outcome.evidence],
            composed=outcome.diagnoses,
            seconds=options["llm_timeout"],
        )
    except WriterError as error:
        return WRITER, list(outcome.diagnoses), error.trouble.message
    return options["llm"], diagnoses, result.note


def _pixels(path: Path) -> Sequence[Pixels]:
    from retrieval.imaging import load_pixels

    return load_pixels(path)


def _diagnosis(rank: int, draft: DiagnosisDraft) -> dict[str, Any]:
    return {
        "rank": rank,
        "name": draft.name,
        "score": draft.score,
        "likelihood": draft.likelihood,
        "codes": dict(draft.codes),
        "must_not_miss": draft.must_not_miss,
        "statements": [
            {"text": s.text, "stance": s.stance, "support": s.support, "citations": _citations(s)}
            for s in draft.statements
            if s.stance != "next"
        ],
        "next_steps": [
            {"text": s.text, "support": s.support, "citations": _citations(s)}
            for s in draft.statements
            if s.stance == "next"
        ],
    }


def _citations(statement: StatementDraft) -> list[dict[str, Any]]:
    return [{"evidence": c.evidence, "quote": c.quote, "start": c.start, "end": c.end} for c in statement.citations]


def _evidence(draft: EvidenceDraft) -> dict[str, Any]:
    text = draft.text
    return {
        "id": text.label,
        "kind": text.kind,
        "source_id": text.source_id,
        "title": text.title,
        "text": text.text,
        "score": text.score,
    }
