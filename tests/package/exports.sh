#!/usr/bin/env bash
# exports.sh LIBRARY SONAME: what the shared library exports is what the public headers declare.
. "$(dirname "${BASH_SOURCE[0]}")/tap.sh"

library=$1 soname=$2
exported=$(nm -D --defined-only "$library" | awk '{ print $NF }' | LC_ALL=C sort -u)
declared=$(sed -nE 's/^TG_API[^(]*[^A-Za-z0-9_(](tg_[a-z0-9_]+)\(.*/\1/p' "$root"/include/tapegrad/*.h | LC_ALL=C sort -u)

verdict "only tg_ symbols" "$(grep -v '^tg_' <<<"$exported" || true)"
verdict "every declared function is exported" "$(LC_ALL=C comm -13 <(echo "$exported") <(echo "$declared"))"
verdict "every exported symbol is declared" "$(LC_ALL=C comm -23 <(grep '^tg_' <<<"$exported" || true) <(echo "$declared"))"

found=$(readelf -d "$library" | sed -n 's/.*(SONAME).*\[\(.*\)\].*/\1/p')
if [ "$found" = "$soname" ]; then pass "soname $soname"; else fail "soname" "it is '$found', expected '$soname'"; fi
finish
