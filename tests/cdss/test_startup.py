import subprocess
import sys

HEAVY = ("torch", "faiss", "transformers", "sentence_transformers", "open_clip", "langchain", "langchain_core", "bm25s")


def test_django_setup_loads_no_model_library() -> None:
    code = (
        "import os, sys; os.environ['DJANGO_SETTINGS_MODULE'] = 'tests.settings'; import django; django.setup();"
        "from django.urls import get_resolver; get_resolver().url_patterns;"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
