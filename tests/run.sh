#!/usr/bin/env bash
# Installs what is missing, builds once, runs the tests. Run with --help for what they cover.
set -euo pipefail

usage() {
  cat <<'TXT'
tests/run.sh     every test, every search in them a seeded part of the whole: minutes
tests/long.sh    every test, every search whole, and those that only run here: more than an hour

Installs what is missing, builds once, runs the tests. Ends with "N passed, N failed, N skipped"; exit status 0 only if none failed.

  TESTS_SEED=N   the searches' seed: 1 for run.sh, drawn for long.sh, which says it; a failure repeats with it
  --help         this text
TXT
}

case "${1:-}" in
  "") ;;
  --help | -h) usage; exit 0 ;;
  *) usage >&2; exit 2 ;;
esac
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$here")
# shellcheck source=../deploy/prerequisites.sh
. "$root/deploy/prerequisites.sh"

export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1

install_prerequisites
mapfile -t extra < <(lacking softhsm2-util:softhsm2 argon2:argon2 strace:strace /usr/lib/python3/dist-packages/grpc:python3-grpcio \
  /usr/lib/python3/dist-packages/cryptography:python3-cryptography /usr/lib/python3/dist-packages/argon2:python3-argon2 \
  /usr/lib/x86_64-linux-gnu/libsoftokn3.so:libnss3 sslscan:sslscan gcore:gdb cc:gcc /usr/include/dlfcn.h:libc6-dev \
  /usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1:libfaketime)
installing=
if [ "$(id -u)" -eq 0 ]; then
  # What only the tests need comes while the build runs.
  need_packages "${extra[@]}" &
  installing=$!
else
  [ ${#extra[@]} -eq 0 ] || echo "not installed, so their tests are skipped: ${extra[*]}"
fi

export TESTS_SEED=${TESTS_SEED:-1} TESTS_EFFORT=${TESTS_EFFORT:-part}
echo "seed $TESTS_SEED, $TESTS_EFFORT"
filter=(--filter 'Effort!=Long')
[ "$TESTS_EFFORT" != whole ] || filter=()

results=$(mktemp -d)
lanes=()
end() {
  [ ${#lanes[@]} -eq 0 ] || kill "${lanes[@]}" 2>/dev/null || true
  wait
  rm -rf "$results"
}
trap end EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
# Builds and tests leave folders in their TMPDIR; there they go with the results.
mkdir "$results/tmp"
export TMPDIR="$results/tmp"

echo "building"
quiet_build "$root/Custodian.sln"
[ -z "$installing" ] || wait "$installing"
echo "built in $SECONDS s"

# Runs the tests of a project, and prints what they came to, failures with their messages, in one piece.
run_project() {
  local project=$1 started=$SECONDS log="$results/$1.log" running
  dotnet test "$root/tests/Custodian.$project.Tests/bin/Release/net10.0/Custodian.$project.Tests.dll" "${filter[@]}" \
    --logger "console;verbosity=minimal" --logger "trx;LogFileName=$results/$project.trx" --results-directory "$results" >"$log" 2>&1 &
  running=$!
  trap 'kill "$running" 2>/dev/null; wait; exit 143' TERM
  wait "$running" || echo "$project" >>"$results/failed"
  [ -s "$results/$project.trx" ] || echo "it ended without results" >>"$log"
  {
    echo "Custodian.$project.Tests took $((SECONDS - started)) s"
    grep -vE '^(Test run for|A total of|Results File|VSTest version|Starting test|$)' "$log" || true
  } >"$log.told"
  flock "$results/tmp" cat "$log.told"
}

run_projects() { for project in "$@"; do run_project "$project"; done; }

# What a server gains from over hours, processes that live for seconds only pay for: compiling a method again, better, after 30 calls
# (here 0x300) or with counters in it, mapping compiled code twice, a thread to collect garbage beside the others, and threads that
# turn round and round for a while before they sleep. Together that was a fifth of the processor time.
export DOTNET_TC_CallCountThreshold=300 DOTNET_TieredPGO=0 DOTNET_EnableWriteXorExecute=0 DOTNET_gcConcurrent=0
export DOTNET_ThreadPool_UnfairSemaphoreSpinLimit=0

# Two processors are enough for two lanes, and no more: beside the end-to-end tests, the others would run into their time limits. Of a part
# they begin once one lane is through, beside the few seconds that the other has left; of the whole that may be half an hour.
echo "testing"
run_projects Pkcs11 &
lanes+=($!)
run_projects Client Node Model &
lanes+=($!)
if [ "$TESTS_EFFORT" = whole ]; then wait; else wait -n; fi
# Nothing there computes for long: no method need be compiled again at all.
DOTNET_TC_CallCounting=0 run_projects EndToEnd &
lanes+=($!)
wait
lanes=()

count() { cat "$results"/*.trx 2>/dev/null | grep -oE "<Counters [^>]*" | grep -oE " $1=\"[0-9]+\"" | grep -oE '[0-9]+' | awk '{ sum += $1 } END { print sum + 0 }'; }
total=$(count total) passed=$(count passed) failed=$(count failed)
echo "took $((SECONDS / 60)) min $((SECONDS % 60)) s"
echo "$passed passed, $failed failed, $((total - passed - failed)) skipped"
[ ! -e "$results/failed" ] && [ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
