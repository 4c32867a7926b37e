"""Run as a program on a site: makes users and signs them in, and writes their cookies and what there is to open.

python -m tests.load.prepare USERS FILE
"""

import json
import sys
from pathlib import Path

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.test import Client  # noqa: E402

from cdss.accounts.models import Role, User  # noqa: E402
from cdss.library.models import CaseImage, LibraryItem  # noqa: E402


def main(count: int, path: Path) -> None:
    sessions = []
    for number in range(count):
        user, _ = User.objects.get_or_create(username=f"load-{number}", defaults={"role": Role.CLINICIAN})
        client = Client()
        client.force_login(user)
        sessions.append(client.cookies[settings.SESSION_COOKIE_NAME].value)
    items = LibraryItem.objects.published().values_list("pk", "kind")
    path.write_text(json.dumps({
        "cookie": settings.SESSION_COOKIE_NAME,
        "sessions": sessions,
        "cases": [pk for pk, kind in items if kind == "case"],
        "documents": [pk for pk, kind in items if kind != "case"],
        "images": list(CaseImage.objects.filter(case__state="published").values_list("pk", flat=True)),
    }))  # fmt: skip
    path.chmod(0o600)


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
