#!/usr/bin/env bash
# What README.md and docs/*.md show is what works: their C compiles without a warning, their programs run and print what stands below them, their
# commands do what they say, and the files that they name exist.
# Usage: docs.sh PROGRAM SHARED_LIBRARY
#
# A block of C with a main is a program; one that begins with "/* name.c - " is the file of that name; the others of a document are parts, compiled
# one behind the other in one file. A block of text is printed by the program before it. Of a block of sh the lines that begin with cc, ./ or
# tapegrad are run, in a folder with the files of the document; scripts and meson are what runs this test, and consumer.sh installs.
. "$(dirname "${BASH_SOURCE[0]}")/tap.sh"

program=$(realpath "$1") libraries=$(dirname "$(realpath "$2")")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

printf 'Name: tapegrad\nDescription: of the build folder\nVersion: 0\nCflags: -I%s/include\nLibs: -L%s -ltapegrad\n' \
    "$root" "$libraries" >"$work/tapegrad.pc"
export PKG_CONFIG_PATH=$work LD_LIBRARY_PATH=$libraries PATH=$work/bin:$PATH
unset TAPEGRAD_EAGER TAPEGRAD_PASSES
mkdir "$work/bin"
ln -s "$program" "$work/bin/tapegrad"
warnings=(-std=c11 -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wdouble-promotion -Wstrict-prototypes -Wvla -Werror -I "$root/include")

# Writes the blocks of a document to FOLDER/1.KIND, FOLDER/2.KIND, ...
blocks() {
    awk -v folder="$2" '
        /^```/ && inside { inside = 0; close(file); next }
        /^```/           { inside = 1; kind = substr($0, 4); file = folder "/" ++n "." (kind == "" ? "plain" : kind); printf "" >file; next }
        inside           { print >file }' "$1"
}

# try NAME COMMAND...: passes if the command does; its output is in $output
try() {
    local name=$1 status=0
    shift
    output=$("$@" 2>&1) || status=$?
    if [ $status = 0 ]; then pass "$name"; else fail "$name" "exit status $status: $(tail -n 30 <<<"$output")"; fi
}

# compile NAME FILE [LINK]: by both compilers; with LINK it is run too
compile() {
    local name=$1 file=$2 link=${3:-} compiler
    for compiler in gcc clang; do
        if ! command -v $compiler >/dev/null; then skip "$name by $compiler" "$compiler is not installed"; continue; fi
        if [ -z "$link" ]; then try "$name by $compiler" $compiler "${warnings[@]}" -c "$file" -o "$file.o"; continue; fi
        try "$name by $compiler" $compiler "${warnings[@]}" "$file" -o "$file.program" -L "$libraries" -ltapegrad -lm
        [ ! -x "$file.program" ] || try "$name by $compiler runs" env -C "$(dirname "$file")" "$file.program"
        rm -f "$file.program"
    done
}

read_document() {
    local document=$1 folder=$work/${1//\//_} block name line n
    mkdir "$folder"
    blocks "$root/$document" "$folder"
    while read -r n block; do
        case $block in
            *.c)
                name=$(sed -nE '1s|^/\* ([a-z_]+\.c) - .*|\1|p' "$folder/$block")
                if [ -n "$name" ]; then
                    cp "$folder/$block" "$folder/$name"
                    compile "$document: $name" "$folder/$name"
                elif grep -q '^int main' "$folder/$block"; then
                    [ "$document" != README.md ] || cp "$folder/$block" "$folder/xor.c"
                    compile "$document: program $n" "$folder/$block" link
                else
                    [ -e "$folder/parts.c" ] || printf '#include <stdio.h>\n#include <tapegrad/tapegrad.h>\n' >"$folder/parts.c"
                    cat "$folder/$block" >>"$folder/parts.c"
                fi ;;
            *.text) verdict "$document: text $n is printed" "$(grep -vxFf <(printf '%s\n' "$output") "$folder/$block" || true)" ;;
            *.sh)
                while read -r line; do
                    case $line in
                        cc\ *|./*|tapegrad\ *) try "$document: $line" env -C "$folder" bash -o pipefail -ec "$line" </dev/null ;;
                        scripts/*) verdict "$document: ${line%% *}" "$([ -x "$root/${line%% *}" ] || echo "no such program")" ;;
                    esac
                done <"$folder/$block" ;;
        esac
    done < <(cd "$folder" && find . -name '[0-9]*' -printf '%f\n' | sort -n | sed 's/^\([0-9]*\)\./\1 \1./')
    [ ! -e "$folder/parts.c" ] || compile "$document: parts" "$folder/parts.c"
}

for document in README.md $(cd "$root" && ls docs/*.md); do read_document "$document"; done

# ---- what docs/extending.md says of its programs ----

extending=$work/docs_extending.md
lines=$(awk '/^```c/ { n = 0; main = 0; next } /^int main/ { main = 1 } /^```/ && main { print n; exit } { n++ }' "$root/docs/extending.md")
if [ "$lines" -le 20 ]; then pass "the worked example has at most 20 lines"; else fail "the worked example has at most 20 lines" "$lines"; fi

# fires LIST EXPECTED: whether the instructions behind these passes have the op of the row
fires() {
    local instructions
    instructions=$(TAPEGRAD_PASSES=$1 "$extending/fused" | sed -n '/^instructions/,$p')
    if [ "$(grep -cw "$2" <<<"$instructions")" -gt 0 ] && [ "$(grep -cw "$3" <<<"$instructions")" = 0 ]; then pass "the row with passes '$1'"
    else fail "the row with passes '$1'" "$instructions"; fi
}
fires "" acme_cauchy log1p
fires "-acme_cauchy_row" log1p acme_cauchy

output=$(tapegrad opcheck --ops "$extending/acme_ops.so" | tail -n 1) || true
if [[ $output =~ ^acme_cauchy:\ [0-9]+\ checks,\ 0\ failed$ ]]; then pass "the op of the object"; else fail "the op of the object" "$output"; fi

missing=
for document in README.md CONTRIBUTING.md $(cd "$root" && ls docs/*.md); do
    for path in $(grep -oE '`(docs|examples|include|scripts|src|tests)/[A-Za-z0-9_./-]+`' "$root/$document" | tr -d '`'); do
        [ -e "$root/$path" ] || missing+="$document: $path"$'\n'
    done
done
verdict "files that documents name" "${missing%$'\n'}"
finish
