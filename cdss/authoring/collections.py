"""Collections: made, described, and shown to more people for as long as it is meant."""

from __future__ import annotations

import secrets
from datetime import datetime
from hashlib import sha256

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from cdss.accounts.models import Role, User
from cdss.accounts.permissions import Action, may
from cdss.audit.services import record
from cdss.authoring.services import AuthoringError
from cdss.library.models import Collection, CollectionShare, LibraryItem, LinkOpened
from cdss.notices.models import Kind
from cdss.notices.services import notify

TOKEN_BYTES = 32


def collections_editable_by(user: User) -> QuerySet[Collection]:
    """One's own; those of nobody are for who may publish."""
    if not may(user, Action.SHARE):
        return Collection.objects.none()
    return Collection.objects.filter(Q(owner=user) | Q(owner=None, reference=False))


def collections_for(user: User) -> QuerySet[Collection]:
    """Those a case may be put into: one's own, and those in which one sees something."""
    seen = LibraryItem.objects.viewable_by(user).order_by().values("collection")
    return Collection.objects.filter(Q(owner=user) | Q(owner=None, pk__in=seen)).exclude(reference=True)


@transaction.atomic
def collection_save(
    *, collection: Collection | None, by: User, name: str, description: str, licence: str
) -> Collection:
    name = " ".join(name.split())
    if not name:
        raise AuthoringError("Give the collection a name.")
    made = collection or Collection(owner=by)
    made.name, made.description, made.licence = name, description.strip(), licence.strip()
    try:
        with transaction.atomic():
            made.save()
    except IntegrityError as error:
        raise AuthoringError("There is a collection of this name already. Choose another name.") from error
    record(action="collection.changed" if collection else "collection.created", by=by, obj=made)
    return made


@transaction.atomic
def collection_delete(*, collection: Collection, by: User) -> None:
    """Only an empty one, whoever's and of whatever state its cases are. Its links lead nowhere from then on."""
    if collection.items.exists() or collection.gamuts.exists():
        raise AuthoringError("It holds cases, drafts and retired ones among them. Move them to another one first.")
    record(action="collection.deleted", by=by, obj=collection)
    collection.delete()


@transaction.atomic
def share_with(
    *, collection: Collection, by: User, role: str = "", user: User | None = None, expires: datetime | None = None
) -> CollectionShare:
    """Shows what `by` owns and has published in the collection to a role or to a person."""
    if bool(role) == bool(user):
        raise AuthoringError("Choose a role or a person.")
    if role and role not in Role.values:
        raise AuthoringError("There is no such role.")
    _check_time(expires)
    standing = CollectionShare.objects.standing()  # type: ignore[attr-defined]
    if held := standing.filter(collection=collection, by=by, role=role, user=user, expires=expires).first():
        return held
    made = CollectionShare.objects.create(collection=collection, by=by, role=role, user=user, expires=expires)
    _shared(made)
    if user is not None:
        said = f"{by} shares a collection with you: {collection.name[:80]}."
        path = f"/library/?collection={collection.pk}"
        notify(kind=Kind.CASE, recipients=[user], text=said, path=path, key=f"share:{made.pk}", obj=collection)
    return made


@transaction.atomic
def share_link(*, collection: Collection, by: User, expires: datetime | None = None) -> tuple[CollectionShare, str]:
    """A link, told once: only its hash is kept. Whoever opens it has to be signed in."""
    _check_time(expires)
    token = secrets.token_urlsafe(TOKEN_BYTES)
    made = CollectionShare.objects.create(
        collection=collection, by=by, token_sha256=sha256(token.encode()).hexdigest(), expires=expires
    )
    _shared(made)
    return made, token


@transaction.atomic
def share_revoke(*, share: CollectionShare, by: User) -> None:
    if CollectionShare.objects.filter(pk=share.pk, revoked=None).update(revoked=timezone.now()):
        record(action="collection.share_revoked", by=by, obj=share.collection, details={"share": share.pk})


def share_of_link(token: str) -> CollectionShare | None:
    """None where there is no such link, or not any more."""
    digest = sha256(token.encode()).hexdigest()
    return CollectionShare.objects.standing().filter(token_sha256=digest).select_related("collection", "by").first()  # type: ignore[attr-defined,no-any-return]


@transaction.atomic
def link_open(*, share: CollectionShare, by: User) -> None:
    """Lets this person in for as long as the link stands."""
    _, first = LinkOpened.objects.get_or_create(share=share, user=by)
    if first:
        record(action="collection.link_opened", by=by, obj=share.collection, details={"share": share.pk})


def _shared(share: CollectionShare) -> None:
    kind = "role" if share.role else "person" if share.user else "link"
    details = {"share": share.pk, "with": kind, "expires": share.expires.isoformat() if share.expires else ""}
    who = share.role or (share.user.username if share.user else "")
    record(action="collection.shared", by=share.by, obj=share.collection, details=details | {"who": who})


def _check_time(expires: datetime | None) -> None:
    if expires is not None and expires <= timezone.now():
        raise AuthoringError("The time to which it is shared has to lie ahead.")
