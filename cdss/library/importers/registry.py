from pathlib import Path

from cdss.library.importers import dicom, gamuts, hpo, jsonlines, labelled_images, mirc, nbib, pdf, pubmed, tce
from cdss.library.importers.base import FormatError, Importer, UnknownFormatError

IMPORTERS: dict[str, Importer] = {
    each.name: each
    for each in (
        gamuts.IMPORTER,
        jsonlines.CASES,
        jsonlines.DOCUMENTS,
        pubmed.IMPORTER,
        nbib.IMPORTER,
        mirc.IMPORTER,
        labelled_images.IMPORTER,
        tce.IMPORTER,
        dicom.IMPORTER,
        pdf.IMPORTER,
        hpo.IMPORTER,
    )
}

# What one file can hold, and how a form calls it.
UPLOAD_FORMATS = (
    ("cases", "Cases (JSON lines)"),
    ("documents", "Documents (JSON lines)"),
    ("pubmed", "PubMed XML"),
    ("nbib", "NBIB or RIS"),
    ("pdf", "PDF"),
    ("mirc", "MIRC teaching file"),
    ("tce", "IHE teaching file (TCE)"),
)

ONE_FILE = ("cases", "documents", "pubmed", "nbib", "hpo", "gamuts")

__all__ = ["IMPORTERS", "ONE_FILE", "UPLOAD_FORMATS", "FormatError", "importer_for"]


def importer_for(path: Path, format: str = "auto") -> Importer:
    if not path.exists():
        raise FormatError(f"{path}: there is no such file or folder.")
    if format != "auto":
        _refuse_folder(path, format)
        return IMPORTERS[format]
    for importer in IMPORTERS.values():
        if importer.recognises(path):
            return importer
    raise UnknownFormatError(f"{path}: the format was not recognised. Choose it by its name: {', '.join(IMPORTERS)}.")


def _refuse_folder(path: Path, format: str) -> None:
    if path.is_dir() and format in ONE_FILE:
        raise FormatError(f"{path}: this is a folder. Name the file in it.")
    if path.is_dir() and format == "images" and not (path / labelled_images.LABELS).is_file():
        raise FormatError(f"{path}: there is no {labelled_images.LABELS} here. Write one with path and label.")
