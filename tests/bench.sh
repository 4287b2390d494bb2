#!/usr/bin/env bash
# What we do, measured in turn with what it is held against. Run with --help for the options.
set -euo pipefail

usage() {
  cat <<'TXT'
tests/bench.sh [--only NAME]...

Measures ours and the other thing in turn, round by round, on this machine; prints a Markdown table of medians, spreads and ratios, and
writes them with machine and versions to bench.json beside README.md. What it is held against comes from Debian packages, which it
installs as root; without them their rows say that they were skipped. Takes some ten minutes and 3 GB of disk for as long; nothing else
should run meanwhile.

  --only NAME   one benchmark; may be given again:
                  saturated   Evaluate with 64 callers, against the bare module and tang
                  evaluate    Evaluate on an idle node, against its parts
                  deposit     Prepare and Deposit with 64 callers, against the bare module and bare commits
                  recovery    from the secret to the key at simulated round trips
                  command     custody recover against clevis decrypt
                  argon2id    against the argon2 command
                  shamir      split and combine against libgfshare and ssss
                  scale       a million accounts against a thousand
                  memory      what an Evaluate allocates and what is collected
  --help        this text

Exit status 0 when it measured, whether a reach is met or not.
TXT
}

only=()
while [ $# -gt 0 ]; do
  case "$1" in
    --only) [ $# -ge 2 ] || { usage >&2; exit 2; }; only+=(--only "$2"); shift 2 ;;
    --help | -h) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
  esac
done
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$here")
# shellcheck source=../deploy/prerequisites.sh
. "$root/deploy/prerequisites.sh"

export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
install_prerequisites
mapfile -t peers < <(lacking argon2:argon2 ssss-split:ssss /usr/include/libgfshare.h:libgfshare-dev cc:gcc /usr/include/stdio.h:libc6-dev \
  /usr/libexec/tangd:tang-common clevis:clevis socat:socat curl:curl)

# In a shell of its own, which ends where they cannot be had.
(need_packages "${peers[@]}") || echo "without ${peers[*]}: their rows are skipped" >&2

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export TMPDIR="$folder"

gfshare=()
if [ -e /usr/include/libgfshare.h ] && command -v cc >/dev/null 2>&1; then
  cc -O2 -o "$folder/gfshare" "$here/Custodian.Benchmarks/peers/gfshare.c" -lgfshare
  gfshare=(--gfshare "$folder/gfshare")
fi

echo "building" >&2
quiet_build "$here/Custodian.Benchmarks"
"$here/Custodian.Benchmarks/bin/Release/net10.0/Custodian.Benchmarks" compare "${only[@]}" "${gfshare[@]}" --json "$root/bench.json"
