#!/usr/bin/env bash
# Enrols a private key over real custodian nodes on this machine, loses the device, and gets the key back.
# Run with --help for what it does and its options.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$here")
# shellcheck source=prerequisites.sh
. "$here/prerequisites.sh"

usage() {
  cat <<'TXT'
deploy/quickstart.sh [--nodes N] [--threshold T] [--keep]

Starts N custodian nodes on loopback, each with its own SoftHSM token, SQLite database, TLS certificate and region;
makes a private key, enrols it under a secret, kills N-T nodes, and recovers the key on a device that never saw it.

  --nodes N      nodes to start, 2 to 16 (default 5)
  --threshold T  nodes that a recovery needs; more than half of N, at most N (default: the smallest such number)
  --keep         leave the nodes running at the end, and print the commands to use and to stop them
  --help         this text

Exit status 0 only if the recovered key is identical to the one enrolled.
TXT
}

fail() { echo "quickstart: $*" >&2; exit 1; }

nodes=5 threshold="" keep=""
while [ $# -gt 0 ]; do
  case "$1" in
    --nodes) nodes=${2:-}; shift 2 || fail "--nodes wants a number" ;;
    --threshold) threshold=${2:-}; shift 2 || fail "--threshold wants a number" ;;
    --keep) keep=1; shift ;;
    --help | -h) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
  esac
done
[[ $nodes =~ ^[0-9]+$ ]] && [ "$nodes" -ge 2 ] && [ "$nodes" -le 16 ] || fail "--nodes must be 2 to 16"
threshold=${threshold:-$((nodes / 2 + 1))}
[[ $threshold =~ ^[0-9]+$ ]] && [ $((2 * threshold)) -gt "$nodes" ] && [ "$threshold" -le "$nodes" ] ||
  fail "--threshold must be more than half of $nodes and at most $nodes"

started=$(date +%s%N)
step_started=$started
total_steps=8 step_number=0
step() { step_number=$((step_number + 1)); step_started=$(date +%s%N); printf '[%d/%d] %s\n' "$step_number" "$total_steps" "$*"; }
took() { printf '      %s (%s s)\n' "$*" "$(seconds_since "$step_started")"; }
seconds_since() { awk -v a="$1" -v b="$(date +%s%N)" 'BEGIN { printf "%.2f", (b - a) / 1e9 }'; }

