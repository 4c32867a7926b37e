from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm

from cdss.accounts.models import SignInFailure, User, UserGroup

REFUSED = "The user name or the password is not right, or this account is locked for some minutes."


class SignInForm(AuthenticationForm):
    """One answer for an unknown name, a wrong password, an inactive account and a lock."""

    error_messages = {"invalid_login": REFUSED, "inactive": REFUSED}
    locked = False

    def clean(self) -> dict[str, Any]:
        if self.is_locked():
            self.locked = True
            raise self.get_invalid_login_error()
        return super().clean()

    def is_locked(self) -> bool:
        address = self.request.META.get("REMOTE_ADDR", "") if self.request else ""
        return SignInFailure.objects.of(self.cleaned_data.get("username") or "", address).lock()


class UserForm(forms.ModelForm):
    class Meta:
        model = User
        fields = ["username", "first_name", "last_name", "email", "role", "group", "department", "location"]
        help_texts = {
            "group": "Decides whether one's own differential comes first; figures are reported by group.",
            "department": "Items shared with a department are seen by everyone in it.",
            "location": "Stands in the audit trail and in exports; the network address is used when it is empty.",
        }


class UserChangeForm(UserForm):
    class Meta(UserForm.Meta):
        fields = ["first_name", "last_name", "email", "role", "group", "department", "location", "is_active"]
        labels = {"is_active": "May sign in"}
        help_texts = UserForm.Meta.help_texts | {"is_active": "Accounts are switched off and never deleted."}


class UserGroupForm(forms.ModelForm):
    class Meta:
        model = UserGroup
        fields = ["name", "commit_first"]
        help_texts = {
            "commit_first": "Members write their own ranked differential before the answer to a case is shown to them. "
            "Consultations that were asked before keep the rule of that moment."
        }
