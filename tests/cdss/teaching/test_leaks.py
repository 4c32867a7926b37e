"""What a learner can get of a case before committing holds nothing that names what it is: over every published case."""

import re
from collections.abc import Iterator
from functools import cache
from io import BytesIO
from urllib.parse import urljoin

import pytest
from django.http import HttpResponse
from django.test import Client
from PIL import Image

from cdss.accounts.models import Role, User
from cdss.audit.models import Event
from cdss.library.models import Case, CaseImage
from cdss.reasoning.concepts import phenotype_names
from cdss.teaching.models import Attempt, Step

LINK = re.compile(r'(?:href|src|action|data-[a-z]+)="(/[^"#]*)')
# What a decoder tells of any picture, and nobody wrote into this one.
PLAIN = {"transparency", "jfif", "jfif_version", "jfif_unit", "jfif_density"}
OWN_PLACES = ("/teaching/cases/", "/teaching/attempts/")


@cache
def raw_synonyms() -> dict[str, list[str]]:
    """Names of one disease as the ontology spells them, read here without the code that is tested."""
    found: dict[str, list[str]] = {}
    for name, others in phenotype_names():
        for each in (name, *others):
            found[each.lower()] = [name, *others]
    return found


def secrets_of(case: Case) -> list[str]:
    """What must stand nowhere: diagnosis with synonyms and spellings, title, source, file names."""
    names = {case.diagnosis, case.topic_title} - {""}
    names |= {other for name in list(names) for other in raw_synonyms().get(name.lower(), [])}
    names |= {name.replace("ae", "e").replace("our", "or") for name in names}
    names |= {name[:-1] for name in names if name.endswith("s")}
    files = [str(image.file).rpartition("/")[2] for image in case.images.all()]
    stems = [name.rpartition(".")[0] for name in files]
    return [*names, case.title, case.source_id, *files, *stems, case.topic or case.title]


def everything_of(response: HttpResponse) -> Iterator[str]:
    yield str(response.status_code)
    yield from (f"{name}: {value}" for name, value in response.headers.items())
    yield from (morsel.OutputString() for morsel in response.cookies.values())
    content = b"".join(response.streaming_content) if response.streaming else response.content
    if response["Content-Type"].startswith("image/"):
        with Image.open(BytesIO(content)) as picture:
            assert not set(picture.info) - PLAIN, picture.info
            assert not picture.getexif()
        for chunk in (b"tEXt", b"iTXt", b"zTXt", b"eXIf", b"tIME"):
            assert chunk not in content
        # What could be read in the bytes themselves.
        yield "\n".join(part.decode() for part in re.findall(rb"[\x20-\x7e]{12,}", content))
    else:
        yield content.decode()


def leaks(responses: list[HttpResponse], case: Case) -> list[str]:
    said = "\n".join(part for response in responses for part in everything_of(response)).lower()
    return [secret for secret in secrets_of(case) if secret and re.search(rf"\b{re.escape(secret.lower())}\b", said)]


def crawl(client: Client, start: str) -> list[HttpResponse]:
    """The page and everything of the attempt that it points at, each address once."""
    seen, waiting, found = set(), [start], []
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        response = client.get(path)
        found.append(response)
        if response["Content-Type"].startswith("text/html") and path.startswith(OWN_PLACES):
            for link in LINK.findall(response.content.decode()):
                address = urljoin(path, link)
                if address.startswith("/teaching/attempts/") and not address.endswith("/commit/"):
                    waiting.append(address)
    return found


def way_through(client: Client, case: Case) -> list[HttpResponse]:
    """Everything up to the commit: the start, each step, images in all their addresses, refused and wrong requests."""
    found = [client.get("/teaching/"), client.get(f"/teaching/cases/{case.pk}/")]
    found.append(client.post(f"/teaching/cases/{case.pk}/"))
    address = found[-1]["Location"]
    for _ in range(len(Step) + 1):
        found += crawl(client, address)
        found.append(client.post(address))
    found.append(client.post(f"{address}commit/", {}))
    found.append(client.post(f"{address}commit/", {"answer1": "x" * 500, "confidence": "50"}))
    for number in (0, 1, 2, 99):
        found.append(client.get(f"{address}images/{number}/", {"frame": 3, "size": "thumb"}))
    found += doors(client, case)
    found.append(client.get(address, headers={"If-None-Match": '"x"', "Accept": "application/json"}))
    return found


