from django.urls import path

from cdss.oversight import about_views, views

app_name = "oversight"
urlpatterns = [
    path("oversight/", views.dashboard, name="dashboard"),
    path("about/<slug:name>/", about_views.about, name="about"),
    path("about/<slug:name>.json", about_views.about_json, name="about_json"),
]
