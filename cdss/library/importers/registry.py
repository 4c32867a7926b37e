from pathlib import Path

from cdss.library.importers import dicom, jsonlines, labelled_images, mirc, nbib, pdf, pubmed
from cdss.library.importers.base import Importer

IMPORTERS: dict[str, Importer] = {
    each.name: each
    for each in (
        jsonlines.CASES,
        jsonlines.DOCUMENTS,
        pubmed.IMPORTER,
        nbib.IMPORTER,
        mirc.IMPORTER,
        labelled_images.IMPORTER,
        dicom.IMPORTER,
        pdf.IMPORTER,
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
)


class FormatError(ValueError):
    """A path that is not there, or that no importer can read."""


def importer_for(path: Path, format: str = "auto") -> Importer:
    if not path.exists():
        raise FormatError(f"{path}: there is no such file or folder.")
    if format != "auto":
        return IMPORTERS[format]
    for importer in IMPORTERS.values():
        if importer.recognises(path):
            return importer
    raise FormatError(f"{path}: the format was not recognised; name it with --format ({', '.join(IMPORTERS)}).")
