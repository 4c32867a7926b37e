from django import forms

from cdss.accounts.models import User
from cdss.exchange.choosing import Chosen, ids_of
from cdss.exchange.writing import FORMATS
from cdss.library.forms import SearchForm
from cdss.library.models import Case, Collection, State

FILTERS = ("q", "diagnosis", "region", "modality")


class ExportForm(forms.Form):
    """Choices, and the filters of the library's list as they came in its address."""

    format = forms.ChoiceField(choices=list(FORMATS.items()), initial="jsonl")
    collection = forms.ModelChoiceField(Collection.objects.none(), required=False, empty_label="All collections")
    state = forms.ChoiceField(required=False, choices=[("", "Any state"), *State.choices])
    ids = forms.CharField(
        required=False, max_length=20_000, label="Cases", help_text="Their numbers, separated by commas; empty for all."
    )
    title = forms.CharField(required=False, max_length=120, help_text="Of the web pages. Empty: the collection's name.")
    show_answers = forms.BooleanField(required=False, label="Web pages show titles and diagnoses at once")

    def __init__(self, *args: object, user: User, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        seen = Case.objects.viewable_by(user).order_by().values("collection_id").distinct()
        self.fields["collection"].queryset = Collection.objects.filter(pk__in=seen)  # type: ignore[attr-defined]

    def clean_ids(self) -> tuple[int, ...]:
        try:
            return ids_of(self.cleaned_data["ids"])
        except ValueError as error:
            raise forms.ValidationError("Write numbers of cases between commas, at most 2,000.") from error

    @property
    def filters(self) -> dict[str, str]:
        wanted = SearchForm(self.data).wanted()
        return {name: wanted[name] for name in FILTERS if wanted[name]}

    def chosen(self) -> Chosen:
        data = self.cleaned_data
        return Chosen(data["collection"].pk if data["collection"] else None, data["state"], data["ids"], self.filters)

    def heading(self) -> str:
        found = self.cleaned_data["collection"]
        return str(self.cleaned_data["title"] or (found.name if found else ""))
