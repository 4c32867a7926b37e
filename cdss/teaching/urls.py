from django.urls import path

from cdss.teaching import attempt_views, course_views, edit_views, platform_views, quiz_views
from cdss.teaching.lti import views as lti_views

app_name = "teaching"
urlpatterns = [
    path("", attempt_views.home, name="home"),
    path("cases/<id:pk>/", attempt_views.case, name="case"),
    path("attempts/<uuid:key>/", attempt_views.attempt, name="attempt"),
    path("attempts/<uuid:key>/commit/", attempt_views.commit, name="attempt_commit"),
    path("attempts/<uuid:key>/images/<id:number>/", attempt_views.image, name="attempt_image"),
    path("progress/", attempt_views.progress, name="progress"),
    path("quizzes/", edit_views.quizzes, name="quizzes"),
    path("quizzes/<id:pk>/", quiz_views.quiz, name="quiz"),
    path("quizzes/<id:pk>/edit/", edit_views.quiz_edit, name="quiz_edit"),
    path("quizzes/<id:pk>/preview/", edit_views.preview, name="quiz_preview"),
    path("quizzes/<id:pk>/state/", edit_views.quiz_state, name="quiz_state"),
    path("quizzes/<id:pk>/questions/new/", edit_views.question_edit, name="question_new"),
    path("quizzes/<id:pk>/questions/<id:question>/", edit_views.question_edit, name="question_edit"),
    path("quizzes/<id:pk>/questions/<id:question>/place/", edit_views.question_place, name="question_place"),
    path("quizzes/<id:pk>/results/", edit_views.results, name="results"),
    path("quizzes/<id:pk>/results/export/", edit_views.results_export, name="results_export"),
    path("runs/<uuid:key>/", quiz_views.run, name="run"),
    path("runs/<uuid:key>/images/<id:number>/", quiz_views.image, name="run_image"),
    path("courses/", course_views.courses, name="courses"),
    path("courses/join/", course_views.join, name="join"),
    path("courses/<id:pk>/", course_views.course, name="course"),
    path("courses/<id:pk>/edit/", course_views.course_edit, name="course_edit"),
    path("courses/<id:pk>/items/", course_views.items, name="course_items"),
    path("courses/<id:pk>/cohorts/", course_views.cohorts, name="course_cohorts"),
    path("courses/<id:pk>/progress/", course_views.progress, name="course_progress"),
    path("courses/<id:pk>/progress/export/", course_views.progress_export, name="course_progress_export"),
    path("platforms/", platform_views.platforms, name="platforms"),
    path("platforms/<id:pk>/", platform_views.platform, name="platform"),
    path("platforms/<id:pk>/edit/", platform_views.platform_edit, name="platform_edit"),
    path("lti/keys/", lti_views.keys, name="lti_keys"),
    path("lti/login/", lti_views.login, name="lti_login"),
    path("lti/launch/", lti_views.launch, name="lti_launch"),
]
