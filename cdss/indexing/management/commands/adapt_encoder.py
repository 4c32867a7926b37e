from __future__ import annotations

import json
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from cdss.indexing.management.commands.build_index import ProgressBar
from cdss.indexing.taught.adaptation import HELD_OUT, Adapted, encoder_adapt, encoder_rollback
from cdss.numbers import number_argument, seed_number
from retrieval.errors import RetrievalError

MOST_EPOCHS = 50


class Command(BaseCommand):
    help = "Teaches the text encoder the library's own cases; it serves only when it finds unseen ones better."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print what was found as JSON")
        parser.add_argument("--epochs", type=number_argument(1, MOST_EPOCHS), help="at most so many")
        parser.add_argument("--seed", type=seed_number, help="of the parting and the training")
        parser.add_argument(
            "--fraction", type=_fraction, default=HELD_OUT, help=f"of the cases that measure (default {HELD_OUT})"
        )
        alternatives = parser.add_mutually_exclusive_group()
        alternatives.add_argument("--restart", action="store_true", help="do not go on with a training that was cut")
        alternatives.add_argument("--dry-run", action="store_true", help="tell what there is to teach, and stop")
        alternatives.add_argument("--rollback", action="store_true", help="the encoder before serves again")

    def handle(self, *args: Any, **options: Any) -> None:
        bar = ProgressBar()
        try:
            if options["rollback"]:
                self._rolled_back(encoder_rollback(progress=bar), options["json"])
                return
            adapted = encoder_adapt(
                epochs=options["epochs"],
                seed=options["seed"],
                held_out=options["fraction"],
                restart=options["restart"],
                dry_run=options["dry_run"],
                progress=bar,
            )
        except RetrievalError as error:
            raise CommandError(str(error), returncode=2) from error
        finally:
            bar.close()
        lines = [json.dumps(as_json(adapted))] if options["json"] else _told(adapted)
        for line in lines:
            self.stdout.write(line)
        if not adapted.promoted and not options["dry_run"]:
            raise CommandError("The taught encoder is no better than the one that serves, so nothing was changed.")

    def _rolled_back(self, version: str, as_data: bool) -> None:
        self.stdout.write(json.dumps({"serving": version}) if as_data else f"{version} serves again.")


def as_json(adapted: Adapted) -> dict[str, Any]:
    return {
        "serving": adapted.version if adapted.promoted else adapted.serving,
        **{name: value for name, value in asdict(adapted).items() if name != "serving"},
    }


def _told(adapted: Adapted) -> Iterator[str]:
    sizes, trained = adapted.sizes, adapted.trained
    yield (
        f"{sizes.cases} cases and {sizes.documents} documents teach with {sizes.pairs} pairs an epoch; "
        f"{sizes.stopping} questions of other cases tell when to stop, and {sizes.measured} cases measure it."
    )
    if trained is None:
        return
    yield (
        f"{len(trained.history)} epochs, {trained.steps} steps, {trained.seconds:.0f} s. While it was taught: "
        f"{trained.before:.3f} before, then {', '.join(f'{score:.3f}' for score in trained.history)}; "
        f"{trained.share:.0%} of the way is kept ({trained.kept:.3f})."
    )
    yield f"{adapted.serving} beside {adapted.version}, on cases neither has seen:"
    for figure in adapted.figures:
        yield (
            f"  {figure.name}: {_shares(figure.before)} before, {_shares(figure.after)} after (first 1 / 5 / 10 of "
            f"{figure.questions}); mean reciprocal rank {figure.gain:+.3f} ({figure.low:+.3f} to {figure.high:+.3f})"
        )
    if adapted.promoted:
        yield f"It serves from now on. Index {adapted.index} was made with it."
    if adapted.alignment is not None:
        yield f"Text was aligned with images anew: {adapted.alignment:.2f} of unseen ones found among the first ten."


def _shares(shares: tuple[float, ...]) -> str:
    return " / ".join(f"{share:.3f}" for share in shares)


def _fraction(value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = -1.0
    if not 0.05 <= number <= 0.5:
        raise ArgumentTypeError("write a share from 0.05 to 0.5")
    return number
