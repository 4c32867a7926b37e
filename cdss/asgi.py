import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cdss.settings")
served = get_asgi_application()

from cdss.reading import door  # noqa: E402 - after the settings are loaded
from cdss.upload_limit import UploadLimit  # noqa: E402

application = UploadLimit(served)
door.warm()