def doors(client: Client, case: Case) -> list[HttpResponse]:
    """The same case by other ways of this product."""
    image = case.images.first()
    found = [
        client.get(f"/library/cases/{case.pk}/"),
        client.get(f"/library/items/{case.pk}/"),
        client.post(f"/consultations/from-case/{case.pk}/"),
        client.get("/notices/"),
    ]
    if image:
        found += [client.get(f"/library/images/{image.pk}/"), client.get(f"/library/images/{image.pk}/?size=thumb")]
        found += [client.get(f"/library/images/{image.pk}/0/")]
    return found


@pytest.mark.parametrize(
    ("role", "every"),
    [(Role.LEARNER, 4), (Role.CLINICIAN, 8), pytest.param(Role.LEARNER, 1, marks=pytest.mark.faults)],
)
def test_no_response_before_the_commit_names_what_it_is(
    client: Client, make_user, demo_library: list[Case], role: str, every: int
) -> None:
    learner = make_user("ada", role)
    client.force_login(learner)
    cases, responses, found = 0, 0, {}
    for case in demo_library[::every]:
        got = way_through(client, case)
        if said := leaks(got, case):
            found[case.source_id] = said
        assert {r.status_code for r in got} <= {200, 302, 403, 404, 422}
        cases, responses = cases + 1, responses + len(got)
        Attempt.objects.all().delete()
    assert not found
    # The count is a part of what is claimed.
    assert cases == len(demo_library) // every
    assert responses > 17 * cases


def test_this_test_would_see_a_leak(client: Client, learner: User, demo_library: list[Case]) -> None:
    """After the commit the same crawl finds what it looks for."""
    client.force_login(learner)
    case = demo_library[0]
    address = client.post(f"/teaching/cases/{case.pk}/")["Location"]
    client.post(f"{address}commit/", {"give_up": "1"})
    assert case.diagnosis in leaks(crawl(client, address), case)


HOSTILE = {
    "history": "A man of 58. Known haemangioma of the liver since 2010. Haemangiomata were seen before. No fever.",
    "exam": "Soft abdomen. Cavernous hemangioma was suspected elsewhere, code D18.03.",
    "findings": "A bright lesion of 3 cm. Typical of an hepatic-haemangioma. It enhances from its edge.",
    "diagnosis": "Hepatic haemangioma",
    "alternative_title": "A liver haemangioma in disguise",
    "alternative_abstract": "A bright lesion. This is a haemangioma.",
    "codes": [{"system": "ICD-10-CM", "code": "D18.03", "display": "Hemangioma of intra-abdominal structures"}],
    "keywords": ["haemangioma"],
    "topic": "hepatic-haemangioma",
    "topic_title": "Hepatic haemangioma",
}


def test_a_case_that_says_it_everywhere(client: Client, learner: User, demo_library: list[Case]) -> None:
    case = next(case for case in demo_library if case.images.exists())
    for name, value in HOSTILE.items():
        setattr(case, name, value)
    case.save()
    CaseImage.objects.filter(case=case).update(
        caption="The haemangioma of the liver.", plane="Haemangioma", modality="MR of hemangioma"
    )
    client.force_login(learner)
    case = Case.objects.get(pk=case.pk)
    got = way_through(client, case)
    assert leaks(got, case) == []
    said = "\n".join(part for response in got for part in everything_of(response)).lower()
    for word in ("angioma", "d18.03", "disguise"):
        assert word not in said, word
    # What does not name it is still told.
    for kept in (
        "a man of 58.",
        "no fever.",
        "soft abdomen.",
        "a bright lesion of 3 cm.",
        "it enhances from its edge.",
    ):
        assert kept in said, kept
    assert f"unknown case {case.pk}" in said


def test_the_trail_holds_no_diagnosis(client: Client, learner: User, demo_library: list[Case]) -> None:
    client.force_login(learner)
    case = demo_library[0]
    address = client.post(f"/teaching/cases/{case.pk}/")["Location"]
    client.post(f"{address}commit/", {"answer1": "Hamartoma", "confidence": "70"})
    rows = [str(event.details) for event in Event.objects.filter(action__startswith="teaching.")]
    assert rows
    assert "amartoma" not in "".join(rows)
