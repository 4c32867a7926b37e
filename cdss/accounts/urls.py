from django.urls import path

from cdss.accounts import views

app_name = "accounts"
urlpatterns = [
    path("sign-in/", views.SignInView.as_view(), name="sign_in"),
    path("sign-out/", views.SignOutView.as_view(), name="sign_out"),
    path("me/", views.profile, name="profile"),
    path("me/password/", views.PasswordView.as_view(), name="password"),
    path("users/", views.users, name="users"),
    path("groups/", views.groups, name="groups"),
    path("groups/new/", views.group_edit, name="group_new"),
    path("groups/<id:pk>/", views.group_edit, name="group_edit"),
    path("users/new/", views.user_new, name="user_new"),
    path("users/<id:pk>/", views.user_edit, name="user_edit"),
    path("users/<id:pk>/password/", views.user_password, name="user_password"),
]
