"""PubMed XML: one document for each PubmedArticle."""

from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cdss.library.importers.base import Importer, Read, attempt
from cdss.library.importers.citations import Paper, document_of, doi_of, year_of
from cdss.library.importers.xml import element_from, find, inner_text, texts
from cdss.library.rows import DocumentRow
from cdss.reading import door
from retrieval.errors import UnreadableError

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

ARTICLE = "PubmedArticle"
STATUS_BY_LINK = {"RetractionIn": "retracted", "ExpressionOfConcernIn": "expression of concern"}


def read(path: Path) -> Iterator[Read]:
    number = 0
    try:
        with closing(door.read_parts(f"{door.DOCUMENTS}:articles", path, name=ARTICLE)) as parts:
            for part in parts:
                for article in part.facts["found"]:
                    number += 1
                    yield attempt(number, partial(_document, article))
    except UnreadableError as error:
        yield Read(number + 1, reason=str(error))


def _document(article: list[Any]) -> DocumentRow:
    return document_of(paper_of(element_from(article)))


def paper_of(article: "Element") -> Paper:
    citation = "MedlineCitation"
    body = f"{citation}/Article"
    issue = f"{body}/Journal/JournalIssue"
    links = [
        (link.get("RefType", ""), find(link, "PMID"))
        for link in article.iterfind(f"{citation}/CommentsCorrectionsList/CommentsCorrections")
    ]
    kinds = {kind for kind, _ in links}
    return Paper(
        title=find(article, f"{body}/ArticleTitle", f"{body}/VernacularTitle"),
        abstract=_abstract(article, f"{body}/Abstract/AbstractText"),
        pmid=find(article, f"{citation}/PMID"),
        doi=doi_of(
            find(article, "PubmedData/ArticleIdList/ArticleId[@IdType='doi']", f"{body}/ELocationID[@EIdType='doi']")
        ),
        authors=[name for author in article.iterfind(f"{body}/AuthorList/Author") if (name := _author(author))],
        journal=find(article, f"{body}/Journal/Title", f"{body}/Journal/ISOAbbreviation"),
        published=year_of(
            find(article, f"{issue}/PubDate/Year", f"{issue}/PubDate/MedlineDate", f"{body}/ArticleDate/Year")
        ),
        volume=find(article, f"{issue}/Volume"),
        issue=find(article, f"{issue}/Issue"),
        pages=find(article, f"{body}/Pagination/MedlinePgn"),
        copyright=find(article, f"{body}/Abstract/CopyrightInformation"),
        keywords=[
            *texts(article.iterfind(f"{citation}/MeshHeadingList/MeshHeading/DescriptorName")),
            *texts(article.iterfind(f"{citation}/KeywordList/Keyword")),
        ],
        types=texts(article.iterfind(f"{body}/PublicationTypeList/PublicationType")),
        status=next((word for name, word in STATUS_BY_LINK.items() if name in kinds), ""),
        links=links,
    )


def _abstract(article: "Element", path: str) -> str:
    blocks = []
    for part in article.iterfind(path):
        text, label = inner_text(part), part.get("Label", "").strip()
        if text:
            blocks.append(f"{label.capitalize()}:\n{text}" if label and label != "UNLABELLED" else text)
    return "\n\n".join(blocks)


def _author(author: "Element") -> str:
    return " ".join(part for part in (find(author, "LastName"), find(author, "Initials")) if part) or find(
        author, "CollectiveName"
    )


def _recognises(path: Path) -> bool:
    if not path.is_file() or path.suffix.lower() != ".xml":
        return False
    with path.open("rb") as file:
        return b"<PubmedArticle" in file.read(8192)


def _count(path: Path) -> int:
    with path.open("rb") as file:
        return sum(line.count(b"<PubmedArticle>") for line in file)


IMPORTER = Importer("pubmed", _recognises, read, _count)
