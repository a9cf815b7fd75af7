# What a developer types. Needs make and a Python of at least 3.11; everything else goes to .venv.
# Another interpreter: make PYTHON=python3.12 run

.DELETE_ON_ERROR:
.PHONY: run page test test-redis test-oldest test-under-load check audit interop-deps fuzz chaos nat bench screenshots clean
.DEFAULT_GOAL := run

# The newest interpreter that is new enough and can make a virtual environment.
SUITABLE := import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for p in python3.14 python3.13 python3.12 python3.11 python3 python; do \
	"$$p" -c "$(SUITABLE)" >/dev/null 2>&1 && { echo "$$p"; break; }; done)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
# Two workers more than there are cores: many tests wait, for processes and for screens to rest.
WORKERS = $(shell $(PYTHON) -c "import os; print((os.cpu_count() or 1) + 2)")
ON_EACH_CORE = -n $(WORKERS) --dist loadgroup
PYTEST = $(BIN)/pytest $(ON_EACH_CORE)
# As on each system: what one of them lacks must be looked for before it is used. A test says by a
# mark on which it runs, which mypy does not read.
TYPES := $(BIN)/mypy && for system in darwin win32; do \
	$(BIN)/mypy -p filesend_tui -p relay --platform $$system --cache-dir .mypy_cache/$$system \
		|| exit 1; done

# The tests start the program hundreds of times, and pytest rewrites what they assert: without files
# of bytecode all that is compiled each time, which takes a quarter of the processor.
unexport PYTHONDONTWRITEBYTECODE

# The relay serves the page once that is built; nobody waits for it.
run: $(VENV)/run.stamp
	@$(BIN)/python -m tools.page --quietly >/dev/null 2>&1 </dev/null &
	@$(BIN)/filesend

# The page for people who have only a browser, to where the relay serves it.
page: $(VENV)/run.stamp
	@$(BIN)/python -m tools.page

test: $(VENV)/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(TYPES)
	$(BIN)/lint-imports
	$(PYTEST) -m "not native"
	$(BIN)/python -m tools.native $(ON_EACH_CORE)

# What asks a relay or a tracker for anything, or attacks it, at relays that keep their state on a real
# redis-server; what every store promises is tried on both by `make test`.
ON_REDIS := tests/relay tests/relay_client tests/security/test_rogue_relay.py \
	tests/security/test_rogue_tracker.py tests/security/test_relay_floods.py \
	tests/security/test_relay_fairness.py tests/security/test_codes.py
test-redis: $(VENV)/dev.stamp
	FILESEND_TEST_STORE=redis $(PYTEST) -m "not native" $(ON_REDIS)

# Every test as on a machine half as fast: with two busy loops beside them, as often as TIMES says.
TIMES := 1
test-under-load: $(VENV)/dev.stamp
	@for loop in 1 2; do \
		$(BIN)/python -c "import os; parent = os.getppid(); exec('while os.getppid() == parent: pass')" & \
		loops="$$loops $$!"; done; \
	trap "kill $$loops" EXIT; \
	for time in $$(seq $(TIMES)); do \
		echo "Time $$time of $(TIMES), under load."; \
		$(PYTEST) -m "not native" && $(BIN)/python -m tools.native $(ON_EACH_CORE) || exit 1; done

# The suite with the oldest dependencies that pyproject.toml allows, in .venv/oldest. Another part of
# it: make test-oldest OLDEST="tests/relay -x".
OLDEST ?= $(ON_EACH_CORE) -m "not native"
test-oldest: $(VENV)/dev.stamp
	$(BIN)/python -m tools.oldest $(OLDEST)

# What is pure: no socket, no disk, no screen, no clock but one that is passed in.
PURE := tests/wire tests/util/test_text.py tests/util/test_figures.py tests/state \
	tests/exchange/test_table.py tests/sessions/test_code.py \
	tests/sessions/test_pairing.py tests/sessions/test_cipher.py tests/torrent/pieces \
	tests/torrent/peer/test_choker.py tests/torrent/peer/test_misbehaviour.py \
	tests/torrent/lanes/test_lane_count.py tests/meeting/test_glare.py tests/meeting/test_signaling.py \
	tests/relay/protocol tests/relay/guard/test_buckets.py tests/relay/stores/test_any_order.py

