# Two commands matter: `make demo` and `make test`. Each sets up everything that it needs.
#   LLAMA_BACKEND=cpu|cuda|metal|vulkan   overrides what scripts/install-llama.sh finds
#   TORCH_INDEX=ADDRESS                   takes torch from that index: on Linux without a GPU, PyTorch's CPU index saves gigabytes
#   PYTHON=python3.12                     another Python, 3.11 or later
PYTHON ?= python3
BIN := .venv/bin
LLAMA_BACKEND ?= auto
export LLAMA_BACKEND

.PHONY: demo test lint install docs llama-bench verifier clean

demo: install
	@scripts/demo.sh

test: lint
	$(BIN)/pytest

lint: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

install: .venv/installed

docs: install
	$(BIN)/python scripts/write_settings_page.py

# llama.cpp's own measure of speed, which `ragstone models bench` compares with.
llama-bench: install
	scripts/build-llama-bench.sh $(BIN)/python $$(grep '^llama-cpp-python==' requirements.txt)

# Trains the verifier anew: see training/grounding/README.md. SOURCES and DATA are folders.
ENCODER ?= $(shell $(BIN)/ragstone models path all-minilm-l6-v2)
verifier: install
	$(BIN)/pip install --quiet --requirement training/requirements.txt
	$(BIN)/python training/grounding/build.py --sources $(SOURCES) --data $(DATA) --out training/pairs.jsonl
	$(BIN)/python training/grounding/train.py --pairs training/pairs.jsonl --encoder $(ENCODER) --out training/trained \
		| tee training/grounding/log.txt
	$(BIN)/python training/grounding/export.py --trained training/trained --encoder $(ENCODER) --out generation/grounding/weights
	$(BIN)/python training/grounding/combine.py --pairs training/pairs.jsonl --weights generation/grounding/weights

# The backend is part of the name of the stamp, so that another LLAMA_BACKEND builds again.
.venv/installed: .venv/llama-$(LLAMA_BACKEND) requirements.txt pyproject.toml
	$(if $(TORCH_INDEX),$(BIN)/pip install --quiet --index-url $(TORCH_INDEX) $$(grep '^torch==' requirements.txt))
	$(BIN)/pip install --quiet --requirement requirements.txt
	$(BIN)/pip install --quiet --no-deps --editable .
	@touch $@

.venv/llama-$(LLAMA_BACKEND): requirements.txt scripts/install-llama.sh | .venv/bin/python
	scripts/install-llama.sh $(BIN)/python $$(grep '^llama-cpp-python==' requirements.txt)
	@rm -f .venv/llama-* && touch $@

.venv/dev: .venv/installed requirements-dev.txt requirements-ocr.txt
	$(BIN)/pip install --quiet --requirement requirements-dev.txt
	@scripts/install-browser.sh
	@touch $@

.venv/bin/python:
	$(PYTHON) -m venv .venv

clean:
	rm -rf .venv .demo
