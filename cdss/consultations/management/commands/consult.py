"""The whole consultation for each case of a file, without a browser."""

import json
import time
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from cdss.consultations.case_rows import CaseLine, case_line
from cdss.consultations.demographics import completed
from cdss.consultations.evidence import Retrieved, Scope
from cdss.consultations.freezing import EvidenceDraft
from cdss.consultations.hypotheses import SEARCHED_FOR, Expansion, Standing, expand
from cdss.consultations.intake import CaseRefusedError, checked, deidentified
from cdss.consultations.model_answer import ask_model
from cdss.consultations.pipeline import Outcome, consult
from cdss.library.field_values import RowError
from cdss.library.intake import check_total_pixels, image_intake
from cdss.library.intake_errors import IntakeError
from cdss.line_files import refuse_same_file
from cdss.locks.models import Mode
from cdss.locks.modes import is_locked, refuse_in
from cdss.ranking.weights import WeightSet
from cdss.reading import door
from cdss.reasoning.composer import WRITER
from cdss.reasoning.errors import WriterError
from cdss.reasoning.models import chat_model, shown_name
from cdss.reasoning.types import CaseInput, DiagnosisDraft, StatementDraft
from retrieval.errors import ImageError, RetrievalError, UnreadableError
from retrieval.files import written_beside
from retrieval.types import Pixels


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
        _refuse_unusable(options)
        refuse_in(Mode.EDUCATION)
        refuse_same_file(input, output)
        options["no_images"] |= is_locked(Mode.TEXT_ONLY)
        try:
            # Split at line feeds alone: a text may hold the other line breaks of Unicode.
            lines = [(n, line) for n, line in enumerate(input.read_bytes().split(b"\n"), start=1) if line.strip()]
        except OSError as error:
            raise CommandError(f"{input} cannot be read: {error.strerror}.", returncode=2) from error
        try:
            with written_beside(output) as file:
                broken = self._write(lines, file, input.parent, options)
                if broken and broken == len(lines):
                    raise CommandError(f"No case of {input} could be read; {output} is left as it was.", returncode=2)
        except OSError as error:
            raise CommandError(f"{output} cannot be written: {error.strerror}.", returncode=2) from error
        if not lines:
            self.stderr.write(f"There is no case in {input}.")
        if broken:
            raise CommandError(f"{broken} lines could not be read and have no answer.", returncode=1)

    def _write(self, lines: Sequence[tuple[int, bytes]], file: IO[bytes], folder: Path, options: dict[str, Any]) -> int:
        broken = 0
        for number, line in tqdm(lines, unit="case", disable=None):
            try:
                answer = self._answer(case_line(line, folder, with_images=not options["no_images"]), options)
            except (RowError, ImageError, IntakeError) as error:
                broken += 1
                self.stderr.write(f"line {number}: {error}")
                continue
            except RetrievalError as error:
                raise CommandError(str(error), returncode=2) from error
            file.write(f"{json.dumps(answer, ensure_ascii=False)}\n".encode())
        return broken

    def _answer(self, row: CaseLine, options: dict[str, Any]) -> dict[str, Any]:
        timer = Timer()
        try:
            with timer.step("deidentify"):
                case, _ = deidentified(checked(row.case, with_images=bool(row.images)))
        except CaseRefusedError as error:
            return _refused(row.id, str(error))
        check_total_pixels(uploads=row.images)
        scope = _without_its_own(row.source_id, row.images) if options["exclude_same_source"] else Scope()
        outcome = consult(
            case=case,
            load_pixels=lambda: [frame for path in row.images for frame in _pixels(path)],
            scope=scope,
            watch=timer,
        )
        writer, diagnoses, note = WRITER, list(outcome.diagnoses), ""
        evidence, hypotheses = list(outcome.evidence), None
        if options["llm"] and case.has_words and settings.LLM_HYPOTHESES:
            with timer.step("hypotheses"):
                hypotheses = _expansion(case, outcome, scope, options)
            evidence += hypotheses.evidence
        if options["llm"] and diagnoses and case.has_words:
            with timer.step("language_model"):
                writer, diagnoses, note = _rewritten(case, outcome, evidence, options)
        return {
            "id": row.id,
            "abstained": bool(outcome.abstention),
            "model": writer,
            "index_version": outcome.retrieved.index_version,
            "timings_ms": timer.milliseconds,
            "diagnoses": [_diagnosis(rank, draft) for rank, draft in enumerate(diagnoses, start=1)],
            "evidence": [_evidence(draft) for draft in evidence],
            **({"note": note} if note else {}),
            **({"hypotheses": hypotheses.as_json()} if hypotheses else {}),
            **({"weights": _weights(outcome.retrieved.weights)} if outcome.retrieved.weights.version else {}),
            **({"gamuts": [each.as_json() for each in outcome.gamuts]} if outcome.gamuts else {}),
            **({"abstention": outcome.abstention} if outcome.abstention else {}),
        }


def _without_its_own(source_id: str, images: Sequence[Path]) -> Scope:
    return Scope(
        excluded_source_id=source_id,
        excluded_images=frozenset(image_intake(upload=path, name=path.name).sha256 for path in images),
    )


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


def _expansion(case: CaseInput, outcome: Outcome, scope: Scope, options: dict[str, Any]) -> Expansion:
    standing = Standing.of((draft.item, draft.text.label, draft.scores) for draft in outcome.evidence)
    spec, seconds = options["llm"], options["llm_timeout"]
    return expand(spec=spec, case=completed(case), standing=standing, scope=scope, seconds=seconds)


def _rewritten(
    case: CaseInput, outcome: Outcome, evidence: Sequence[EvidenceDraft], options: dict[str, Any]
) -> tuple[str, list[DiagnosisDraft], str]:
    try:
        diagnoses, result = ask_model(
            spec=options["llm"],
            case=case,
            evidence=[draft.text for draft in evidence],
            composed=outcome.diagnoses,
            seconds=options["llm_timeout"],
        )
    except WriterError as error:
        return WRITER, list(outcome.diagnoses), error.trouble.message
    return shown_name(options["llm"]), diagnoses, result.note


def _refuse_unusable(options: dict[str, Any]) -> None:
    """What no line could be answered with is told before the first one."""
    if options["llm_timeout"] < 1:
        raise CommandError(f"--llm-timeout {options['llm_timeout']}: write a number of seconds from 1.", returncode=2)
    if options["llm"]:
        try:
            chat_model(options["llm"], timeout=options["llm_timeout"])
        except WriterError as error:
            raise CommandError(f"--llm {options['llm']}: {error.detail or error}", returncode=2) from error


def _pixels(path: Path) -> Sequence[Pixels]:
    try:
        return door.frames_of(path)
    except UnreadableError as error:
        raise ImageError(f"{path.name}: {error}") from error


def _diagnosis(rank: int, draft: DiagnosisDraft) -> dict[str, Any]:
    return {
        "rank": rank,
        "name": draft.name,
        "score": draft.score,
        "likelihood": draft.likelihood,
        "probability": draft.probability,
        "codes": dict(draft.codes),
        "must_not_miss": draft.must_not_miss,
        "unexplained": list(draft.unexplained),
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


def _weights(weights: WeightSet) -> dict[str, Any]:
    return {"version": weights.version, "sha256": weights.sha256}


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
        **({SEARCHED_FOR: text.details[SEARCHED_FOR]} if SEARCHED_FOR in text.details else {}),
    }
