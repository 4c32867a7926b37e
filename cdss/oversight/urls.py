from django.urls import path

from cdss.oversight import views

app_name = "oversight"
urlpatterns = [
    path("oversight/", views.dashboard, name="dashboard"),
]
