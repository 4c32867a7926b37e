"""What must be read back and must not lie in the database in clear: the secrets of second factors."""

import base64

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings


class SealBrokenError(ValueError):
    """Sealed under a key that is not known here."""


def seal(text: str) -> str:
    return _keys().encrypt(text.encode()).decode()


def unseal(sealed: str) -> str:
    try:
        return _keys().decrypt(sealed.encode()).decode()
    except InvalidToken as error:
        raise SealBrokenError(
            "A second factor was made under another SECRET_KEY. Name the old one in SECRET_KEY_FALLBACKS, or let an "
            "administrator remove the second factors of this account."
        ) from error


def _keys() -> MultiFernet:
    return MultiFernet([_key(secret) for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)])


def _key(secret: str) -> Fernet:
    derived = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=b"cdss.accounts.second-factors")
    return Fernet(base64.urlsafe_b64encode(derived.derive(secret.encode())))
