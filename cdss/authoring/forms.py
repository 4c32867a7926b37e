import json
from datetime import date, datetime, time, timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db.models import QuerySet
from django.utils import timezone

from cdss.accounts.models import Role, User
from cdss.accounts.permissions import Action
from cdss.library.models import Collection, Visibility
from cdss.notices.services import people_who_may
from cdss.widgets import DayInput


class NewCaseForm(forms.Form):
    title = forms.CharField(max_length=500, label="Title", help_text="What the case shows. It can be changed later.")
    collection = forms.ModelChoiceField(Collection.objects.none(), required=False, empty_label="Teaching cases")
    visibility = forms.ChoiceField(
        choices=Visibility.choices, initial=Visibility.PUBLIC, label="Seen by, once it is published"
    )

    def __init__(self, *arguments: object, collections: QuerySet[Collection], **named: object) -> None:
        super().__init__(*arguments, **named)  # type: ignore[arg-type]
        self.fields["collection"].queryset = collections  # type: ignore[attr-defined]


class SettingsForm(forms.Form):
    """Where a case stands and who sees it, as its owner sets it."""

    collection = forms.ModelChoiceField(Collection.objects.none(), required=False, empty_label="as it is")
    visibility = forms.ChoiceField(choices=Visibility.choices, label="Seen by, once it is published")

    def __init__(self, *arguments: object, collections: QuerySet[Collection], **named: object) -> None:
        super().__init__(*arguments, **named)  # type: ignore[arg-type]
        self.fields["collection"].queryset = collections  # type: ignore[attr-defined]


class PersonField(forms.CharField):
    """An account by its user name."""

    def clean(self, value: object) -> User | None:  # type: ignore[override]
        name = super().clean(value)
        if not name:
            return None
        user = User.objects.filter(username__iexact=name, is_active=True).first()
        if user is None:
            raise forms.ValidationError("There is no such account. Give the user name.")
        return user


class PeopleForm(forms.Form):
    user = PersonField(max_length=150, label="User name")
    act = forms.ChoiceField(choices=[("add", "add"), ("remove", "remove"), ("transfer", "transfer")])


class SubmitForm(forms.Form):
    reviewers = forms.CharField(
        required=False, max_length=500, label="Reviewers", help_text="User names; without any, everybody who reviews."
    )
    note = forms.CharField(required=False, max_length=2000)

    def clean_reviewers(self) -> list[User]:
        names = {name.lower() for name in self.cleaned_data["reviewers"].replace(",", " ").split()}
        found = [user for user in people_who_may(Action.REVIEW) if user.username.lower() in names]
        if missing := names - {user.username.lower() for user in found}:
            raise forms.ValidationError(f"No reviewer has the name {', '.join(sorted(missing))[:100]}.")
        return found


class CollectionForm(forms.Form):
    name = forms.CharField(max_length=120)
    description = forms.CharField(required=False, max_length=4000, widget=forms.Textarea(attrs={"rows": 3}))
    licence = forms.CharField(required=False, max_length=200, help_text="For its cases that state none.")


class ShareForm(forms.Form):
    kind = forms.ChoiceField(choices=[("role", "A role"), ("user", "A person"), ("link", "A link")], label="With")
    role = forms.ChoiceField(required=False, choices=[("", "Choose a role"), *Role.choices])
    user = PersonField(required=False, max_length=150, label="User name")
    until = forms.DateField(
        required=False, widget=DayInput, help_text="The last day. Without one, until you revoke it."
    )

    def clean_until(self) -> datetime | None:
        day: date | None = self.cleaned_data["until"]
        if day is None:
            return None
        if day > date.today() + timedelta(days=3660):  # noqa: DTZ011
            raise forms.ValidationError("Choose a day within ten years.")
        return timezone.make_aware(datetime.combine(day, time.max))


class FolderInput(forms.ClearableFileInput):
    """The files of a folder; `names` are those that they have in it, which a script fills in."""

    allow_multiple_selected = True


class FolderField(forms.FileField):
    widget = FolderInput

    def clean(self, data: list[UploadedFile] | None, initial: object = None) -> list[UploadedFile]:
        return data or []


class PlanForm(forms.Form):
    file = forms.FileField(
        required=False,
        help_text="A ZIP of case JSON lines with their images, of images with labels.csv, of a DICOM folder, or a MIRC "
        "teaching file; or the JSON lines alone.",
    )
    folder = FolderField(
        required=False,
        label="Or a folder",
        widget=FolderInput(attrs={"webkitdirectory": True, "multiple": True, "data-folder": True}),
        help_text="Case JSON lines with images, images with labels.csv, DICOM files, MIRC documents or teaching files.",
    )
    names = forms.CharField(required=False, widget=forms.HiddenInput(attrs={"data-folder-names": True}))
    collection = forms.CharField(max_length=120, initial="Imported", help_text="A new one is made.")
    visibility = forms.ChoiceField(choices=Visibility.choices, initial=Visibility.PRIVATE, label="Seen by")

    def clean_file(self) -> UploadedFile | None:
        upload: UploadedFile | None = self.cleaned_data["file"]
        if upload is not None and (upload.size or 0) > settings.UPLOAD_MAX_BYTES:
            raise forms.ValidationError(f"The file is larger than {settings.UPLOAD_MAX_BYTES // 1024**2} MB. Split it.")
        return upload

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        files: list[UploadedFile] = data.get("folder") or []
        if not files and not data.get("file") and not self.errors:
            self.add_error("file", "Choose a file, or a folder.")
        if files:
            self._clean_folder(data, files)
        return data

    def _clean_folder(self, data: dict[str, Any], files: list[UploadedFile]) -> None:
        try:
            names = json.loads(data.get("names") or "[]")
        except (ValueError, RecursionError):
            names = None
        whole = isinstance(names, list) and all(isinstance(name, str) for name in names)
        if not whole or len(names) != len(files):
            self.add_error("folder", "The names of its files did not come with it. Pack the folder as a ZIP file.")
        elif sum(file.size or 0 for file in files) > settings.UPLOAD_MAX_BYTES:
            most = settings.UPLOAD_MAX_BYTES // 1024**2
            self.add_error("folder", f"The folder is larger than {most} MB. Choose a part of it.")
        else:
            data["sent"] = list(zip(files, names, strict=True))
