import subprocess
import sys

HEAVY = ("torch", "faiss", "transformers", "sentence_transformers", "open_clip", "bm25s", "scipy", "retrieval.engine")


def test_importing_the_services_loads_no_model_library() -> None:
    code = (
        "import os, sys; os.environ['DJANGO_SETTINGS_MODULE'] = 'tests.settings'; import django; django.setup();"
        "import cdss.indexing.services, cdss.indexing.searching, cdss.indexing.queries;"
        "import cdss.indexing.encoding.encoders;"
        "from cdss.indexing.benchmarks.suite import rows; assert rows();"
        "import cdss.indexing.taught.adaptation, cdss.indexing.management.commands.adapt_encoder;"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_the_engine_itself_loads_them_only_when_it_searches() -> None:
    code = "import sys, retrieval.engine; print([name for name in ('torch', 'faiss', 'bm25s') if name in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
