#!/usr/bin/env bash
# Runs every test with every search whole, from a seed of its own. Takes hours, not minutes. CUSTODIAN_TEST_SEED=N repeats a run.
set -euo pipefail
export CUSTODIAN_TESTS=whole CUSTODIAN_TEST_SEED=${CUSTODIAN_TEST_SEED:-$RANDOM}
exec bash "$(dirname "${BASH_SOURCE[0]}")/run.sh"
