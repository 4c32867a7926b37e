from django.urls import path, register_converter
from django.urls.converters import StringConverter

from cdss.studies import mark_views, series_views, upload_views, views


class KindConverter(StringConverter):
    """A series, or an ordinary image of a case."""

    regex = "series|images"


register_converter(KindConverter, "shown")

app_name = "studies"
urlpatterns = [
    path("upload/", upload_views.upload, name="upload"),
    path("uploads/<uuid:pk>/", upload_views.upload_result, name="upload_result"),
    path("uploads/<uuid:pk>/files/", upload_views.upload_files, name="upload_files"),
    path("uploads/<uuid:pk>/start/", upload_views.upload_start, name="upload_start"),
    path("uploads/<uuid:pk>/progress/", upload_views.upload_progress, name="upload_progress"),
    path("marks/<id:pk>/", mark_views.mark, name="mark"),
    path("marks/<id:pk>/delete/", mark_views.mark_delete, name="mark_delete"),
    path("series/<id:pk>/key/", series_views.key_image, name="key_image"),
    path("series/<id:pk>/dicom/", series_views.dicom, name="series_dicom"),
    path("series/<id:pk>/delete/", series_views.delete, name="series_delete"),
    path("series/<id:pk>/doubts/", series_views.doubts, name="doubts"),
    path("<shown:kind>/<id:pk>/", views.viewer, name="viewer"),
    path("<shown:kind>/<id:pk>/data/", views.data, name="data"),
    path("<shown:kind>/<id:pk>/frames/<int:frame>/", views.frame, name="frame"),
    path("<shown:kind>/<id:pk>/marks/", mark_views.marks, name="marks"),
    path("<shown:kind>/<id:pk>/marks/gsps/", mark_views.gsps, name="gsps"),
    path("<shown:kind>/<id:pk>/marks/sr/", mark_views.report, name="sr"),
    path("<shown:kind>/<id:pk>/marks/import/", mark_views.marks_import, name="marks_import"),
]
