from django.urls import path

from cdss.evaluation import views

app_name = "evaluation"
urlpatterns = [
    path("", views.listing, name="list"),
    path("<id:pk>/", views.detail, name="run"),
]
