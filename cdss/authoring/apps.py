from django.apps import AppConfig


class AuthoringConfig(AppConfig):
    name = "cdss.authoring"

    def ready(self) -> None:
        from cdss.authoring.desk import AuthoringDesk
        from cdss.authoring.picture_doubts import pixels_changed
        from cdss.authoring.workflow import written_in_the_editor
        from cdss.library.doubts import AFTER_PUT_BACK
        from cdss.library.services import BEFORE_STATE
        from cdss.library.writing import desk_set

        desk_set(AuthoringDesk())
        if written_in_the_editor not in BEFORE_STATE:
            BEFORE_STATE.append(written_in_the_editor)
        if pixels_changed not in AFTER_PUT_BACK:
            AFTER_PUT_BACK.append(pixels_changed)
