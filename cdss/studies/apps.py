from django.apps import AppConfig


class StudiesConfig(AppConfig):
    name = "cdss.studies"

    def ready(self) -> None:
        from cdss.library.keepers import giver_add, keeper_add
        from cdss.studies.giving import series_given
        from cdss.studies.keeping import series_keep
        from cdss.studies.picture_marks import picture_marks_given, picture_marks_keep

        giver_add(series_given, needs=("series",))
        keeper_add(series_keep)
        giver_add(picture_marks_given, needs=("images__marks",))
        keeper_add(picture_marks_keep)
