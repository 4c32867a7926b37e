from django.urls import path

from cdss.learning import views

app_name = "learning"
urlpatterns = [
    path("", views.listing, name="list"),
    path("<id:version>/", views.detail, name="version"),
    path("<id:version>/promote/", views.promote, name="promote"),
    path("rollback/", views.rollback, name="rollback"),
]
