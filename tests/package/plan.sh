#!/usr/bin/env bash
# docs/plan.txt is what examples/plan.c prints, and what docs/design.md shows of it stands in it line by line. A debug build fills memory that falls
# free with instructions of its own, which are left out.
# Usage: plan.sh PROGRAM
. "$(dirname "${BASH_SOURCE[0]}")/tap.sh"

printed=$(env -u TAPEGRAD_EAGER -u TAPEGRAD_PASSES "$1")
verdict "docs/plan.txt is what the program prints" "$(diff <(grep -v '^  poison' <<<"$printed" | sed '/^instructions/s/: [0-9]*,/:/') \
    <(sed '/^instructions/s/: [0-9]*,/:/' "$root/docs/plan.txt") || true)"

shown=$(awk '/^### One step/ { on = 1 } /^## / && !/^###/ { on = 0 } /^```/ { inside = !inside; next } on && inside' "$root/docs/design.md")
verdict "docs/design.md shows lines of it" "$(grep -vxFf "$root/docs/plan.txt" <<<"$shown" || true)"
if [ "$(wc -l <<<"$shown")" -gt 100 ]; then pass "and many"; else fail "and many" "$shown"; fi
finish
