from collections.abc import Callable
from pathlib import Path

import pytest
from fpdf import FPDF

from cdss.library.models import Document, State
from tests.cdss.library.conftest import write_lines

ARTICLE = """<PubmedArticle><MedlineCitation><PMID>{pmid}</PMID><Article>
<Journal><JournalIssue><Volume>12</Volume><Issue>3</Issue><PubDate><MedlineDate>2015 Aug-Sep</MedlineDate></PubDate>
</JournalIssue><Title>Journal of Tests</Title></Journal><ArticleTitle>A <i>made-up</i> title.</ArticleTitle>
<Pagination><MedlinePgn>1-5</MedlinePgn></Pagination>
<Abstract><AbstractText Label="BACKGROUND">One &lt; two.</AbstractText>
<AbstractText Label="RESULTS">Three.</AbstractText>
</Abstract><AuthorList><Author><LastName>Roe</LastName><Initials>J</Initials></Author>
<Author><CollectiveName>The Group</CollectiveName></Author></AuthorList>
<PublicationTypeList><PublicationType>{type}</PublicationType></PublicationTypeList></Article>
<CommentsCorrectionsList>{links}</CommentsCorrectionsList></MedlineCitation>
<PubmedData><ArticleIdList><ArticleId IdType="doi">10.1000/test.1</ArticleId></ArticleIdList>
<ReferenceList><Reference><ArticleIdList><ArticleId IdType="doi">10.1000/other</ArticleId></ArticleIdList></Reference>
</ReferenceList></PubmedData></PubmedArticle>"""
DOCTYPE = '<!DOCTYPE PubmedArticleSet PUBLIC "-//NLM//DTD PubMedArticle//EN" "https://dtd.nlm.nih.gov/x.dtd">'


def pubmed(path: Path, *articles: str, head: str = DOCTYPE) -> Path:
    path.write_text(f'<?xml version="1.0"?>{head}<PubmedArticleSet>{"".join(articles)}</PubmedArticleSet>')
    return path


def article(pmid: str = "1", type: str = "Journal Article", links: str = "") -> str:
    return ARTICLE.format(pmid=pmid, type=type, links=links)


def test_document_lines(source: Path, run_import: Callable) -> None:
    path = write_lines(
        source / "d.jsonl",
        {
            "id": "g1", "kind": "guideline", "title": "Screening", "text": "Recommended in 2018.",
            "publisher": "Task Force",
            "published": "2018", "status": "archived", "conditions": "Cancer", "specialty": "A\nB", "licence": "Public",
            "copyright": "Someone", "source": {"name": "NGC", "id": "ngc-1"},
        },
        {"id": "p1", "kind": "literature", "title": "Paper", "text": "Text.", "url": "pubmed:42",
         "keywords": ["a", "b"],
         "source": {"name": "PubMed", "id": "42"}},
        {"id": "p2", "kind": "case", "title": "x", "text": "x"},
        {"id": "p3", "kind": "guideline", "title": "x", "text": "  "},
        {"id": "p4", "kind": "guideline", "text": "x"},
        {"id": "p5", "kind": "guideline", "title": "x", "text": "x", "url": "javascript:alert(1)"},
    )  # fmt: skip
    done = run_import(path, "--publish")
    assert (done["documents"], done["cases"]) == (3, 0)
    assert [(skip["line"], skip["reason"].split(":")[0]) for skip in done["skipped"]] == [
        (3, "kind"),
        (4, "text"),
        (5, "title"),
    ]
    guideline, paper = Document.objects.get(source_id="ngc-1"), Document.objects.get(source_id="42")
    assert (guideline.kind, guideline.keywords, guideline.category) == ("guideline", "Cancer", "A, B")
    assert (guideline.licence, guideline.copyright, guideline.status) == ("Public", "Someone", "archived")
    assert (paper.pmid, paper.url, paper.keywords) == ("42", "https://pubmed.ncbi.nlm.nih.gov/42/", "a; b")
    assert Document.objects.get(source_id="p5").url == ""


def test_a_published_text_keeps_what_it_says(source: Path, run_import: Callable) -> None:
    text = "Dr. Smith reported in March 2015 on 95-year-old women."
    run_import(write_lines(source / "d.jsonl", {"id": "1", "kind": "literature", "title": "T", "text": text}))
    assert Document.objects.get().text == text


def test_pubmed(source: Path, run_import: Callable) -> None:
    assert run_import(pubmed(source / "a.xml", article()), "--publish")["documents"] == 1
    document = Document.objects.get()
    assert document.text == "Background:\nOne < two.\n\nResults:\nThree."
    assert (document.source_name, document.source_id, document.kind) == ("PubMed", "1", "literature")
    assert (document.title, document.authors, document.published) == ("A made-up title.", "Roe J, The Group", "2015")
    assert (document.doi, document.status, document.state) == ("10.1000/test.1", "", State.PUBLISHED)
    assert document.reference == (
        "Roe J, The Group. A made-up title. Journal of Tests. 2015;12(3):1-5. doi:10.1000/test.1. PMID 1."
    )


