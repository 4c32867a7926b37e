from typing import Any

from django import forms


class DayInput(forms.DateInput):
    """A day as it is written everywhere else: a browser's own widget writes it in the order of its locale."""

    def __init__(self) -> None:
        hints: dict[str, Any] = {"placeholder": "YYYY-MM-DD", "inputmode": "numeric", "autocomplete": "off"}
        super().__init__(attrs={**hints, "maxlength": 10, "pattern": r"\d{4}-\d{2}-\d{2}"}, format="%Y-%m-%d")
