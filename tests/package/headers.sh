#!/usr/bin/env bash
# Every public header compiles alone, and twice, as every C and C++ that is supported, without a warning.
. "$(dirname "${BASH_SOURCE[0]}")/tap.sh"

warnings=(-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror)

try() {
    local compiler=$1 language=$2 standard=$3 bad= output header
    for header in "$root"/include/tapegrad/*.h; do
        header=tapegrad/${header##*/}
        output=$(printf '#include <%s>\n#include <%s>\n' "$header" "$header" |
            "$compiler" -x "$language" "-std=$standard" "${warnings[@]}" -I "$root/include" -fsyntax-only - 2>&1) || bad+="$header: $output"$'\n'
    done
    verdict "$compiler -std=$standard" "${bad%$'\n'}"
}

for compiler in gcc clang; do
    for standard in c99 c11 c17; do
        if command -v $compiler >/dev/null; then try $compiler c $standard
        else skip "$compiler -std=$standard" "$compiler is not installed"; fi
    done
done
for compiler in g++ clang++; do
    for standard in c++11 c++14 c++17 c++20; do
        if command -v $compiler >/dev/null; then try $compiler c++ $standard
        else skip "$compiler -std=$standard" "$compiler is not installed"; fi
    done
done
finish