@pytest.mark.parametrize(
    ("fields", "kind", "status"),
    [
        ({"type": "Practice Guideline"}, "guideline", ""),
        ({"type": "Retracted Publication"}, "literature", "retracted"),
        ({"links": '<CommentsCorrections RefType="RetractionIn"/>'}, "literature", "retracted"),
        ({"links": '<CommentsCorrections RefType="ExpressionOfConcernIn"/>'}, "literature", "expression of concern"),
    ],
)
def test_pubmed_kind_and_status(source: Path, run_import: Callable, fields: dict, kind: str, status: str) -> None:
    run_import(pubmed(source / "a.xml", article(**fields)), "--publish")
    document = Document.objects.get()
    assert (document.kind, document.status) == (kind, status)
    assert document.state == (State.DRAFT if status == "retracted" else State.PUBLISHED)


def test_broken_pubmed_keeps_what_stands_before(source: Path, run_import: Callable) -> None:
    path = pubmed(source / "a.xml", article("1"), "<PubmedArticle><MedlineCitation></MedlineCitation></PubmedArticle>")
    path.write_text(path.read_text()[: -len("</PubmedArticleSet>")] + "<PubmedArticle>")
    done = run_import(path)
    assert done["documents"] == 1
    assert [skip["line"] for skip in done["skipped"]] == [2, 3]
    assert "broken XML" in done["skipped"][1]["reason"]


def test_xml_entities_are_refused(source: Path, run_import: Callable) -> None:
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]>'
    done = run_import(pubmed(source / "a.xml", article("&b;"), head=bomb))
    assert done.code == 2
    assert "entities" in done["skipped"][0]["reason"]
    assert not Document.objects.exists()


NBIB = """PMID- 222
TI  - A long title that goes
      on here.
AB  - BACKGROUND: First part. RESULTS: A CT scan: normal.
AU  - Roe J
AU  - Doe J
JT  - Journal of tests
DP  - 2019 Jan 5
LID - 10.1000/abc [doi]
PT  - Journal Article
MH  - *Lung

PMID- 223
TI  - No abstract

PMID- 224
TI  - Taken back
AB  - Text.
RIN - Somewhere
"""
RIS = """TY  - JOUR
TI  - First
AU  - Roe, J.

AB  - Text of it
DO  - https://doi.org/10.1000/RIS
PY  - 2018/01/02
ER  -

TY  - JOUR
TI  - Known by nothing
AB  - Text
ER  -

TY  - JOUR
TI  - Last
AB  - Text
AN  - 77
DB  - PubMed
"""


def test_nbib(source: Path, run_import: Callable) -> None:
    path = source / "a.nbib"
    path.write_text(NBIB)
    done = run_import(path, "--publish")
    assert done["documents"] == 2
    assert [(skip["line"], skip["reason"]) for skip in done["skipped"]] == [
        (13, "there is no abstract"),
        (16, "retracted: imported as a draft"),
    ]
    document = Document.objects.get(source_id="222")
    assert document.title == "A long title that goes on here."
    assert document.text == "Background:\nFirst part.\n\nResults:\nA CT scan: normal."
    assert (document.authors, document.published, document.doi) == ("Roe J, Doe J", "2019", "10.1000/abc")


def test_ris(source: Path, run_import: Callable) -> None:
    path = source / "a.ris"
    path.write_text(RIS)
    done = run_import(path)
    assert done["documents"] == 2
    assert [skip["line"] for skip in done["skipped"]] == [10]
    found = set(Document.objects.values_list("source_name", "source_id", "published"))
    assert found == {("DOI", "10.1000/ris", "2018"), ("PubMed", "77", "")}


def test_one_paper_from_two_formats_is_one_document(source: Path, run_import: Callable) -> None:
    run_import(pubmed(source / "a.xml", article("222")))
    path = source / "a.nbib"
    path.write_text(NBIB)
    assert run_import(path)["updated"] == 1
    assert Document.objects.filter(source_id="222").count() == 1


def pdf(path: Path, *pages: str) -> Path:
    document = FPDF()
    document.set_title("A protocol")
    document.set_font("Helvetica", size=12)
    for text in pages:
        document.add_page()
        if text:
            document.multi_cell(0, 8, text)
    document.output(str(path))
    return path


def test_pdf_pages_keep_their_offsets(source: Path, run_import: Callable) -> None:
    pdf(source / "protocol.pdf", "First page text.", "", "Third page text.")
    assert run_import(source / "protocol.pdf", "--kind", "guideline")["documents"] == 1
    document = Document.objects.get()
    assert [(document.text[start:end], page) for start, end, page in document.pages] == [
        ("First page text.", 1),
        ("Third page text.", 3),
    ]
    assert (document.title, document.kind, document.source_name) == ("A protocol", "guideline", "PDF: source")


def test_a_folder_of_pdf_files(source: Path, run_import: Callable) -> None:
    pdf(source / "a.pdf", "One.")
    pdf(source / "b.pdf", "")
    (source / "c.pdf").write_bytes(b"%PDF-1.4 nothing more")
    (source / "d.pdf").write_bytes(b"\x00" * 100)
    done = run_import(source)
    assert done["documents"] == 1
    reasons = {skip["line"]: skip["reason"] for skip in done["skipped"]}
    assert reasons[2] == "b.pdf: no text in this PDF: run OCR first"
    assert "not a PDF that can be read" in reasons[3]
    assert "not a PDF that can be read" in reasons[4]


def test_a_locked_pdf_is_refused(source: Path, run_import: Callable) -> None:
    document = FPDF()
    document.set_encryption(owner_password="owner", user_password="user")
    document.add_page()
    document.set_font("Helvetica", size=12)
    document.cell(text="Secret")
    document.output(str(source / "a.pdf"))
    done = run_import(source / "a.pdf")
    assert done.code == 2
    assert "password" in done["skipped"][0]["reason"]
