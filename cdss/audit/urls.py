from django.urls import path

from cdss.audit import anchor_views, views

app_name = "audit"
urlpatterns = [
    path("", views.listing, name="list"),
    path("verify/", views.verification, name="verify"),
    path("export/", views.export, name="export"),
    path("export/prepare/", views.prepare, name="prepare"),
    path("verifier/", anchor_views.verifier, name="verifier"),
    path("anchors/", anchor_views.listing, name="anchors"),
    path("anchors/export/", anchor_views.export, name="anchors_export"),
]
