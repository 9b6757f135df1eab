#!/usr/bin/env bash
# The rooms of src/ may include each other along a few arrows only. Reads every #include line.
. "$(dirname "${BASH_SOURCE[0]}")/tap.sh"
cd "$root/src"

# may ROOM FILE: whether a file of that room may include "FILE"
may() {
    local room=$1 file=$2 to=${2%%/*}
    [ "$room" = "$to" ] && return 0
    case $room in
        core)               return 1 ;;
        kernel)             [[ $to == core ]] ;;
        op)                 [[ $to == core || $to == kernel ]] ;;
        grad)               [[ $to == core || $to == op ]] ;;
        plan)               [[ $to == core || $to == op || $to == kernel ]] ;;
        nn|data|explain|io|check) [[ $file == core/util.h ]] ;;
        cli)                return 1 ;;      # a program like those of others
        *)                  return 1 ;;
    esac
}

shopt -s nullglob globstar
for room in *; do
    [ -d "$room" ] || continue
    files=("$room"/**/*.[ch])
    [ ${#files[@]} -gt 0 ] || continue
    bad=
    while IFS=: read -r file line text; do
        if [[ $text =~ ^[[:space:]]*\#[[:space:]]*include[[:space:]]*[\<\"]([^\>\"]+)[\>\"] ]]; then
            target=${BASH_REMATCH[1]}
        else
            bad+="src/$file:$line: not a plain #include: $text"$'\n'
            continue
        fi
        case $target in
            uthash.h) [ "$file" = core/hash.h ] || bad+="src/$file:$line: only src/core/hash.h includes uthash.h"$'\n' ;;
            tapegrad/*) ;;
            *)
                if [[ $text == *\"* ]]; then
                    if [ ! -f "$target" ]; then bad+="src/$file:$line: \"$target\": write it as \"room/file.h\""$'\n'
                    elif ! may "$room" "$target"; then bad+="src/$file:$line: $room must not include \"$target\""$'\n'
                    fi
                elif [ -f "$target" ]; then
                    bad+="src/$file:$line: <$target> is ours and not public; use quotes"$'\n'
                fi ;;
        esac
    done < <(grep -nHE '^[[:space:]]*#[[:space:]]*include' "${files[@]}")
    verdict "includes of $room" "${bad%$'\n'}"
done
[ "$tap_count" -gt 0 ] || fail "includes" "no sources under $root/src"
finish
