"""In the child: XML as plain lists, and the text of PDF files page by page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from retrieval.errors import UnreadableError
from retrieval.sandbox.protocol import Part
from retrieval.sandbox.sources import File

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

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
    """One document, refused above so many bytes, elements and levels."""
    from xml.etree.ElementTree import ParseError

    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import parse

    if file.size > args["most_bytes"]:
        raise UnreadableError(f"larger than {args['most_bytes'] // 1024**2} MB")
    try:
        root = parse(file.buffered()).getroot()
    except DefusedXmlException as error:
        raise UnreadableError(ENTITIES) from error
    except (ParseError, ValueError, LookupError) as error:
        raise UnreadableError(f"broken XML: {error}") from error
    return Part({"root": _plain(root, args["nodes"], args["depth"])})


def articles(args: Mapping[str, Any], file: File) -> Iterator[Part]:
    """Every element of this name, some at a time; in place of one that is too large, why it is left out."""
    from xml.etree.ElementTree import ParseError

    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import iterparse

    held: list[Any] = []
    try:
        for _, element in iterparse(file.buffered(), events=("end",)):
            if element.tag == args["name"]:
                held.append(_plain_or_why(element))
                element.clear()
            if len(held) == TOGETHER:
                yield Part({"found": held})
                held = []
    except ParseError as error:
        yield Part({"found": held})
        raise UnreadableError(f"broken XML: {error}") from error
    except DefusedXmlException as error:
        yield Part({"found": held})
        raise UnreadableError(ENTITIES) from error
    yield Part({"found": held})


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


def _plain_or_why(element: Element) -> Any:
    try:
        return _plain(element, MAX_NODES, MAX_DEPTH)
    except UnreadableError as error:
        return str(error)


def _plain(root: Element, nodes: int, depth: int) -> list[Any]:
    """[name, attributes, text, tail, children]"""
    count, level = 0, [root]
    for _ in range(depth):
        count += len(level)
        if count > nodes:
            raise UnreadableError(f"the XML has more than {nodes:,} elements")
        level = [child for element in level for child in element]
        if not level:
            return _listed(root)
    raise UnreadableError(f"the XML is nested more than {depth} deep")


def _listed(element: Element) -> list[Any]:
    children = [_listed(child) for child in element]
    return [element.tag, dict(element.attrib), element.text, element.tail, children]
