"""How long every page takes: `python -m tests.profile_pages HOME` on a copy of a site, which `--fill` puts rows into.

Of every URL that is read with GET, for the first and the last of those who may: queries, milliseconds of
processor time (the median of some requests through Django's test client, after one that is not counted) and bytes.
"""

import argparse
import json
import os
import statistics
import time
from pathlib import Path
from typing import Any

ROUNDS = 5
# Of what a person or a site has some of: saved searches, collections, courses.
FEW = 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("home", type=Path, help="the folder of a site that may be written to")
    parser.add_argument(
        "--fill", type=int, default=0, metavar="N", help="puts so many rows of everything into it first"
    )
    parser.add_argument("--only", default="", help="pages whose name holds this")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--against", type=Path, help="what --json wrote of an earlier run")
    parser.add_argument("--most", type=int, default=20, help="of how many of the slowest it tells")
    options = parser.parse_args()
    os.environ |= {
        "CDSS_HOME": str(options.home),
        "CDSS_HTTPS": "False",
        "ALLOWED_HOSTS": "testserver",
        "DJANGO_SETTINGS_MODULE": "cdss.settings",
    }
    os.environ.setdefault("LOG_LEVEL", "ERROR")

    import django

    django.setup()
    known = options.home / "profiled.json"
    if options.fill:
        known.write_text(json.dumps(filled(options.fill), default=str))
    rows = measured(json.loads(known.read_text()), options.only)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1))
    before = json.loads(options.against.read_text()) if options.against else []
    tell(rows, {(row["page"], row["person"]): row for row in before}, options.most)


def filled(copies: int) -> dict[str, Any]:
    """The world of the tests beside what is there, and copies of it, of past consultations and of documents."""
    from django.db import transaction

    from cdss.accounts.models import Role, User
    from cdss.consultations.models import Consultation
    from cdss.feedback.models import Feedback
    from cdss.library.models import Document
    from cdss.teaching.lti.keys import tool_key
    from tests.cdss.rows import more, one_of_each, rows_there
    from tests.cdss.test_access import one_world

    def made(username: str, role: str = Role.CLINICIAN, **fields: object) -> User:
        return User.objects.create_user(username=username, role=role, **fields)

    there = rows_there()
    known = {(type(row), row.pk) for row in there}
    with transaction.atomic():
        people = {
            "owner": made("owner", department="radiology"),
            "educator": made("educator", Role.EDUCATOR, department="radiology"),
            "auditor": made("auditor", Role.AUDITOR),
            "administrator": made("administrator", Role.ADMINISTRATOR),
        }
        Consultation.objects.update(user=people["owner"])
        world = one_world(made, people)
        tool_key()
        one_of_each()
        more([row for row in rows_there() if (type(row), row.pk) not in known], min(copies, FEW), below=FEW)
        many = (Consultation.__module__, Feedback.__module__)
        more([row for row in rows_there() if type(row).__module__ in many and row.pk <= copies], copies // 3, below=0)
        more([row for row in there if isinstance(row, Document)], 3, below=0)
    return {"people": {name: user.username for name, user in people.items()}, "objects": world.objects}


def measured(known: dict[str, Any], only: str) -> list[dict[str, Any]]:
    from django.test import Client

    from cdss.accounts.models import User

    clients = {"anonymous": Client()}
    for person, username in known["people"].items():
        clients[person] = Client()
        clients[person].force_login(User.objects.get(username=username))
    return [
        measure(name, clients[person], person, url) for name, person, url in pages(known["objects"]) if only in name
    ]


def pages(objects: dict[str, Any]) -> list[tuple[str, str, str]]:
    """(name, who asks, address): those of the table of access, and the same of the largest things that are there."""
    from urllib.parse import urlencode

    from django.db.models import Count
    from django.db.models.functions import Length
    from django.urls import reverse

    from cdss.consultations.models import Citation, Consultation
    from cdss.library.models import Case, Document, Visibility
    from tests.cdss.test_access import PEOPLE, TABLE, World

    found = []
    for row in TABLE:
        allowed = [person for person, status in zip(PEOPLE, row.expected, strict=True) if status == 200]
        for person in dict.fromkeys((*allowed[:1], *allowed[-1:])) if row.method == "GET" else ():
            url = World({}, objects).url(row.name, row.args)
            found.append((row.name, person, f"{url}?{urlencode(row.data)}" if row.data else url))
    answered = Consultation.objects.alias(n=Count("evidence", distinct=True), m=Count("images", distinct=True))
    for number, one in enumerate(answered.order_by("-n", "-m", "pk")[:2]):
        found += [
            (
                f"consultations:{name}, of 25 pieces of evidence ({number})",
                "owner",
                reverse(f"consultations:{name}", args=[one.pk]),
            )
            for name in ("detail", "print", "status", "export")
        ]
        citation = Citation.objects.filter(evidence__consultation=one).first()
        found.append((f"feedback:citation, of 25 pieces of evidence ({number})", "owner",
                      reverse("feedback:citation", args=[one.pk, citation.pk])))  # fmt: skip
    case = Case.objects.filter(visibility=Visibility.PUBLIC).alias(n=Count("images")).order_by("-n").first()
    document = Document.objects.filter(visibility=Visibility.PUBLIC).order_by(Length("text").desc()).first()
    found.append(("library:case, with most images", "owner", reverse("library:case", args=[case.pk])))
    found.append(("library:document, the longest", "owner", reverse("library:document", args=[document.pk])))
    for said in ("q=pulmonary nodule", "kind=literature&page=50", "kind=case", "q=mass&kind=case&view=table"):
        found.append((f"library:list, {said}", "owner", f"{reverse('library:list')}?{said}"))
    return found


def measure(page: str, client: Any, person: str, url: str) -> dict[str, Any]:
    from django.db import connection, reset_queries
    from django.test.utils import CaptureQueriesContext

    taken, sent, asked = [], b"", 0
    for _ in range(ROUNDS + 1):
        reset_queries()
        with CaptureQueriesContext(connection) as queries:
            started = time.process_time()
            response = client.get(url)
            sent = b"".join(response.streaming_content) if response.streaming else response.content
            taken.append(1000 * (time.process_time() - started))
        asked = len(queries.captured_queries)
    return {"page": page, "person": person, "url": url, "status": response.status_code, "queries": asked,
            "ms": round(statistics.median(taken[1:]), 2), "first": round(taken[0], 1), "bytes": len(sent)}  # fmt: skip


def tell(rows: list[dict[str, Any]], before: dict[tuple[str, str], dict[str, Any]], most: int) -> None:
    for row in sorted(rows, key=lambda row: -row["ms"])[:most]:
        then = before.get((row["page"], row["person"]))
        was = f"   before: {then['queries']:3} queries {then['ms']:8.1f} ms {then['bytes']:9,} bytes" if then else ""
        print(f"{row['page']:58} {row['person']:14} {row['status']} {row['queries']:3} queries {row['ms']:8.1f} ms "
              f"{row['bytes']:9,} bytes{was}")  # fmt: skip
    both = [(row, before[row["page"], row["person"]]) for row in rows if (row["page"], row["person"]) in before]
    print(f"{len(rows)} pages, {sum(row['ms'] for row in rows):.0f} ms together", end="")
    print(f"; {len(both)} of them before: {sum(then['ms'] for _, then in both):.0f} ms" if both else "")


if __name__ == "__main__":
    main()
