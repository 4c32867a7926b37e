from django.urls import path

from cdss.notices import views

app_name = "notices"
urlpatterns = [
    path("", views.listing, name="list"),
    path("read/", views.read_all, name="read_all"),
    path("<id:pk>/", views.opened, name="open"),
]
