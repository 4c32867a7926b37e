"""In the child: XML as plain lists, and the text of PDF files page by page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from retrieval.errors import UnreadableError
from retrieval.sandbox.protocol import Part
from retrieval.sandbox.sources import File

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

ENCODING = ". Save it as UTF-8, or have its first line name the encoding it is in"
ENTITIES = "the XML declares entities, which is not allowed"
# Articles that are sent at once.
TOGETHER = 32
MAX_NODES = 100_000
MAX_DEPTH = 100


def warm() -> None:
    import defusedxml.ElementTree
    import pypdf  # noqa: F401

    defusedxml.ElementTree.fromstring("<a/>")


def xml(args: Mapping[str, Any], file: File) -> Part:
    """One document, refused as soon as it has more than so many bytes, elements or levels."""
    if file.size > args["most_bytes"]:
        raise UnreadableError(f"larger than {args['most_bytes'] // 1024**2} MB")
    root: Element | None = None
    for element in _bounded(file, args["nodes"], args["depth"]):
        root = element
    if root is None:
        raise UnreadableError("broken XML: there is no element")
    return Part({"root": _listed(root)})


def articles(args: Mapping[str, Any], file: File) -> Iterator[Part]:
    """Every element of this name, some at a time."""
    held: list[Any] = []
    try:
        for element in _bounded(file, MAX_NODES, MAX_DEPTH, among=args["name"]):
            if element.tag == args["name"]:
                held.append(_listed(element))
                element.clear()
            if len(held) == TOGETHER:
                yield Part({"found": held})
                held = []
    except UnreadableError:
        yield Part({"found": held})
        raise
    yield Part({"found": held})


def _bounded(file: File, nodes: int, depth: int, *, among: str = "") -> Iterator[Element]:
    """Each element at its end, the root last. Elements and attributes are counted in the whole document, or, with
    `among`, from one element of this name to the next."""
    from xml.etree.ElementTree import ParseError

    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import iterparse

    count = level = 0
    try:
        for event, element in iterparse(file.buffered(), events=("start", "end")):
            if event == "end":
                level -= 1
                count = 0 if among and element.tag == among else count
                yield element
                continue
            level += 1
            count += 1 + len(element.attrib)
            if count > nodes:
                raise UnreadableError(f"the XML has more than {nodes:,} elements")
            if level > depth:
                raise UnreadableError(f"the XML is nested more than {depth} deep")
    except DefusedXmlException as error:
        raise UnreadableError(ENTITIES) from error
    except (ParseError, LookupError, ValueError) as error:
        hint = ENCODING if "invalid token" in str(error) or isinstance(error, LookupError | ValueError) else ""
        raise UnreadableError(f"broken XML: {error}{hint}") from error


def pdf(args: Mapping[str, Any], file: File) -> Part:
    """The text of every page, and what the file says of itself."""
    from pypdf import PdfReader
    from pypdf.errors import PyPdfError

    try:
        reader = PdfReader(file.buffered())
        if reader.is_encrypted and not reader.decrypt(""):
            raise UnreadableError("locked with a password: save it without one first")
        if len(reader.pages) > args["pages"]:
            raise UnreadableError(f"more than {args['pages']:,} pages: split it first")
        pages, length = [], 0
        for page in reader.pages:
            pages.append(page.extract_text() or "")
            length += len(pages[-1])
            if length > args["characters"]:
                raise UnreadableError(f"more than {args['characters']:,} characters of text: split it first")
        about: Any = reader.metadata or {}
        said = {name: str(about.get(f"/{name}") or "")[:2000] for name in ("Title", "Author", "CreationDate")}
    except UnreadableError:
        raise
    except MemoryError as error:
        raise UnreadableError("it takes more memory than one file may take. Print it to a new PDF.") from error
    except (PyPdfError, Exception) as error:
        kind = type(error).__name__
        raise UnreadableError(
            f"not a PDF that can be read ({kind}). Download it again, or print it to a new PDF."
        ) from error
    return Part({"pages": pages, **said})


def _listed(element: Element) -> list[Any]:
    """[name, attributes, text, tail, children]"""
    children = [_listed(child) for child in element]
    return [element.tag, dict(element.attrib), element.text, element.tail, children]
