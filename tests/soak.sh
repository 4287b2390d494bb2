#!/usr/bin/env bash
# Real nodes in bad weather for SOAK_SECONDS (600), from SOAK_SEED; zero keys lost, zero wrong. Prints progress, then a table.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$here")
# shellcheck source=../deploy/prerequisites.sh
. "$root/deploy/prerequisites.sh"

export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
mapfile -t extra < <(lacking softhsm2-util:softhsm2)
install_prerequisites "${extra[@]}"

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export TMPDIR="$folder" TESTS_SEED=${SOAK_SEED:-$RANDOM}

echo "building" >&2
quiet_build "$here/Custodian.Soak"
dotnet run --project "$here/Custodian.Soak" -c Release --no-build -- --seconds "${SOAK_SECONDS:-600}" "$@"
