from django.urls import path

from cdss.privacy import views

app_name = "privacy"
urlpatterns = [
    path("", views.subject, name="subject"),
    path("export/", views.export, name="export"),
    path("erase/", views.erase, name="erase"),
]
