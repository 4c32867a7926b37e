from django.urls import path

from cdss.consultations import own_views, replay_views, review_views, views

app_name = "consultations"
urlpatterns = [
    path("", views.start, name="start"),
    path("consultations/", views.history, name="list"),
    path("consultations/new/", views.new, name="new"),
    path("consultations/preview/", views.preview, name="preview"),
    path("consultations/from-case/<id:pk>/", views.from_case, name="from_case"),
    path("consultations/split/", views.split, name="split"),
    path("consultations/<id:pk>/", views.detail, name="detail"),
    path("consultations/<id:pk>/review/", review_views.review, name="review"),
    path("consultations/<id:pk>/commit/", own_views.commit, name="commit"),
    path("consultations/<id:pk>/afterwards/", own_views.afterwards, name="afterwards"),
    path("consultations/<id:pk>/raters/", own_views.invite, name="invite"),
    path("consultations/<id:pk>/print/", views.print_view, name="print"),
    path("consultations/<id:pk>/export/", views.export, name="export"),
    path("consultations/<id:pk>/status/", views.status, name="status"),
    path("consultations/<id:pk>/progress/", views.progress, name="progress"),
    path("consultations/<id:pk>/images/<id:image>/", views.image, name="image"),
    path("consultations/<id:pk>/cancel/", views.cancel, name="cancel"),
    path("consultations/<id:pk>/again/", views.again, name="again"),
    path("consultations/<id:pk>/replays/", replay_views.replays, name="replays"),
    path("consultations/<id:pk>/replays/<id:replay>/", replay_views.replay, name="replay"),
    path("consultations/<id:pk>/retry/", views.retry, name="retry"),
]
