from django.urls import path

from cdss.indexing import views

app_name = "indexing"
urlpatterns = [
    path("", views.state, name="state"),
    path("check/", views.check, name="check"),
]
