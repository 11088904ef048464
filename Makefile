# make book     build the report: environment, MNIST, training runs, executed chapters, strict book
# make serve    show the book at http://127.0.0.1:$(PORT)
# make zip      the built book as one file, _build/book.zip, to be read without a network
# make pdf      the built book on paper, _build/book.pdf, by Chromium
# make lab      open JupyterLab, in which the chapters are notebooks; installs it first
# make test     all that make lint checks, and the tests; with coverage where Python measures it at little cost
# make lint     lint, format check, the order of imports, types
# make fuzz     what people and disks can hand over, at random, for SECONDS; each round prints its seed
# make kernel   compile the demo's kernel anew (book/_demo/kernel.c); the result is kept in the repository
# make lock     write requirements.lock anew from the ranges of pyproject.toml
# make clean    remove all that make made, except the training runs in runs/, which cost hours
#
# PROFILE=smoke|quick|published   scale of the report (experiments.yml)
# JOBS=2                          jobs side by side, one core each; all cores by default
# PYTHON=python3.12               interpreter of the environment, 3.11 or later
# TORCH_INDEX=https://...         package index that torch and torchvision are taken from, as for CPU-only builds

PROFILE ?= quick
JOBS ?= $(shell getconf _NPROCESSORS_ONLN)
PYTHON ?= python3
TORCH_INDEX ?=
PORT ?= 8000
CHROMIUM ?= chromium
BIN := .venv/bin
SINGLE := _build/single/_build/singlehtml

.PHONY: book lab serve zip pdf test fuzz lint kernel lock clean FORCE
.DEFAULT_GOAL := book

book: .venv/.installed
	@$(BIN)/vaelib book --profile $(PROFILE) --jobs $(JOBS)

serve:
	@test -e _build/html/index.html || { echo "There is no book yet: make book builds it."; exit 1; }
	$(PYTHON) -m http.server $(PORT) --bind 127.0.0.1 --directory _build/html

zip: book
	cd _build && rm -f book.zip && ../$(BIN)/python -m zipfile -c book.zip html

# Chapters are texts; a double click opens them as notebooks, which save into the text.
LAB := _build/lab
lab: .venv/.installed
	$(BIN)/pip install -q -c requirements.lock -e ".[lab]"
	$(BIN)/jupytext-config --settings-file $(LAB)/labconfig/default_setting_overrides.json set-default-viewer python
	JUPYTER_CONFIG_DIR="$(CURDIR)/$(LAB)" $(BIN)/jupyter lab --notebook-dir . --LabApp.default_url=/lab/tree/book/intro.py

# All pages as one; its links to styles and scripts are those of a page at the top.
pdf: book
	rm -rf _build/single
	$(BIN)/jupyter-book build . --all -q --builder custom --custom-builder singlehtml --path-output _build/single
	mv $(SINGLE)/book/intro.html $(SINGLE)/book.html
	$(CHROMIUM) --headless --no-sandbox --disable-gpu --no-first-run --no-pdf-header-footer \
		--virtual-time-budget=90000 --print-to-pdf=_build/book.pdf $(SINGLE)/book.html
	rm -rf _build/single

# From Python 3.12 on coverage is counted by the interpreter; before, it takes a quarter of the time.
COVERAGE ?= $(shell $(PYTHON) -c 'import sys; print("--cov --cov-report=term" if sys.version_info >= (3, 12) else "")')
test: lint
	COVERAGE_CORE=sysmon $(BIN)/pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder $(COVERAGE)

SECONDS ?= 3600
fuzz: .venv/.installed
	@end=$$(($$(date +%s) + $(SECONDS))); while [ $$(date +%s) -lt $$end ]; do \
		seed=$$(date +%s); echo "seed $$seed"; \
		$(BIN)/pytest tests/test_fuzz.py tests/test_shapes.py tests/test_parameters.py tests/test_yaml_files.py \
			-k any --hypothesis-profile=fuzz --hypothesis-seed=$$seed || exit 1; \
	done

lint: .venv/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo
	$(BIN)/mypy

# What the environment was made for: a checkout that was moved or copied, and other settings, get one of their own.
MADE_FOR = $(CURDIR) PYTHON=$(PYTHON) TORCH_INDEX=$(TORCH_INDEX)
export MADE_FOR

.venv/.made_for: FORCE
	@test "$$(cat $@ 2> /dev/null)" = "$$MADE_FOR" || { rm -rf .venv && mkdir .venv && printf '%s\n' "$$MADE_FOR" > $@; }

.venv/.installed: pyproject.toml requirements.lock .venv/.made_for
	@$(PYTHON) -c 'import sys; v = sys.version_info; v >= (3, 11) or sys.exit(f"Python {v[0]}.{v[1]} is too old; 3.11 or later is needed: make PYTHON=python3.12")'
	$(PYTHON) -m venv .venv
ifeq ($(TORCH_INDEX),)
	@command -v nvidia-smi > /dev/null || echo "Installing some 5 GB, most of it torch's libraries for GPUs, of which there is none here. A build for CPUs is a tenth of that: make book TORCH_INDEX=<package index with CPU builds of torch>"
else
	$(BIN)/pip install -c requirements.lock --no-deps --index-url $(TORCH_INDEX) torch torchvision
endif
	$(BIN)/pip install -c requirements.lock -e ".[test]"
	touch $@

# Zig from the package index is a C compiler for WebAssembly on every machine; one version, so that bytes are equal.
kernel:
	rm -rf _build/zig
	mkdir -p _build && $(PYTHON) -m venv _build/zig
	_build/zig/bin/pip install -q ziglang==0.17.1
	_build/zig/bin/python -m ziglang cc --target=wasm32-freestanding -O3 -msimd128 -nostdlib -fno-builtin \
		-Wl,--no-entry,--import-memory,--strip-all -o _build/zig/kernel.wasm book/_demo/kernel.c
	printf '// Written by `make kernel` from kernel.c.\nwindow.VAE_KERNEL = "%s";\n' "$$(base64 -w0 _build/zig/kernel.wasm)" > book/_demo/kernel.js
	rm -rf _build/zig

# Accelerator packages stay out: torch pins its own, and a CPU-only torch has none.
lock:
	rm -rf _build/lock
	mkdir -p _build && $(PYTHON) -m venv _build/lock
	_build/lock/bin/pip install -e ".[test]"
	_build/lock/bin/pip freeze --all --exclude-editable | grep -vE '^(pip=|nvidia-|cuda-|triton)' | sed 's/+.*//' > requirements.lock
	rm -rf _build/lock

clean:
	rm -rf .venv _build logs .snakemake book/*.ipynb .pytest_cache .ruff_cache .mypy_cache .import_linter_cache .hypothesis .coverage
	@test ! -e runs || echo "The training runs in runs/ are kept; rm -r runs removes them."
