"""Files of the program under names that hold their hash, so that a browser asks for each of them once.

They are made for one state of the sources and say which. Where there are none for the sources that are here, files go
by their own names, so that an update never meets the names of another version.
"""

import hashlib
import json
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import django
from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.files.storage import Storage
from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from whitenoise.middleware import WhiteNoiseMiddleware
from whitenoise.storage import CompressedManifestStaticFilesStorage

# Django rewrites what a module imports; a worker is named by an address beside the module.
WORKER = (
    r"""(?P<matched>new URL\(\s*["'](?P<url>\./[^"']+)["']\s*,\s*import\.meta\.url\))""",
    """new URL("%(url)s", import.meta.url)""",
)
HASHED = re.compile(r"\.[0-9a-f]{12}(?=\.\w+$)")
# Pages that were opened before an update still ask for the files of the version before it.
KEPT_SECONDS = 30 * 24 * 60 * 60


class HashedFiles(CompressedManifestStaticFilesStorage):
    support_js_module_import_aggregation = True
    keep_only_hashed_files = True
    patterns = (*CompressedManifestStaticFilesStorage.patterns, ("*.js", (WORKER,)))

    def load_manifest(self) -> tuple[dict[str, str], str]:
        try:
            stored = json.loads(self.read_manifest() or "{}")
            if stored.get("sources") == sources_sha256() and all(map(self.exists, stored["paths"].values())):
                return stored["paths"], stored["hash"]
        except (OSError, ValueError, KeyError, AttributeError):
            pass
        return {}, ""

    def save_manifest(self) -> None:
        super().save_manifest()
        place = Path(self.path(self.manifest_name))
        place.write_text(json.dumps(json.loads(place.read_text()) | {"sources": sources_sha256()}))

    def url_converter(self, *args: Any, **kwargs: Any) -> Callable[[re.Match[str]], str]:
        """What a package's script names and does not bring stays as it is written."""
        convert = super().url_converter(*args, **kwargs)

        def converted(found: re.Match[str]) -> str:
            try:
                return str(convert(found))
            except ValueError:
                return found[0]

        return converted

    def stored_name(self, name: str) -> str:
        return self.hashed_files.get(self.clean_name(name), name)


class StaticFilesMiddleware(WhiteNoiseMiddleware):  # type: ignore[misc]
    """A page of another host, or of an older version, may name a file by a hash that is not here: its own name is."""

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        path = request.path_info
        if path.startswith(self.static_prefix) and path not in self.files:
            plain = HASHED.sub("", path)
            if plain != path and plain in self.files:
                return HttpResponseRedirect(plain, headers={"Cache-Control": "no-store"})
        answer: HttpResponseBase = super().__call__(request)
        return answer


def sources() -> Iterator[tuple[str, Storage, str]]:
    """Each file's name in addresses, and where it is; the first of a name holds."""
    seen = set()
    for finder in get_finders():
        for path, storage in finder.list([]):
            prefix = getattr(storage, "prefix", None)
            name = f"{prefix}/{path}" if prefix else path
            if name not in seen:
                seen.add(name)
                yield name, storage, path


def sources_sha256() -> str:
    digest = hashlib.sha256(f"1 {django.get_version()}\n".encode())
    for name, storage, path in sorted(sources(), key=lambda found: found[0]):
        content = Path(storage.path(path)).read_bytes()
        digest.update(f"{name} {len(content)}\n".encode() + content)
    return digest.hexdigest()


def static_files_collect() -> bool:
    """Makes them when those that are there are not of these sources; says whether it did."""
    root = Path(settings.STATIC_ROOT)
    root.mkdir(parents=True, exist_ok=True)
    if HashedFiles().hashed_files:
        return False
    with tempfile.TemporaryDirectory(prefix=".static-", dir=root.parent) as folder:
        place = Path(folder)
        _make(HashedFiles(location=folder))
        _publish(place, root)
    _forget_old(root)
    # Of this process: it may have looked before they were there.
    vars(staticfiles_storage)["_wrapped"] = HashedFiles()
    return True


def _make(storage: HashedFiles) -> None:
    found: dict[str, Any] = {}
    for name, origin, path in sources():
        with origin.open(path) as file:
            storage.save(name, file)
        found[name] = (origin, path)
    for _, _, processed in storage.post_process(found):
        if isinstance(processed, Exception):
            raise processed


def _publish(place: Path, root: Path) -> None:
    """File by file under its final name, whole and on the disk; what names them comes last."""
    files = sorted((path for path in place.rglob("*") if path.is_file()), key=lambda path: path.parent == place)
    for path in files:
        target = root / path.relative_to(place)
        target.parent.mkdir(parents=True, exist_ok=True)
        with path.open("rb") as file:
            os.fsync(file.fileno())
        path.replace(target)


def _forget_old(root: Path) -> None:
    before = time.time() - KEPT_SECONDS
    for path in root.rglob("*"):
        if path.is_file() and path.stat().st_mtime < before:
            path.unlink(missing_ok=True)
