#!/usr/bin/env bash
# Real nodes in bad weather: no key lost, no key wrong. Run with --help for what it does and its options.
set -euo pipefail

usage() {
  cat <<'TXT'
tests/soak.sh [--nodes N] [--threshold T]

Enrols, recovers and changes secrets at real nodes that are killed, stopped, delayed and cut off at random, then asks for every key that
was promised. Prints progress on standard error, then a table.

  --nodes N          how many nodes (default 5)
  --threshold T      how many of them give a key back (default 3)
  --help             this text
  SOAK_SECONDS=600   how long in all, the verification at the end included; building and starting the nodes come on top
  SOAK_SEED=N        repeats the weather of a run, which says its seed; drawn if not given

Exit status 0 only if no key was lost and none was wrong, and enough was done to tell: a thousand enrolments and a thousand recoveries
in ten minutes, and as many in proportion in any other time.
TXT
}

for argument in "$@"; do
  case "$argument" in --help | -h) usage; exit 0 ;; esac
done
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