# What moves much data, starts many processes, drives whole programs or screens, waits or attacks.
LONG := tests/tui tests/e2e tests/security tests/interop tests/swarm tests/hostile tests/torrent/bulk \
	tests/chaos tests/web tests/core tests/deploy tests/cli/test_surroundings.py tests/cli/test_cli.py \
	tests/cli/test_any_input.py tests/cli/test_unfinished.py tests/sessions/test_several_places.py \
	tests/tracker_place/test_meeting.py tests/relay/transit/test_pipes.py tests/relay/bus \
	tests/relay/stores/test_walks.py tests/relay/stores/test_redis.py tests/torrent/test_disk_watch.py \
	tests/torrent/test_resuming.py tests/turn/test_coturn.py

# Everything but what is long, slow or needs another Python, in two minutes. What is pure first, in
# less than one.
check: $(VENV)/dev.stamp
	@echo "What is pure: the wire, the tables, the picker, what faces draw, text."
	$(PYTEST) -q $(PURE)
	@echo "The rest."
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(TYPES)
	$(BIN)/lint-imports
	$(PYTEST) -m "not slow and not native" -q $(PURE:%=--ignore=%) $(LONG:%=--ignore=%)
	$(BIN)/python -m tools.audit

# Known vulnerabilities of what is installed, by tools/advisories.toml and by the service that
# pip-audit asks; says so where that cannot be asked.
audit: $(VENV)/dev.stamp
	$(BIN)/python -m tools.audit

# The real peers of tests/interop and the page's tools: npm modules, and as root Chromium and node by
# apt-get.
interop-deps: $(VENV)/dev.stamp
	$(BIN)/python -m tests.interop.deps

# Every decoder against very many nearly right inputs: about a quarter of an hour on two quiet cores.
# In rounds, as Hypothesis remembers what it has tried: 0.9 GB for the most talkative test of one.
fuzz: $(VENV)/dev.stamp
	for round in 1 2 3; do HYPOTHESIS_PROFILE=fuzz $(PYTEST) -m fuzz || exit 1; done

# Everything that tests/chaos does to processes, networks and disks, in its long form, for hours: one
# after the other, as times are measured. CHAOS_SEED=… repeats a run. Best as root on Linux; writes
# the figures into docs/reliability.md.
chaos: $(VENV)/dev.stamp
	rm -rf build/chaos
	$(BIN)/pytest -m long tests/chaos
	$(BIN)/python -m tests.chaos.figures

# What gets through between every two kinds of networks, as root on Linux; writes the table of
# docs/reachability.md. About a quarter of an hour.
nat: $(VENV)/bench.stamp
	$(BIN)/pytest -m long tests/nat
	$(BIN)/python -m tests.nat.table

# Every row of docs/performance.md's table; as root also those on slow and lossy links.
bench: $(VENV)/bench.stamp
	$(BIN)/python -m benchmarks

screenshots: $(VENV)/dev.stamp
	$(BIN)/python -m tools.screenshots

clean:
	rm -rf $(VENV) build dist *.egg-info snapshot_report.html
	rm -rf tests/interop/node_modules web/node_modules web/build relay/web/built
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@test -n "$(PYTHON)" || { \
		echo "FileSend needs Python 3.11 or newer with its venv module, and found none." >&2; \
		echo "Install it (on Debian and Ubuntu: python3 and python3-venv), or say where" >&2; \
		echo "it is: make PYTHON=/path/to/python3.12 run" >&2; exit 1; }
	"$(PYTHON)" -m venv $(VENV)

$(VENV)/run.stamp: pyproject.toml | $(BIN)/python
	@echo "Installing FileSend into $(VENV); this takes a minute the first time."
	@$(PIP) install --editable .
	@touch $@

$(VENV)/dev.stamp: pyproject.toml | $(BIN)/python
	@echo "Installing FileSend and its development tools into $(VENV)."
	@$(PIP) install --upgrade pip setuptools
	@$(PIP) install --editable '.[dev]'
	@touch $@ $(VENV)/run.stamp

$(VENV)/bench.stamp: pyproject.toml | $(BIN)/python
	@echo "Installing FileSend and what it is measured beside into $(VENV)."
	@$(PIP) install --editable '.[dev,bench]'
	@$(BIN)/python -m benchmarks.native
	@touch $@ $(VENV)/dev.stamp $(VENV)/run.stamp
