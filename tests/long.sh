#!/usr/bin/env bash
# Runs every test with every search whole, from a seed of its own. Takes more than an hour. TESTS_SEED=N repeats a run.
set -euo pipefail
export TESTS_EFFORT=whole TESTS_SEED=${TESTS_SEED:-$RANDOM}
exec bash "$(dirname "${BASH_SOURCE[0]}")/run.sh" "$@"
