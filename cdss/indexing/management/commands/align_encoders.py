from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from cdss.indexing.management.commands.build_index import ProgressBar
from cdss.indexing.taught.alignment import Aligned, encoders_align
from retrieval.errors import RetrievalError

NOTHING_TO_ALIGN = "The image encoder brings a text tower of its own: there is nothing to align."


class Command(BaseCommand):
    help = "Teaches the image encoder the library's labels, and fits text to images on its described images."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print what was fitted as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        bar = ProgressBar()
        try:
            aligned = encoders_align(progress=bar)
        except RetrievalError as error:
            raise CommandError(str(error), returncode=2) from error
        finally:
            bar.close()
        if aligned is None:
            self.stdout.write(json.dumps({"pairs": 0, "native": True}) if options["json"] else NOTHING_TO_ALIGN)
        elif options["json"]:
            self.stdout.write(json.dumps(_as_json(aligned)))
        else:
            for line in _told(aligned):
                self.stdout.write(line)


def _as_json(aligned: Aligned) -> dict[str, Any]:
    lesson = aligned.images
    return {
        **(asdict(aligned.text) if aligned.text else {"pairs": 0, "problem": aligned.text_problem}),
        "metric": asdict(lesson) | {"promoted": aligned.promoted} if lesson else None,
        "index": aligned.index,
    }


def _told(aligned: Aligned) -> Iterator[str]:
    lesson, text = aligned.images, aligned.text
    if lesson:
        yield (
            f"{lesson.images} images taught {lesson.classes} classes in {lesson.seconds:.1f} s. The closest image of "
            "another case, for cases that taught nothing, has the same:"
        )
        for figure in lesson.figures:
            yield (
                f"  {figure.label} ({figure.source}): {figure.before:.3f} before, {figure.after:.3f} after, "
                f"{figure.images} images"
            )
        yield "This metric serves from now on." if aligned.promoted else "It is no better, so nothing was changed."
    if text:
        yield (
            f"{text.pairs} images of {text.cases} cases aligned with {text.texts} texts in {text.seconds:.1f} s. A "
            f"description finds its case's images among the first ten in {text.recall:.2f} of {text.test_images} "
            f"unseen ones (before {text.before:.2f}, chance {text.chance:.2f})."
        )
    else:
        yield f"Text is not aligned with images. {aligned.text_problem}"
    if aligned.index:
        yield f"Index {aligned.index} was made with it."
