from django.apps import AppConfig


class AuthoringConfig(AppConfig):
    name = "cdss.authoring"

    def ready(self) -> None:
        from cdss.authoring.workflow import written_in_the_editor
        from cdss.library.services import BEFORE_STATE

        if written_in_the_editor not in BEFORE_STATE:
            BEFORE_STATE.append(written_in_the_editor)
