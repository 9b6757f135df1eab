#!/usr/bin/env bash
# docs/museum.md names tests: each exists and is run, each bug has one, and each test of tests/museum/test_bugs*.c stands there.
. "$(dirname "${BASH_SOURCE[0]}")/tap.sh"
cd "$root"

# "file test" of every test that a row of the table names
named() {
    awk -F '|' '/^\| / && !/^\| (bug|---) / {
        n = split($3, words, "`"); file = ""; found = 0
        for (i = 2; i <= n; i += 2) if (words[i] ~ /\.c$/) file = words[i]; else { print file, words[i]; found = 1 }
        if (!found) print "none", $2
    }' docs/museum.md
}

all=$(named)
missing=
while read -r file test; do
    if [ "$file" = none ]; then missing+="no test: $test"$'\n'
    elif [ ! -f "tests/$file" ]; then missing+="no file tests/$file"$'\n'
    elif ! grep -q "^START_TEST($test)" "tests/$file"; then missing+="no test $test in tests/$file"$'\n'
    elif [ "$(grep -cw "$test" "tests/$file")" -lt 2 ]; then missing+="tests/$file does not run $test"$'\n'
    fi
done <<<"$all"
verdict "the tests that docs/museum.md names" "${missing%$'\n'}"
if [ "$(wc -l <<<"$all")" -gt 40 ]; then pass "are many"; else fail "are many" "$all"; fi

unnamed=$(sed -nE 's/^START_TEST\((\w+)\).*/\1/p' tests/museum/test_bugs*.c | grep -vxFf <(awk '{ print $2 }' <<<"$all") || true)
verdict "every test of a bug is named there" "$unnamed"

uncommented=$(awk '/^START_TEST/ && before !~ /\*\/$/ { print FILENAME ": " $0 } { before = $0 }' tests/museum/test_bugs*.c)
verdict "and has a comment that names the bug" "$uncommented"
finish
