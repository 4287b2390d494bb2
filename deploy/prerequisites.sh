# Sourced by deploy/quickstart.sh and tests/run.sh: installs what the machine lacks, or says how.
# shellcheck shell=bash

# Prints to standard error what is missing and the command that mends it, and ends the script.
need_packages() {
  local missing=("$@")
  [ ${#missing[@]} -eq 0 ] && return 0
  if [ "$(id -u)" -ne 0 ]; then
    echo "missing Debian packages: ${missing[*]}; run this and start again:" >&2
    echo "  sudo apt-get update && sudo apt-get install -y --no-install-recommends ${missing[*]}" >&2
    exit 1
  fi
  echo "installing Debian packages: ${missing[*]}"
  local log
  log=$(mktemp)
  if ! { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    rm -f "$log"
    echo "could not install: ${missing[*]}" >&2
    exit 1
  fi
  rm -f "$log"
}

# The ICU package of this Debian release, whatever its number.
icu_package() {
  local found
  found=$(apt-cache pkgnames libicu 2>/dev/null | grep -E '^libicu[0-9]+$' | sort -V | tail -n 1)
  if [ -z "$found" ] && [ "$(id -u)" -eq 0 ]; then
    apt-get update >/dev/null 2>&1 || true
    found=$(apt-cache pkgnames libicu 2>/dev/null | grep -E '^libicu[0-9]+$' | sort -V | tail -n 1)
  fi
  echo "${found:-libicu-dev}"
}

# What every command here needs: the SDK, SoftHSM, ICU (the Unicode library behind NFKC) and openssl.
install_prerequisites() {
  if ! command -v dotnet >/dev/null 2>&1 || ! dotnet --list-sdks | grep -q '^10\.'; then
    echo "the .NET 10 SDK is missing; install it first, it is not in Debian" >&2
    exit 1
  fi
  local missing=()
  [ -e /usr/lib/softhsm/libsofthsm2.so ] || missing+=(softhsm2)
  ldconfig -p 2>/dev/null | grep -q 'libicuuc\.so' || missing+=("$(icu_package)")
  command -v openssl >/dev/null 2>&1 || missing+=(openssl)
  need_packages "${missing[@]}" "$@"
}

# Names, from "command:package" and "/file:package" pairs, the packages that are not there.
lacking() {
  local pair
  for pair in "$@"; do
    case "${pair%%:*}" in
      /*) [ -e "${pair%%:*}" ] || echo "${pair#*:}" ;;
      *) command -v "${pair%%:*}" >/dev/null 2>&1 || echo "${pair#*:}" ;;
    esac
  done
}

# Builds without leaving a compiler or build server behind.
quiet_build() {
  local log status=0
  log=$(mktemp)
  MSBUILDDISABLENODEREUSE=1 dotnet build "$@" -c Release -v q -nologo >"$log" 2>&1 || status=$?
  # One compiler for all projects takes two thirds of the time of one for each, and would stay for ten minutes.
  dotnet build-server shutdown --vbcscompiler >/dev/null 2>&1 || true
  if [ "$status" -ne 0 ]; then
    grep -E 'error|warning' "$log" | sort -u | head -n 40 >&2 || tail -n 40 "$log" >&2
    rm -f "$log"
    echo "the build failed" >&2
    exit 1
  fi
  rm -f "$log"
}
