from django.urls import path

from cdss.feedback import editor_views, measure_views, views

app_name = "feedback"
urlpatterns = [
    path("", views.listing, name="list"),
    path("export/", views.export, name="export"),
    path("agreement/", measure_views.agreement, name="agreement"),
    path("own-first/", measure_views.own_first, name="own_first"),
    path("gaps/", editor_views.gaps, name="gaps"),
    path("gaps/<id:pk>/", editor_views.gap, name="gap"),
    path("consultations/<id:pk>/case/", editor_views.draft, name="draft"),
    path("consultations/<id:pk>/", views.give, name="give"),
    path("consultations/<id:pk>/citations/<id:citation>/", views.citation, name="citation"),
]
