from django.urls import path

from cdss.authoring import bulk_views, collection_views, picture_views, review_views, views

app_name = "authoring"
urlpatterns = [
    path("", views.listing, name="list"),
    path("new/", views.new, name="new"),
    path("cases/<id:pk>/", views.open_case, name="open"),
    path("suggest/", views.suggest, name="suggest"),
    path("bulk/", bulk_views.change, name="bulk_change"),
    path("bulk/<id:pk>/", bulk_views.done, name="bulk"),
    path("bulk/<id:pk>/undo/", bulk_views.undo, name="bulk_undo"),
    path("import/", bulk_views.plan, name="import"),
    path("import/<id:pk>/", bulk_views.planned, name="planned"),
    path("collections/", collection_views.listing, name="collections"),
    path("collections/new/", collection_views.collection, name="collection_new"),
    path("collections/<id:pk>/", collection_views.collection, name="collection"),
    path("collections/<id:pk>/share/", collection_views.share, name="share"),
    path("collections/<id:pk>/share/<id:share>/revoke/", collection_views.revoke, name="share_revoke"),
    path("shared/<str:token>/", collection_views.shared, name="shared"),
    path("<id:pk>/", views.edit, name="edit"),
    path("<id:pk>/history/", views.history, name="history"),
    path("<id:pk>/history/difference/", views.difference, name="difference"),
    path("<id:pk>/history/<id:number>/restore/", views.restore, name="restore"),
    path("<id:pk>/conflicts/<id:conflict>/", views.settle, name="settle"),
    path("<id:pk>/review/", review_views.review, name="review"),
    path("<id:pk>/act/", review_views.act, name="act"),
    path("<id:pk>/comments/", review_views.comment, name="comment"),
    path("<id:pk>/comments/<id:comment>/", review_views.resolve, name="comment_resolve"),
    path("<id:pk>/tick/", review_views.tick, name="tick"),
    path("<id:pk>/people/", review_views.people, name="people"),
    path("<id:pk>/place/", review_views.place, name="place"),
    path("<id:pk>/pictures/", picture_views.add, name="picture_add"),
    path("<id:pk>/pictures/<id:image>/", picture_views.picture, name="picture"),
    path("<id:pk>/pictures/<id:picture>/change/", picture_views.change, name="picture_change"),
]
