from django.urls import path

from cdss.audit import views

app_name = "audit"
urlpatterns = [
    path("", views.listing, name="list"),
    path("verify/", views.verification, name="verify"),
    path("export/", views.export, name="export"),
]
