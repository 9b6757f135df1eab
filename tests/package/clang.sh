#!/usr/bin/env bash
# The other compiler reads all of the library, the program and the examples, too, without a warning.
. "$(dirname "${BASH_SOURCE[0]}")/tap.sh"
cd "$root"

warnings=(-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wdouble-promotion -Wstrict-prototypes -Wvla -Werror)
for room in src/* examples; do
    name="clang reads $room without a warning"
    if ! command -v clang >/dev/null; then
        skip "$name" "no clang here"
        continue
    fi
    said=$(find "$room" -name '*.c' -print0 | LC_ALL=C sort -z |
           xargs -0 -P 2 -n 8 clang -fsyntax-only -std=c11 -D_GNU_SOURCE -Iinclude -Isrc -ffp-contract=off "${warnings[@]}" 2>&1 || true)
    verdict "$name" "$(head -c 4000 <<<"$said")"
done
finish
