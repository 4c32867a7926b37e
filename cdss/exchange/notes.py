"""What stands beside every export: what it is, and under which licences."""

from collections import Counter
from typing import Any

NO_LICENCE = "not stated: ask who made the case before passing it on"


def readme(done: Any, format_name: str, title: str) -> str:
    lines = [
        title or "Teaching cases",
        "",
        f"{format_name}: {done.cases} case{'s' * (done.cases != 1)}, {done.images} image{'s' * (done.images != 1)}.",
        "For teaching and research. Not a medical device; nothing in it is advice for a patient.",
        "Identifiers were removed when the cases came into the library they are from.",
        "LICENCES.txt says under which licences cases and images are, and whom to name.",
    ]
    if done.form == "html":
        lines += [
            "Open index.html in a browser; no network is needed. Answers that are hidden on a page are in its file",
            "all the same: whoever opens the file in an editor can read them. Do not use it for an examination.",
        ]
    if done.without_images:
        lines.append("The site is locked to text: images were left out.")
    if done.missing:
        lines.append(f"{done.missing} images are listed in the library, but their files are not there: left out.")
    return "\n".join([*lines, ""])


def licence_lines(licences: Counter[tuple[str, str]]) -> str:
    lines = ["Count  Licence  Attribution"]
    for (licence, attribution), count in sorted(licences.items()):
        said = " ".join(licence.split()) or NO_LICENCE
        lines.append(f"{count}  {said}  {' '.join(attribution.split())}".rstrip())
    return "\n".join([*lines, ""])
