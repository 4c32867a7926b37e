from django.urls import path

from cdss.feedback import views

app_name = "feedback"
urlpatterns = [
    path("", views.listing, name="list"),
    path("export/", views.export, name="export"),
    path("consultations/<id:pk>/", views.give, name="give"),
    path("consultations/<id:pk>/citations/<id:citation>/", views.citation, name="citation"),
]
