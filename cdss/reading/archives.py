"""In the child: the members of a ZIP file, one at a time, none of them ever written by the child."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from zipfile import ZipFile

from cdss.library.archives import DAMAGED, ENCRYPTED, ArchiveLimits, zip_members
from cdss.library.intake_errors import IntakeError
from retrieval.errors import UnreadableError
from retrieval.sandbox.protocol import Part
from retrieval.sandbox.sources import File

# Where a DICOM file says its class.
HEAD = 1024


def members(args: Mapping[str, Any], file: File) -> Iterator[Part]:
    limits = ArchiveLimits(**args["archive"])
    try:
        for name, content in zip_members(file.buffered(), limits):
            yield Part({"name": name}, [content])
    except IntakeError as error:
        raise UnreadableError(str(error)) from error


def listed(args: Mapping[str, Any], file: File) -> Part:
    """The first names in it, and which of them begin with a DICOM file that has these bytes in its head."""
    names, marked = [], []
    try:
        with ZipFile(file.buffered()) as archive:
            for member in archive.infolist()[: args["most"]]:
                names.append(member.filename)
                if args.get("mark") and not member.is_dir() and not member.flag_bits & ENCRYPTED:
                    with archive.open(member) as opened:
                        head = opened.read(HEAD)
                    if head[128:132] == b"DICM" and args["mark"].encode() + b"\0" in head:
                        marked.append(member.filename)
    except DAMAGED as error:
        raise UnreadableError(
            "This ZIP file is damaged or cannot be read. Pack it again without a password."
        ) from error
    return Part({"names": names, "marked": marked})
