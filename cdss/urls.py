from django.urls import include, path

urlpatterns = [
    path("", include("cdss.consultations.urls")),
    path("library/", include("cdss.library.urls")),
    path("feedback/", include("cdss.feedback.urls")),
    path("audit/", include("cdss.audit.urls")),
    path("accounts/", include("cdss.accounts.urls")),
]
