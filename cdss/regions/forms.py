from typing import TYPE_CHECKING

from django import forms

from cdss.regions.masks import MOST_CHARACTERS, mask_of_polygons, mask_of_runs

if TYPE_CHECKING:
    from cdss.regions.masks import Mask


class StructureForm(forms.Form):
    name = forms.CharField(max_length=120, help_text="One structure on one kind of image: “left kidney, CT”.")
    note = forms.CharField(max_length=300, required=False, help_text="What belongs to it and what does not.")


class MaskForm(forms.Form):
    """What was drawn comes as run lengths; typed polygons, where there are any, take its place."""

    runs = forms.CharField(required=False, max_length=MOST_CHARACTERS, widget=forms.HiddenInput)
    polygons = forms.CharField(
        required=False,
        max_length=200_000,
        label="Outline, typed",
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false", "class": "mono"}),
        help_text="One figure to a line, in pixels from the top left: a polygon as points (40,30 80,30 80,70), "
        "“box left top width height” or “ellipse across down radius radius”, its middle first. A line that begins "
        "with “- ” is cut out. What is typed takes the place of what is drawn.",
    )

    def mask(self, *, width: int, height: int) -> "Mask":
        """Raises MaskError."""
        if self.cleaned_data["polygons"].strip():
            return mask_of_polygons(self.cleaned_data["polygons"], width=width, height=height)
        return mask_of_runs(self.cleaned_data["runs"], width=width, height=height)


class SegmentationForm(forms.Form):
    file = forms.FileField(
        label="DICOM segmentation", widget=forms.FileInput(attrs={"accept": ".dcm,application/dicom"})
    )
