"""What a browser sends of a passkey is anything at all until it is verified."""

from typing import Any

from allauth.mfa.adapter import get_adapter
from allauth.mfa.webauthn import forms

UNREADABLE = (KeyError, TypeError, ValueError, AttributeError, IndexError)


class _Verified:
    def clean_credential(self) -> Any:
        try:
            return super().clean_credential()  # type: ignore[misc]
        except UNREADABLE as error:
            raise get_adapter().validation_error("incorrect_code") from error


class SignInPasskeyForm(_Verified, forms.LoginWebAuthnForm):
    pass


class SecondStepPasskeyForm(_Verified, forms.AuthenticateWebAuthnForm):
    pass


class ConfirmPasskeyForm(_Verified, forms.ReauthenticateWebAuthnForm):
    pass


class AddPasskeyForm(forms.AddWebAuthnForm):
    def clean(self) -> dict[str, Any]:
        try:
            return super().clean()
        except UNREADABLE as error:
            raise get_adapter().validation_error("incorrect_code") from error
