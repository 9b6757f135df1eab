# Sourced by the tests of this folder: TAP from bash, and where the sources are.
set -euo pipefail
export LC_ALL=C.UTF-8

root=${TAPEGRAD_SOURCE_ROOT:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}
tap_count=0
tap_failed=0

# What is behind a # in a name would be a directive.
pass() { tap_count=$((tap_count + 1)); printf 'ok %d - %s\n' "$tap_count" "${1%%#*}"; }
skip() { tap_count=$((tap_count + 1)); printf 'ok %d - %s # SKIP %s\n' "$tap_count" "$1" "$2"; }

# fail NAME TEXT: text becomes diagnostics
fail() {
    tap_count=$((tap_count + 1))
    tap_failed=1
    printf 'not ok %d - %s\n' "$tap_count" "${1%%#*}"
    sed 's/^/# /' <<<"${2:-}"
}

# verdict NAME TEXT: passes if text is empty
verdict() { if [ -z "$2" ]; then pass "$1"; else fail "$1" "$2"; fi; }

finish() { printf '1..%d\n' "$tap_count"; exit "$tap_failed"; }
