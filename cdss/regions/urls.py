from django.urls import path

from cdss.regions import mask_views, views

app_name = "regions"
urlpatterns = [
    path("search/", views.search, name="search"),
    path("compare/", views.compare, name="compare"),
    path("prepare/", views.prepare, name="prepare"),
    path("structures/", mask_views.structures, name="structures"),
    path("structures/<id:pk>/", mask_views.structure, name="structure"),
    path("structures/<id:pk>/draw/", mask_views.draw, name="draw"),
    path("structures/<id:pk>/propose/", mask_views.propose, name="propose"),
    path("structures/<id:pk>/read/", mask_views.read, name="read"),
    path("proposals/<id:pk>/", mask_views.proposal, name="proposal"),
    path("masks/<id:pk>/overlay/", mask_views.overlay, name="overlay"),
    path("masks/<id:pk>/segmentation/", mask_views.segmentation, name="segmentation"),
    path("masks/<id:pk>/withdraw/", mask_views.withdraw, name="withdraw"),
]
