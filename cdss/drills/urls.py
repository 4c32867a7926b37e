from django.urls import path

from cdss.drills import views

app_name = "drills"
urlpatterns = [
    path("", views.listing, name="list"),
    path("new/<id:pk>/", views.new, name="new"),
    path("<id:pk>/", views.drill, name="drill"),
    path("runs/<id:pk>/", views.run, name="run"),
]
