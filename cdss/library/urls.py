from django.urls import path

from cdss.library import doubt_views, import_views, quarantine_views, search_views, standing_views, views

app_name = "library"
urlpatterns = [
    path("doubts/", doubt_views.doubts, name="doubts"),
    path("doubts/<id:pk>/", doubt_views.doubt_decided, name="doubt_decided"),
    path("doubts/<id:pk>/crop/", doubt_views.doubt_crop, name="doubt_crop"),
    path("", views.item_list, name="list"),
    path("sources/", views.sources, name="sources"),
    path("quarantine/", quarantine_views.quarantines, name="quarantines"),
    path("quarantine/<id:pk>/lift/", quarantine_views.quarantine_lift, name="quarantine_lift"),
    path("searches/", search_views.save, name="search_save"),
    path("searches/<id:pk>/delete/", search_views.delete, name="search_delete"),
    path("gamuts/", views.gamuts, name="gamuts"),
    path("import/", import_views.import_form, name="import"),
    path("import/<uuid:pk>/", import_views.import_result, name="import_result"),
    path("items/<id:pk>/", views.item, name="item"),
    path("items/<id:pk>/publish/", views.publish, name="publish"),
    path("items/<id:pk>/unpublish/", views.unpublish, name="unpublish"),
    path("documents/<id:pk>/recall/", standing_views.recall, name="recall"),
    path("documents/<id:pk>/recall/undo/", standing_views.undo, name="recall_undo"),
    path("disputes/", standing_views.disputes, name="disputes"),
    path("disputes/<id:pk>/", standing_views.resolve, name="dispute_resolve"),
    path("cases/<id:pk>/", views.case, name="case"),
    path("documents/<id:pk>/", views.document, name="document"),
    path("images/<id:pk>/", views.image, name="image"),
    path("images/<id:pk>/<int:frame>/", views.image, name="frame"),
]
