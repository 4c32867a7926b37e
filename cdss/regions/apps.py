from django.apps import AppConfig


class RegionsConfig(AppConfig):
    name = "cdss.regions"

    def ready(self) -> None:
        from cdss.library.keepers import giver_add, keeper_add
        from cdss.regions.exchanging import masks_given, masks_keep

        giver_add(masks_given, needs=("images__regionmasks",))
        keeper_add(masks_keep)
