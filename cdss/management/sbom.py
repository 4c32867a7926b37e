"""The bill of materials: what the lock file names, as it is installed, and the model weights with their checksums."""

import re
from importlib import metadata
from pathlib import Path
from typing import Any
from urllib.parse import quote

_PINNED = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)$")


def bill_of_materials(*, lock: Path, name: str, version: str) -> dict[str, Any]:
    """CycloneDX 1.5. Raises ValueError for a line that pins nothing."""
    components = [_component(*pinned) for pinned in locked(lock)]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": {"type": "application", "name": name, "version": version}},
        "components": [*components, *_weights()],
    }


def locked(lock: Path) -> list[tuple[str, str]]:
    found = []
    for line in lock.read_text().split("\n"):
        if not line.strip():
            continue
        pinned = _PINNED.match(line.strip())
        if not pinned:
            raise ValueError(f"{lock.name}: {line!r} pins no version.")
        found.append((pinned[1], pinned[2]))
    return found


def _component(name: str, version: str) -> dict[str, Any]:
    plain = re.sub(r"[-_.]+", "-", name).lower()
    component: dict[str, Any] = {
        "type": "library",
        "bom-ref": f"pkg:pypi/{plain}@{quote(version)}",
        "name": plain,
        "version": version,
        "purl": f"pkg:pypi/{plain}@{quote(version)}",
    }
    if licence := _licence(name):
        component["licenses"] = [{"license": {"name": licence}}]
    return component


def _licence(name: str) -> str:
    """In the words of the package; nothing where it is not installed on this machine."""
    try:
        about = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        return ""
    classifiers = [each for each in about.get_all("Classifier") or [] if each.startswith("License ::")]
    stated = about["License-Expression"] or (classifiers[0].rpartition(" :: ")[2] if classifiers else "")
    return stated or (about["License"] or "").split("\n")[0][:80]


def _weights() -> list[dict[str, Any]]:
    from retrieval.encoders.lite0 import LITE0_SHA256
    from retrieval.encoders.text import MINILM_SHA256

    return [
        {
            "type": "machine-learning-model",
            "bom-ref": f"weights:{sha256}",
            "name": name,
            "version": sha256[:12],
            "hashes": [{"alg": "SHA-256", "content": sha256}],
        }
        for name, sha256 in (("all-MiniLM-L6-v2", MINILM_SHA256), ("efficientnet-lite0", LITE0_SHA256))
    ]
