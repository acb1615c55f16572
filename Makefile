# The two commands of the README are `make demo` and `make test`; the others are their parts.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PY := $(BIN)/python
BUNDLE := convo_widgets/widgets/static/thread.js
JS_SOURCES := $(shell find js -path js/node_modules -prune -o -name tests -prune -o -type f \( -name '*.ts' -o -name '*.tsx' -o -name '*.css' -o -name '*.mjs' -o -name 'package.json' \) -print 2>/dev/null)
CHROMIUM_PACKAGES := chromium fonts-dejavu-core fonts-noto-color-emoji

.PHONY: help env js demo test screenshots bench check fix lock chromium clean
.DEFAULT_GOAL := help

help:  ## say what can be made
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 16

env: $(VENV)/.ready  ## make .venv with everything Python needs
js: $(BUNDLE)  ## build the widgets' front end

demo: env js  ## open the quickstart in JupyterLab (HEADLESS=1: run it in Chromium and save a screenshot)
ifeq ($(HEADLESS),1)
	@$(MAKE) --no-print-directory chromium
	$(PY) -m tests.browser.quickstart
else
	$(BIN)/convo-widgets demo
endif

test: env js chromium tests/browser/node_modules/.ready tests/browser/wheels/.ready tests/interop/node_modules/.ready tests/pyodide/site/.ready  ## run every test, the browser's too
	npm --prefix js test
	$(PY) -m pytest
	$(PY) -m pytest tests/browser

screenshots: env js chromium  ## pictures of every widget in JupyterLab, in artifacts/
	$(PY) -m tests.browser.screenshots

bench: env tests/interop/node_modules/.ready  ## measure us against the JavaScript SDK (about 10 minutes)
	$(PY) -m bench

check: env js/node_modules/.ready  ## lint and type-check both languages
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	npm --prefix js run check

fix: env js/node_modules/.ready  ## format both languages
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	npm --prefix js run fix

lock: env  ## resolve the Python packages anew
	$(BIN)/uv pip compile --quiet --upgrade --universal --generate-hashes --no-annotate --no-header \
	  --extra dev --python-version 3.11 pyproject.toml -o requirements.lock

clean:  ## remove everything that was made
	rm -rf $(VENV) js/node_modules tests/browser/node_modules tests/browser/wheels tests/interop/node_modules tests/pyodide/node_modules tests/pyodide/site convo_widgets/widgets/static artifacts dist

$(VENV)/.ready: requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "Python is missing: install Python 3.11 or newer, or set PYTHON to its path."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$$($(PYTHON) --version) is too old: install Python 3.11 or newer, or set PYTHON to its path."; exit 1; }
	@test -x $(PY) || $(PYTHON) -m venv $(VENV) || { echo "Python has no venv module: install it (Debian: apt-get install python3-venv)."; exit 1; }
	@test -x $(BIN)/uv || $(PY) -m pip install --quiet --disable-pip-version-check uv
	VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --require-hashes -r requirements.lock
	VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --no-deps --editable .
	@touch $@

.PHONY: node
node:
	@command -v npm >/dev/null || { echo "Node is missing: install Node 20 or newer, with npm."; exit 1; }
	@node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' || { echo "Node $$(node --version) is too old: install Node 20 or newer."; exit 1; }

js/node_modules/.ready: js/package-lock.json | node
	npm --prefix js ci --silent
	@touch $@

tests/interop/node_modules/.ready: tests/interop/package-lock.json | node
	npm --prefix tests/interop ci --silent
	@touch $@

tests/browser/node_modules/.ready: tests/browser/package-lock.json | node
	npm --prefix tests/browser ci --silent
	@touch $@

tests/browser/wheels/.ready: tests/browser/requirements.txt | env
	rm -rf tests/browser/wheels
	$(PY) -m pip download --quiet --disable-pip-version-check --no-deps --require-hashes --only-binary=:all: \
	  -r tests/browser/requirements.txt -d tests/browser/wheels
	@touch $@

tests/pyodide/site/.ready: tests/pyodide/requirements.txt tests/pyodide/package-lock.json | env node
	npm --prefix tests/pyodide ci --silent
	rm -rf tests/pyodide/site
	$(PY) -m pip install --quiet --disable-pip-version-check --target tests/pyodide/site --only-binary=:all: \
	  --platform pyemscripten_2026_0_wasm32 --python-version 3.14 -r tests/pyodide/requirements.txt
	@touch $@

$(BUNDLE): js/node_modules/.ready $(JS_SOURCES)
	npm --prefix js run build --silent

chromium:
	@command -v "$${CHROMIUM:-chromium}" >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    echo "Installing Chromium"; apt-get update -qq && apt-get install -y -qq --no-install-recommends $(CHROMIUM_PACKAGES) >/dev/null; \
	  else \
	    echo "Chromium is missing: install it (Debian: apt-get install $(CHROMIUM_PACKAGES)), or set CHROMIUM to its path."; exit 1; \
	  fi
