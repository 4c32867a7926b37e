"""What PubMed XML, NBIB and RIS have in common: a cited paper."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cdss.library.field_values import RowError
from cdss.library.models import Kind, RecallKind
from cdss.library.rows import DocumentRow

PUBMED = "https://pubmed.ncbi.nlm.nih.gov/"
GUIDELINE_TYPES = {"guideline", "practice guideline", "consensus development conference"}
STATUS_BY_TYPE = {
    "retracted publication": "retracted",
    "retraction of publication": "retraction notice",
    "expression of concern": "expression of concern",
    "preprint": "preprint",
}
# Names of CommentsCorrections in PubMed's XML.
RECALL_BY_LINK = {
    "RetractionIn": RecallKind.RETRACTED,
    "RetractedandRepublishedIn": RecallKind.RETRACTED,
    "UpdateIn": RecallKind.SUPERSEDED,
    "ErratumIn": RecallKind.CORRECTED,
    "CorrectedandRepublishedIn": RecallKind.CORRECTED,
}
YEAR = re.compile(r"\b(?:1[89]|20)\d\d\b")
DOI = re.compile(r"10\.\d{4,9}/\S+")


@dataclass(frozen=True, slots=True)
class Paper:
    title: str
    abstract: str
    pmid: str = ""
    doi: str = ""
    accession: str = ""
    authors: Sequence[str] = ()
    journal: str = ""
    published: str = ""
    volume: str = ""
    issue: str = ""
    pages: str = ""
    url: str = ""
    copyright: str = ""
    keywords: Sequence[str] = ()
    types: Sequence[str] = ()
    status: str = ""
    # What was published about it since: ("RetractionIn", "12345678"), …
    links: Sequence[tuple[str, str]] = ()


def document_of(paper: Paper) -> DocumentRow:
    if not paper.title:
        raise RowError("there is no title")
    if not paper.abstract:
        raise RowError("there is no abstract")
    source_name, source_id = _source(paper)
    types = {name.lower() for name in paper.types}
    status = paper.status or next((word for name, word in STATUS_BY_TYPE.items() if name in types), "")
    url = f"{PUBMED}{paper.pmid}/" if paper.pmid else f"https://doi.org/{paper.doi}" if paper.doi else paper.url
    return DocumentRow(
        source_name,
        source_id,
        Kind.GUIDELINE if types & GUIDELINE_TYPES else Kind.LITERATURE,
        paper.title,
        paper.abstract,
        authors=", ".join(paper.authors),
        journal=paper.journal,
        published=paper.published,
        url=url if url.startswith(("https://", "http://")) else "",
        doi=paper.doi,
        pmid=paper.pmid,
        reference=reference(paper),
        copyright=paper.copyright,
        keywords="; ".join(_unique(paper.keywords)),
        status=status,
        category="; ".join(_unique(paper.types)),
        recall=recall_said(paper.types, paper.links),
    )


def recall_said(types: Iterable[str], links: Iterable[tuple[str, str]]) -> tuple[str, str]:
    """The gravest thing said of the paper, and the words that say it: ("retracted", "RetractionIn 12345678")."""
    said = [(RECALL_BY_LINK[kind], f"{kind} {where}".strip()) for kind, where in links if kind in RECALL_BY_LINK]
    said += [(RecallKind.RETRACTED, name) for name in types if name.lower() == "retracted publication"]
    return min(said, key=lambda one: list(RecallKind).index(RecallKind(one[0])), default=("", ""))


def reference(paper: Paper) -> str:
    authors = ", ".join(paper.authors[:6]) + (", et al" if len(paper.authors) > 6 else "")
    where = ":".join(part for part in (paper.volume + (f"({paper.issue})" if paper.issue else ""), paper.pages) if part)
    issue = ";".join(part for part in (paper.published, where) if part)
    ids = [f"doi:{paper.doi}" if paper.doi else "", f"PMID {paper.pmid}" if paper.pmid else ""]
    parts = [authors, paper.title.rstrip("."), paper.journal, issue, *ids]
    return " ".join(f"{part.rstrip('.')}." for part in parts if part)


def year_of(text: str) -> str:
    found = YEAR.search(text)
    return found.group() if found else ""


def doi_of(text: str) -> str:
    found = DOI.search(text)
    return found.group().rstrip(".,;]") if found else ""


def _source(paper: Paper) -> tuple[str, str]:
    for name, value in (("PubMed", paper.pmid), ("DOI", paper.doi.lower()), ("RIS", paper.accession)):
        if value:
            return name, value
    raise RowError("there is no PMID, DOI or accession number to know it by")


def _unique(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(name for name in names if name))
