#!/usr/bin/env bash
# The generator of mutants finds places in every room by every rule. Which of them compile, and which the tests notice, scripts/mutate says.
. "$(dirname "${BASH_SOURCE[0]}")/tap.sh"

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
if ! said=$(python3 "$root/tests/mutation/generate.py" "$root" "$scratch" --no-compiler 2>&1); then
    fail "the generator runs" "$said"
    finish
fi
pass "the generator runs"
count=${said%% *}
if [ "$count" -ge 300 ]; then pass "at least 300 mutants"; else fail "at least 300 mutants" "$said"; fi
missing=
for room in op grad plan; do grep -q "\"file\": \"src/$room/" "$scratch/mutants.json" || missing+="none in src/$room"$'\n'; done
for rule in sign factor swap transpose mean forget interval; do
    grep -q "\"rule\": \"$rule\"" "$scratch/mutants.json" || missing+="none by the rule $rule"$'\n'
done
verdict "in every room and by every rule" "${missing%$'\n'}"
finish
