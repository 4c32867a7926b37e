from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile

from cdss.library.importers.registry import UPLOAD_FORMATS
from cdss.library.models import Collection, Kind, State, Visibility
from cdss.library.uploads import UploadOptions


class SearchForm(forms.Form):
    """The address of a list of items. A value it does not know is passed over."""

    q = forms.CharField(required=False, max_length=200)
    diagnosis = forms.CharField(required=False, max_length=200)
    kind = forms.ChoiceField(required=False, choices=Kind.choices)
    region = forms.CharField(required=False, max_length=120)
    modality = forms.CharField(required=False, max_length=60)
    collection = forms.IntegerField(required=False, min_value=1, max_value=2**62)
    state = forms.ChoiceField(required=False, choices=State.choices)
    view = forms.ChoiceField(required=False, choices=[("cards", "Cards"), ("table", "Table")])

    def wanted(self) -> dict[str, str]:
        self.is_valid()
        return {name: str(self.cleaned_data.get(name) or "").replace("\x00", "") for name in self.fields}

    def filters(self) -> dict[str, str]:
        """What narrows the list; a view alone does not, and is kept beside what does."""
        chosen = {name: value for name, value in self.wanted().items() if value}
        return chosen if chosen.keys() - {"view"} else {}


class SavedSearchForm(forms.Form):
    name = forms.CharField(max_length=80)

    def name_given(self) -> str:
        return str(self.cleaned_data["name"]) if self.is_valid() else ""


class ImportForm(forms.Form):
    file = forms.FileField(
        label="File", help_text="JSON lines, PubMed XML, NBIB, RIS, PDF with text, or a MIRC teaching file (ZIP)."
    )
    collection = forms.CharField(
        max_length=120, initial="Imported", help_text="Items stand in the library under this name. A new one is made."
    )
    format = forms.ChoiceField(choices=[("auto", "Found by looking at the file"), *UPLOAD_FORMATS])
    kind = forms.ChoiceField(
        required=False,
        label="Kind of documents",
        choices=[("", "As the file says"), ("guideline", "Guideline"), ("literature", "Literature")],
    )
    visibility = forms.ChoiceField(choices=Visibility.choices, initial=Visibility.PRIVATE, label="Seen by")
    mask_overlays = forms.BooleanField(required=False, label="Mask burnt-in marks before images are encoded")
    publish = forms.BooleanField(
        required=False, label="Publish at once", help_text="Otherwise the items wait as drafts."
    )

    def clean_file(self) -> UploadedFile:
        upload: UploadedFile = self.cleaned_data["file"]
        if (upload.size or 0) > settings.UPLOAD_MAX_BYTES:
            raise forms.ValidationError(f"The file is larger than {settings.UPLOAD_MAX_BYTES // 1024**2} MB. Split it.")
        return upload

    def options(self) -> UploadOptions:
        data = self.cleaned_data
        return UploadOptions(**{name: data[name] for name in UploadOptions.__dataclass_fields__})


class QuarantineForm(forms.Form):
    source_name = forms.CharField(
        required=False,
        max_length=200,
        label="Source",
        help_text="Its name as it stands with its items, or a collection.",
    )
    collection = forms.ModelChoiceField(Collection.objects.all(), required=False, empty_label="no collection")
    reason = forms.CharField(max_length=300, help_text="Shown to those who publish.")
