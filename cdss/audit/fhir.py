"""An event as a FHIR R4 AuditEvent in the patterns of IHE BALP (Basic Audit Log Patterns 1.1.3)."""

import base64
import json
from collections.abc import Iterable, Iterator, Mapping
from ipaddress import ip_address
from typing import Any

from cdss.exports import Pieces

SYSTEM = "urn:cdss:audit"
PROFILE = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit."
DCM = "http://dicom.nema.org/resources/ontology/DCM"
TERMINOLOGY = "http://terminology.hl7.org/CodeSystem/"
REST = "http://hl7.org/fhir/restful-interaction"
SOURCE = ("110153", "Source Role ID")
DESTINATION = ("110152", "Destination Role ID")
IP_ADDRESS, HOST_NAME = "2", "1"
START, END = '{"resourceType": "Bundle", "type": "collection", "entry": [\n', "\n]}\n"

# How an action ends → interaction, action of the event, profile. What is not here is an update.
READ, QUERY = ("read", "R", "Read"), ("search", "E", "Query")
CREATE, UPDATE, DELETE = ("create", "C", "Create"), ("update", "U", "Update"), ("delete", "D", "")
INTERACTIONS = {
    "viewed": READ,
    "image_viewed": READ,
    "printed": READ,
    "followed": READ,
    "replayed": READ,
    "verified": READ,
    "listed": QUERY,
    "exported": QUERY,
    "created": CREATE,
    "started": CREATE,
    "drafted": CREATE,
    "asked_again": CREATE,
    "given": CREATE,
    "imported": CREATE,
    "anchored": CREATE,
    "search_saved": CREATE,
    "search_deleted": DELETE,
}
# DICOM's own words for coming and going: no interaction with a resource.
SIGNING = {"signed_in": ("110122", "Login"), "signed_out": ("110123", "Logout"), "sign_in_failed": ("110122", "Login")}
FAILED = ("failed", "locked")


def bundle_pieces(entries: Iterable[Mapping[str, Any]]) -> Pieces:
    yield START, 0
    separator = ""
    for found in entries:
        yield separator + json.dumps(found, ensure_ascii=False), 1
        separator = ",\n"
    yield END, 0


def entry(row: Mapping[str, Any]) -> dict[str, Any]:
    return {"fullUrl": f"{SYSTEM}:event:{row['sequence']}", "resource": audit_event(row)}


def audit_event(row: Mapping[str, Any]) -> dict[str, Any]:
    word = row["action"].rpartition(".")[2]
    failed = word.endswith(FAILED) or row["details"].get("status") == "failed" or row["details"].get("holds") is False
    common = {
        "resourceType": "AuditEvent",
        "id": str(row["sequence"]),
        "extension": [
            {"url": f"{SYSTEM}:hash", "valueString": row["hash"]},
            {"url": f"{SYSTEM}:previous-hash", "valueString": row["previous_hash"]},
        ],
        "recorded": row["at"],
        "outcome": "8" if failed else "0",
        "outcomeDesc": row["action"],
        "source": {"observer": {"display": "CDSS"}},
    }
    if word in SIGNING:
        return common | _signing(row, SIGNING[word])
    return common | _rest(row, INTERACTIONS.get(word, UPDATE), with_profile=not failed)


def _signing(row: Mapping[str, Any], subtype: tuple[str, str]) -> dict[str, Any]:
    return {
        "type": {"system": DCM, "code": "110114", "display": "User Authentication"},
        "subtype": [{"system": DCM, "code": subtype[0], "display": subtype[1]}],
        "action": "E",
        "agent": [_client(row, SOURCE), *_user(row, "IRCP", "information recipient")],
    }


def _rest(row: Mapping[str, Any], interaction: tuple[str, str, str], *, with_profile: bool) -> dict[str, Any]:
    code, action, profile = interaction
    # What is read flows from the server; a question, as what is written, from the client.
    client, server = (DESTINATION, SOURCE) if interaction is READ else (SOURCE, DESTINATION)
    user = ("IRCP", "information recipient") if interaction in (READ, QUERY) else ("AUT", "author (originator)")
    # The profiles are for what succeeded.
    meta = {"meta": {"profile": [PROFILE + profile]}} if profile and with_profile else {}
    return meta | {
        "type": {"system": f"{TERMINOLOGY}audit-event-type", "code": "rest", "display": "Restful Operation"},
        "subtype": [{"system": REST, "code": code, "display": code}, {"system": SYSTEM, "code": row["action"]}],
        "action": action,
        "agent": [_client(row, client), _server(server), *_user(row, *user)],
        "entity": list(_query(row) if interaction is QUERY else _data(row)),
    }


def _agent_type(code: tuple[str, str]) -> dict[str, Any]:
    return {"coding": [{"system": DCM, "code": code[0], "display": code[1]}]}


def _client(row: Mapping[str, Any], code: tuple[str, str]) -> dict[str, Any]:
    return {
        "type": _agent_type(code),
        "who": {"display": "browser" if row["actor"] else "CDSS worker or command line"},
        "requestor": not row["actor"],
        "network": _network(row["location"]),
    }


def _network(location: str) -> dict[str, str]:
    """The address, or the name of the place where the account works."""
    try:
        return {"address": str(ip_address(location)), "type": IP_ADDRESS}
    except ValueError:
        return {"address": location.strip() or "localhost", "type": HOST_NAME}


def _server(code: tuple[str, str]) -> dict[str, Any]:
    return {
        "type": _agent_type(code),
        "who": {"display": "CDSS"},
        "requestor": False,
        "network": {"address": "localhost", "type": HOST_NAME},
    }


def _user(row: Mapping[str, Any], code: str, display: str) -> Iterator[dict[str, Any]]:
    if not row["actor"]:
        return
    role = [{"coding": [{"system": f"{SYSTEM}:role", "code": row["role"]}]}] if row["role"] else []
    yield {
        "type": {"coding": [{"system": f"{TERMINOLOGY}v3-ParticipationType", "code": code, "display": display}]},
        "who": {"identifier": {"system": f"{SYSTEM}:user", "value": row["actor"]}},
        "name": row["actor"],
        "requestor": True,
        **({"role": role} if role else {}),
    }


def _query(row: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    asked = json.dumps(row["details"], ensure_ascii=False, sort_keys=True)
    yield {
        "type": {"system": f"{TERMINOLOGY}audit-entity-type", "code": "2", "display": "System Object"},
        "role": {"system": f"{TERMINOLOGY}object-role", "code": "24", "display": "Query"},
        "description": row["action"],
        "query": base64.b64encode(asked.encode()).decode(),
    }


def _data(row: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    kind = row["object_type"] or row["action"].partition(".")[0]
    what: dict[str, Any] = {"display": f"{kind} {row['object_id']}".strip()}
    if row["object_id"]:
        what["identifier"] = {"system": f"{SYSTEM}:{kind}", "value": row["object_id"]}
    detail = [{"type": name, "valueString": _plain(value)} for name, value in row["details"].items()]
    yield {
        "what": what,
        "type": {"system": f"{TERMINOLOGY}audit-entity-type", "code": "2", "display": "System Object"},
        "role": {"system": f"{TERMINOLOGY}object-role", "code": "4", "display": "Domain Resource"},
        **({"detail": detail} if detail else {}),
    }


def _plain(value: object) -> str:
    # An empty string is not a value in FHIR.
    return value if isinstance(value, str) and value.strip() else json.dumps(value, ensure_ascii=False)
