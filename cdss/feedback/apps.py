from django.apps import AppConfig


class FeedbackConfig(AppConfig):
    name = "cdss.feedback"
