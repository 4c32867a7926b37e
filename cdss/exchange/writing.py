from collections.abc import Mapping
from typing import Any

from cdss.exchange.bundles import Bundle
from cdss.exchange.html_out import Site
from cdss.exchange.writers import WRITERS

FORMATS = {
    "jsonl": "Case JSON lines with images",
    "mirc": "MIRC documents",
    "tce": "IHE teaching files (TCE, DICOM)",
    "html": "Web pages for a classroom without a server",
}


def writer_for(form: str, bundle: Bundle, *, total: int, title: str, options: Mapping[str, bool], whole: bool) -> Any:
    """`whole`: with what other rooms hold of the cases, their series and masks."""
    if form == "html":
        return Site(bundle, title or "Teaching cases", total, options.get("hide_answers", True))
    return WRITERS[form](bundle, total > 1, whole)
