# One place for the commands of the README. Everything lives in .venv; nothing outside this folder is touched.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed

# The tests start merzim hundreds of times; without compiled files each start costs seconds.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: install demo test torture check requirements clean

install: $(STAMP)

$(STAMP): requirements-dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "merzim needs Python 3.11 or newer: run 'make install PYTHON=python3.11'"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv || { echo "Python's venv module is missing: run 'apt-get install python3-venv' and try again"; rm -rf .venv; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(STAMP)

demo: install
	@rm -rf .merzim-demo
	$(BIN)/merzim demo --people 300 --seed 1 --dir .merzim-demo

check: install
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q tests/unit tests/properties

# Servers are killed and clocks are watched in three thousand tests on a crowded machine. What was red there is asked once
# more by itself: a fault of the code is red again, and what was red at first stands above.
test: install
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q -n 2 --dist worksteal || $(BIN)/python -m pytest -q --last-failed --last-failed-no-failures none

# Everything that `make test` only samples: every fault at every step, and many more invented databases. It takes
# hours, the faults alone more than one on two cores; MERZIM_TEST_FAULTS=20 makes them twenty a kind.
torture: export MERZIM_TEST_FAULTS ?= all
torture: export MERZIM_TEST_EXAMPLES := 500
torture: export MERZIM_TEST_CHAOS := 100
torture: export MERZIM_TEST_RACES := all
torture: install
	$(BIN)/python -m pytest -q -n 2 --dist worksteal tests/integration/faults tests/integration/races tests/integration/generated tests/integration/test_restore_anything.py \
		tests/integration/test_queue_chaos.py tests/integration/test_crash_anywhere.py

requirements:
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --universal --generate-hashes --no-header --no-annotate --quiet pyproject.toml -o requirements.txt
	$(BIN)/uv pip compile --universal --generate-hashes --no-header --no-annotate --quiet --extra dev pyproject.toml -o requirements-dev.txt
	echo hatchling | $(BIN)/uv pip compile --universal --generate-hashes --no-header --no-annotate --quiet --python-version 3.11 - -o deploy/requirements-build.txt

clean:
	rm -rf .venv .merzim-demo .mypy_cache .ruff_cache .pytest_cache
