from django.urls import include, path, register_converter

from cdss.converters import IdConverter

register_converter(IdConverter, "id")

handler500 = "cdss.storage.server_error"

urlpatterns = [
    path("", include("cdss.consultations.urls")),
    path("library/export/", include("cdss.exchange.urls")),
    path("library/", include("cdss.library.urls")),
    path("studies/", include("cdss.studies.urls")),
    path("authoring/", include("cdss.authoring.urls")),
    path("feedback/", include("cdss.feedback.urls")),
    path("drills/", include("cdss.drills.urls")),
    path("notices/", include("cdss.notices.urls")),
    path("regions/", include("cdss.regions.urls")),
    path("index/", include("cdss.indexing.urls")),
    path("evaluation/", include("cdss.evaluation.urls")),
    path("learning/", include("cdss.learning.urls")),
    path("audit/", include("cdss.audit.urls")),
    path("teaching/", include("cdss.teaching.urls")),
    path("", include("cdss.oversight.urls")),
    path("privacy/", include("cdss.privacy.urls")),
    path("accounts/", include("cdss.accounts.urls")),
    path("modes/", include("cdss.locks.urls")),
    path("accounts/", include("cdss.accounts.factor_urls")),
]
