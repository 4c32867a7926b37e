from django import forms
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm

from cdss.accounts.models import User, UserGroup

REFUSED = "The user name or the password is not right."


class SignInForm(AuthenticationForm):
    """One answer for an unknown name, a wrong password and an inactive account."""

    error_messages = {"invalid_login": REFUSED, "inactive": REFUSED}


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


class OwnPasswordForm(PasswordChangeForm):
    def clean_new_password1(self) -> str:
        new = str(self.cleaned_data["new_password1"])
        if self.user.check_password(new):
            raise forms.ValidationError("This is the password you have. Choose another.", code="password_unchanged")
        return new
