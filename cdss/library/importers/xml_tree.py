"""XML as plain lists that can be stored as JSON: [tag, {attribute: value}, [text or child, …]]."""

import re
from typing import TYPE_CHECKING, Any

from cdss.library.field_values import RowError, clean

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

Tree = list[Any]
MAX_DEPTH = 60
MAX_NODES = 20_000
NAME = re.compile(r"(?:\{[^{}\s<>\"]{1,200}\})?[A-Za-z_][\w.-]{0,99}")
# What a reader of the file could run. Its text is of no case.
ACTIVE = frozenset({"script", "style", "iframe", "frame", "object", "embed", "applet", "link", "meta", "base", "form",
                    "foreignobject", "handler", "set", "animate", "use"})  # fmt: skip
ACTIVE_VALUE = re.compile(r"\s*(?:javascript|vbscript|data)\s*:", re.IGNORECASE)
SPACES_AND_CONTROLS = re.compile(r"[\s\x00-\x1f]+")


def check_depth(root: "Element") -> None:
    """Raises RowError for what no program should have to walk through."""
    count, level = 0, [root]
    for _ in range(MAX_DEPTH):
        count += len(level)
        if count > MAX_NODES:
            raise RowError(f"the XML has more than {MAX_NODES:,} elements")
        level = [child for element in level for child in element]
        if not level:
            return
    raise RowError(f"the XML is nested more than {MAX_DEPTH} deep")


def tree_of(element: "Element") -> Tree:
    children: Tree = [clean_inside(element.text or "")]
    for child in element:
        if isinstance(child.tag, str) and not is_active(child.tag):
            children.append(tree_of(child))
        children.append(clean_inside(child.tail or ""))
    attributes = {
        name: clean(value)
        for name, value in element.attrib.items()
        if NAME.fullmatch(name) and is_harmless(name, value)
    }
    return [element.tag, attributes, [child for child in children if child]]


def element_of(tree: Tree) -> "Element":
    from xml.etree.ElementTree import Element, SubElement

    tag, attributes, children = tree
    root = Element(tag, attributes)

    def fill(element: "Element", children: Tree) -> None:
        last = None
        for child in children:
            if isinstance(child, str):
                if last is None:
                    element.text = (element.text or "") + child
                else:
                    last.tail = (last.tail or "") + child
            else:
                last = SubElement(element, child[0], child[1])
                fill(last, child[2])

    fill(root, children)
    return root


def checked_tree(data: object) -> Tree:
    """A tree that came from outside as JSON. Raises RowError when it is none."""
    count = 0

    def check(node: object, depth: int) -> Tree:
        nonlocal count
        count += 1
        if depth > MAX_DEPTH or count > MAX_NODES:
            raise RowError("carried: nested too deeply, or too large")
        if not (isinstance(node, list) and len(node) == 3 and isinstance(node[0], str) and NAME.fullmatch(node[0])):
            raise RowError("carried: expected [name, {attributes}, [texts and elements]]")
        name, attributes, children = node
        if not isinstance(attributes, dict) or not isinstance(children, list):
            raise RowError("carried: expected [name, {attributes}, [texts and elements]]")
        kept = {
            str(key): clean(value)
            for key, value in attributes.items()
            if isinstance(value, str) and NAME.fullmatch(key) and is_harmless(key, value)
        }
        inner = [clean_inside(child) if isinstance(child, str) else child for child in children]
        return [
            name,
            kept,
            [
                each if isinstance(each, str) else check(each, depth + 1)
                for each in inner
                if isinstance(each, str) or not is_active(_first(each))
            ],
        ]

    return check(data, 0)


def clean_inside(text: str) -> str:
    """What every database and XML can hold, without losing the blanks around it."""
    text = clean(f"x{text}x")[1:-1]
    return "".join(
        " " if (character < " " and character not in "\n\t") or character in "\ufffe\uffff" else character
        for character in text
    )


def is_active(tag: str) -> bool:
    return tag.rpartition("}")[2].lower() in ACTIVE


def is_harmless(name: str, value: str) -> bool:
    bare = SPACES_AND_CONTROLS.sub("", value)
    return not name.rpartition("}")[2].lower().startswith("on") and not ACTIVE_VALUE.match(bare)


def still(tree: Tree) -> Tree:
    """A drawing that fetches nothing: addresses in it name parts of itself, or go."""
    tag, attributes, children = tree
    kept = {name: value for name, value in attributes.items() if not _fetches(name, value)}
    return [tag, kept, [child if isinstance(child, str) else still(child) for child in children]]


def _fetches(name: str, value: str) -> bool:
    bare = SPACES_AND_CONTROLS.sub("", value).lower()
    addresses = re.findall(r"url\(['\"]?(.?)", bare)
    if name.rpartition("}")[2].lower() in ("href", "src"):
        addresses.append(bare[:1])
    return any(first != "#" for first in addresses) or "@import" in bare


def text_of_tree(tree: Tree) -> str:
    return "".join(child if isinstance(child, str) else text_of_tree(child) for child in tree[2])


def _first(node: object) -> str:
    return node[0] if isinstance(node, list) and node and isinstance(node[0], str) else ""
