from django.urls import path

from cdss.accounts import views
from cdss.read_only import works_when_read_only

app_name = "accounts"
urlpatterns = [
    path("sign-in/", works_when_read_only(views.SignInView.as_view()), name="sign_in"),
    path("sign-out/", works_when_read_only(views.SignOutView.as_view()), name="sign_out"),
    path("me/", views.profile, name="profile"),
    path("me/password/", views.PasswordView.as_view(), name="password"),
    path("me/sessions/end/", views.sessions_end, name="sessions_end"),
    path("me/sessions/<slug:handle>/end/", views.session_end, name="session_end"),
    path("users/", views.users, name="users"),
    path("groups/", views.groups, name="groups"),
    path("groups/new/", views.group_edit, name="group_new"),
    path("groups/<id:pk>/", views.group_edit, name="group_edit"),
    path("users/new/", views.user_new, name="user_new"),
    path("users/<id:pk>/", views.user_edit, name="user_edit"),
    path("users/<id:pk>/password/", views.user_password, name="user_password"),
    path("users/<id:pk>/factors/reset/", views.user_factors_reset, name="user_factors_reset"),
    path("users/<id:pk>/sessions/end/", views.user_sessions_end, name="user_sessions_end"),
]
