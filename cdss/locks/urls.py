from django.urls import path

from cdss.locks import views

app_name = "locks"
urlpatterns = [path("", views.modes, name="modes")]