work=$(mktemp -d "${TMPDIR:-/tmp}/custodian-quickstart.XXXXXX")
chmod 700 "$work"
# The build leaves empty folders in its TMPDIR; there they go with everything else.
mkdir "$work/tmp"
export TMPDIR="$work/tmp"
pids=()
cleanup() {
  status=$?
  trap - EXIT
  trap '' INT TERM
  if [ -n "$keep" ] && [ "$status" -eq 0 ]; then exit 0; fi
  for pid in "${pids[@]}"; do kill -TERM "$pid" 2>/dev/null || true; done
  for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
  rm -rf "$work"
  exit "$status"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

regions=(eu-west us-east ap-south sa-east af-south eu-north us-west ap-east me-central ca-west eu-south ap-north us-central mx-central il-central nz-north)
node_name() { echo "node-$1.${regions[$(($1 - 1))]}"; }

step "installing what is missing and building"
install_prerequisites
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
quiet_build "$root/deploy/quickstart.slnf"
custodian="$root/custodian/Custodian.Node/bin/Release/net10.0/custodian"
custody="$root/client-sdk/Custodian.Cli/bin/Release/net10.0/custody"
took "node and client are built"

step "making a certificate authority, an identity provider and $nodes nodes, each with its own HSM token"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=custodian quick start" \
  -keyout "$work/ca.key" -out "$work/ca.pem" >/dev/null 2>&1
issuer="https://login.quickstart.example"
"$custody" dev-issuer --dir "$work/issuer" --issuer "$issuer" >/dev/null
softhsm=/usr/lib/softhsm/libsofthsm2.so

make_node() {
  local name=$1 dir="$work/$1" pin
  mkdir -p "$dir/tokens"
  printf 'directories.tokendir = %s/tokens\nobjectstore.backend = file\nlog.level = ERROR\n' "$dir" >"$dir/softhsm2.conf"
  pin=$(openssl rand -hex 8)
  (umask 077 && printf '%s' "$pin" >"$dir/pin")
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$name" -keyout "$dir/tls.key" -out "$dir/tls.csr" >/dev/null 2>&1
  openssl x509 -req -in "$dir/tls.csr" -CA "$work/ca.pem" -CAkey "$work/ca.key" -CAcreateserial -days 2 \
    -extfile <(printf 'subjectAltName=IP:127.0.0.1,DNS:localhost') -out "$dir/tls.pem" >/dev/null 2>&1
  cat >"$dir/node.json" <<JSON
{
  "node_id": "$name",
  "sets": ["quickstart"],
  "listen": "127.0.0.1:0",
  "data": "data",
  "tls": { "certificate": "tls.pem", "key": "tls.key" },
  "hsm": { "module": "$softhsm", "token": "custodian", "pin_file": "pin" },
  "issuers": [ { "issuer": "$issuer", "jwks_file": "../issuer/jwks.json" } ]
}
JSON
  SOFTHSM2_CONF="$dir/softhsm2.conf" "$custodian" init --make-token --config "$dir/node.json" >"$dir/init.log" 2>&1 ||
    { cat "$dir/init.log" >&2; fail "could not set up $name"; }
}
for i in $(seq "$nodes"); do make_node "$(node_name "$i")"; done
took "$nodes tokens, databases and certificates are ready"

step "starting $nodes node processes on loopback, TLS 1.3 only"
for i in $(seq "$nodes"); do
  name=$(node_name "$i")
  SOFTHSM2_CONF="$work/$name/softhsm2.conf" "$custodian" serve --config "$work/$name/node.json" \
    --ready-file "$work/$name/address" >"$work/$name/serve.log" 2>&1 &
  pids+=($!)
done
entries=()
for i in $(seq "$nodes"); do
  name=$(node_name "$i")
  for _ in $(seq 300); do
    [ -s "$work/$name/address" ] && break
    kill -0 "${pids[$((i - 1))]}" 2>/dev/null || { cat "$work/$name/serve.log" >&2; fail "$name did not start"; }
    sleep 0.1
  done
  [ -s "$work/$name/address" ] || { cat "$work/$name/serve.log" >&2; fail "$name is not ready after 30 s"; }
  entries+=("$(printf '    { "node_id": "%s", "region": "%s", "operator": "operator-%d", "address": "%s", "ca_file": "ca.pem" }' \
    "$name" "${regions[$((i - 1))]}" "$i" "$(cat "$work/$name/address")")")
done
{
  printf '{\n  "set_id": "quickstart",\n  "threshold": %d,\n  "nodes": [\n' "$threshold"
  for i in "${!entries[@]}"; do printf '%s%s\n' "${entries[$i]}" "$([ "$i" -lt $((nodes - 1)) ] && echo ,)"; done
  printf '  ]\n}\n'
} >"$work/custodians.json"
"$custody" dev-token --dir "$work/issuer" --set "$work/custodians.json" --subject user-0017 --out "$work/tokens/{node_id}.jwt" >/dev/null
took "all answer; any $threshold of $nodes give a key back"

client=("--set" "$work/custodians.json" "--tokens" "$work/tokens/{node_id}.jwt")
secret="four words make sense"

step "making a private key with openssl and enrolling it"
mkdir -p "$work/old-device" "$work/new-device"
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$work/old-device/private.pem" 2>/dev/null
printf '%s' "$secret" | HOME="$work/old-device" "$custody" enroll "${client[@]}" --key "$work/old-device/private.pem" --secret-stdin
took "the key is split over $nodes nodes; none of them has seen it"
fingerprint=$(openssl dgst -sha256 -r "$work/old-device/private.pem" | cut -d' ' -f1)
cp "$work/old-device/private.pem" "$work/reference.pem"

lost=$((nodes - threshold))
step "losing the device, and killing $lost node(s) with SIGKILL"
rm -rf "$work/old-device"
for i in $(seq "$lost"); do
  kill -KILL "${pids[$((i - 1))]}"
  wait "${pids[$((i - 1))]}" 2>/dev/null || true
  echo "      $(node_name "$i") is dead"
done
took "$threshold nodes are left"

step "recovering on a new device: an empty home, the secret, and a token per node"
printf '%s' "$secret" | HOME="$work/new-device" "$custody" recover "${client[@]}" --out "$work/new-device/private.pem" --secret-stdin
took "the key is back"

step "comparing the recovered key with the one enrolled"
cmp "$work/reference.pem" "$work/new-device/private.pem" || fail "the recovered key differs"
took "identical, SHA-256 $fingerprint"

step "trying one wrong secret"
set +e
message=$(printf 'not the secret' | HOME="$work/new-device" "$custody" recover "${client[@]}" --out "$work/new-device/wrong.pem" --secret-stdin 2>&1)
wrong_status=$?
set -e
[ "$wrong_status" -eq 3 ] || { echo "$message" >&2; fail "a wrong secret should exit with status 3, not $wrong_status"; }
printf '%s\n' "$message" | sed 's/^/      /'
[ ! -e "$work/new-device/wrong.pem" ] || fail "a wrong secret wrote a file"
took "refused, and counted by each node that was asked"

echo "done in $(seconds_since "$started") s: the key survived the loss of its device and of $lost node(s)"
if [ -n "$keep" ]; then
  cat <<TXT

The nodes that are left go on running. In this folder: $work
(the next look or recovery tells of one attempt: that was the wrong secret of the last step; the tokens hold for an hour)
  look:     $custody status ${client[*]}
  recover:  printf '$secret' | $custody recover ${client[*]} --out again.pem --secret-stdin
  audit:    SOFTHSM2_CONF=$work/$(node_name "$nodes")/softhsm2.conf $custodian audit --config $work/$(node_name "$nodes")/node.json
  node:     SOFTHSM2_CONF=$work/$(node_name "$nodes")/softhsm2.conf $custodian status --config $work/$(node_name "$nodes")/node.json --override listen=$(sed 's#^https://##' "$work/$(node_name "$nodes")/address")
  stop:     kill ${pids[*]:lost}; rm -rf $work
TXT
fi
