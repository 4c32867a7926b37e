from django.urls import path

from cdss.exchange import views

app_name = "exchange"
urlpatterns = [
    path("", views.export, name="export"),
    path("carried/<id:pk>/", views.carried, name="carried"),
    path("<uuid:pk>/", views.result, name="result"),
    path("<uuid:pk>/file/", views.fetch, name="fetch"),
]
