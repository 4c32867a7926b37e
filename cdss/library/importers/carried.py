from collections.abc import Mapping
from typing import Any

from cdss.library.field_values import RowError
from cdss.library.importers.xml_tree import checked_tree, still

FORMATS = ("mirc", "tce")
MAX_FILES = 100


def carried_of(data: Mapping[str, Any]) -> dict[str, Any]:
    """What a case line carries of another format. Untrusted: a tree of texts, and nothing that runs."""
    said = data.get("carried")
    if said is None:
        return {}
    if not isinstance(said, dict) or said.get("format") not in FORMATS:
        raise RowError(f"carried: expected an object with format ({' or '.join(FORMATS)}) and tree")
    files = said.get("files") or {}
    if not isinstance(files, dict) or len(files) > MAX_FILES or not all(_is_inside(name) for name in files):
        raise RowError("carried: files: expected names inside the folder of the file, each with a tree")
    found = {"format": said["format"], "tree": checked_tree(said.get("tree"))}
    return found | ({"files": {name: still(checked_tree(tree)) for name, tree in files.items()}} if files else {})


def _is_inside(name: object) -> bool:
    if not isinstance(name, str) or not name or len(name) > 200:
        return False
    parts = name.replace("\\", "/").split("/")
    return ".." not in parts and not name.startswith(("/", "\\")) and ":" not in name and name.isprintable()
