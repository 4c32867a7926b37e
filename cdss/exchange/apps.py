from django.apps import AppConfig


class ExchangeConfig(AppConfig):
    name = "cdss.exchange"

    def ready(self) -> None:
        from cdss.exchange.carrying import carry
        from cdss.library.keepers import keeper_add

        keeper_add(carry)
