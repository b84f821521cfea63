# Two commands carry the project: `make course` and `make test`. Each sets itself up.
# PYTHON names the interpreter that .venv is made with: PYTHON=python3.12 make course
# (once .venv is there it keeps its interpreter; to change it, remove .venv).

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
DRIVER := .venv/.driver

.DEFAULT_GOAL := help
.PHONY: help course lab test test-hostile test-browser test-full bench

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' Makefile

course: $(READY) ## Execute every notebook and say which passed
	@$(BIN)/crmlab run

lab: $(READY) ## Lay out my_course and open JupyterLab there (options: make lab ARGS=--no-browser)
	@$(BIN)/crmlab lab $(ARGS)

test: $(READY) ## Run the tests, notebooks included
	$(BIN)/python -m pytest -n logical --maxprocesses 8 --dist loadfile -m "not slow and not hostile and not browser"

test-hostile: $(READY) ## Attack the sandbox of crmlab grade, one attack at a time (Linux, bubblewrap)
	$(BIN)/python -m pytest -m hostile tests/grading

test-browser: $(DRIVER) ## Look at the lessons in JupyterLab, with Chromium if there is one here
	$(BIN)/python -m pytest -rs -m browser tests/browser

test-full: $(READY) ## Run the tests, the slow, the hostile and the browser's as well
	$(BIN)/python -m pytest -n logical --maxprocesses 8 --dist loadfile -m "not hostile and not browser"
	@$(MAKE) --no-print-directory test-hostile test-browser

bench: $(READY) ## Measure speed against a named peer (in an environment of its own)
	@for script in benchmarks/bench_*.py; do echo $$script; $(BIN)/python $$script || exit 1; done

# Without the stamp the environment is made anew, so an interrupted installation leaves nothing behind.
# The last line but one builds matplotlib's font cache here and not in the middle of a lesson.
$(READY): pyproject.toml constraints.txt
	@test -e $@ || $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo 'crmlab needs Python 3.11 or newer, and "$(PYTHON)" is not. Name one that is: PYTHON=python3.12 make course'; \
	  exit 1; }
	@test -e $@ || $(PYTHON) -m venv --clear .venv
	@rm -f $@
	@echo 'Installing crmlab into .venv, once (a few minutes)'
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[test]'
	@$(BIN)/python -c 'import matplotlib.font_manager'
	@touch $@

$(DRIVER): $(READY)
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[test,browser]'
	@touch $@
