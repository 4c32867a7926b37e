from django.apps import AppConfig


class CdssConfig(AppConfig):
    name = "cdss"

    def ready(self) -> None:
        from cdss import checks  # noqa: F401
