#!/usr/bin/env bash
# The manual page formats without a warning, and has the options of every command and no others. Usage: man.sh PROGRAM
. "$(dirname "${BASH_SOURCE[0]}")/tap.sh"

program=$(realpath "$1") page=$root/man/tapegrad.1

if command -v groff >/dev/null; then
    verdict "no warnings" "$(groff -man -ww -Tutf8 "$page" 2>&1 >/dev/null)"
else
    skip "no warnings" "groff is not installed"
fi

# All --options of a text.
options() { grep -oE -- '--[a-z][a-z-]*' | sort -u; }

documented=$(sed 's/\\-/-/g' "$page" | options)
taken=$(for command in explain lesson opcheck; do "$program" $command --help; done | options)
verdict "options that the page lacks" "$(comm -13 <(echo "$documented") <(echo "$taken"))"
verdict "options that there are not" "$(comm -23 <(echo "$documented") <(echo "$taken") | grep -vx -e --help -e --version)"
for command in $("$program" --help | sed -nE 's/^  tapegrad ([a-z]+).*/\1/p'); do
    if grep -q "^\.SH ${command^^}$" "$page"; then pass "there is a section for $command"; else fail "there is a section for $command"; fi
done
version=$("$program" --version)
if grep -qF "\"$version\"" "$page"; then pass "of this version"; else fail "of this version" "$version"; fi
finish
