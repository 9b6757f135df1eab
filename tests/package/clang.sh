#!/usr/bin/env bash
# The other compiler reads all of the library, the program and the examples, too, without a warning; and what it makes of them records the same nodes
# in the same order and draws the same pictures.
# Usage: clang.sh TAPEGRAD RECORDED: the programs as they were built
. "$(dirname "${BASH_SOURCE[0]}")/tap.sh"
program=$(realpath "$1") recorded=$(realpath "$2")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset TAPEGRAD_EAGER TAPEGRAD_PASSES
cd "$root"

flags=(-std=c11 -D_GNU_SOURCE "-I$root/include" "-I$root/src" -ffp-contract=off -fno-math-errno -fno-trapping-math)
warnings=(-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wdouble-promotion -Wstrict-prototypes -Wvla -Werror)
libraries=(-ljansson -lz -lm -lpthread -ldl)

for room in src/* examples; do
    name="clang reads $room without a warning"
    if ! command -v clang >/dev/null; then
        skip "$name" "no clang here"
        continue
    fi
    mkdir -p "$work/$room"
    said=$(find "$root/$room" -name '*.c' -print0 | LC_ALL=C sort -z |
           (cd "$work/$room" && xargs -0 -P 2 -n 8 clang -c "${flags[@]}" "${warnings[@]}" 2>&1) || true)
    verdict "$name" "$(head -c 4000 <<<"$said")"
done

# ---- both compilers' programs say the same ----

if ! command -v clang >/dev/null; then
    skip "ops, losses and optimizers record the same" "no clang here"
    skip "pictures are the same" "no clang here"
    finish
fi

python3 "$root/scripts/embed.py" "$work/src/page_files.c" "tg_page_css=$root/src/explain/page.css" "tg_page_js=$root/src/explain/page.js"
of_library=()
for object in "$work"/src/*/*.o; do [[ $object == */cli/* ]] || of_library+=("$object"); done
if ! said=$(clang "${flags[@]}" "$root/tests/package/recorded.c" "$work/src/page_files.c" "${of_library[@]}" "${libraries[@]}" \
                -o "$work/recorded" 2>&1 &&
            clang "${flags[@]}" -rdynamic "$work/src/page_files.c" "$work"/src/*/*.o "${libraries[@]}" -o "$work/tapegrad" 2>&1); then
    fail "clang links" "$(head -c 4000 <<<"$said")"
    finish
fi

nodes=$("$recorded") || fail "all is recorded" "exit status $?"
if [ "$(wc -l <<<"$nodes")" -gt 5000 ]; then pass "much is recorded"; else fail "much is recorded" "$nodes"; fi
verdict "ops, losses and optimizers record the same" "$(diff <(echo "$nodes") <("$work/recorded") | head -n 40 || true)"

# pictures TAPEGRAD: lessons and nets, as lists and as pictures
pictures() {
    local format lesson activation
    for format in list dot mermaid html; do
        for lesson in 1 2 3 4 5 6 7 8; do "$1" explain --lesson "$lesson" -f "$format" || return; done
        for activation in sigmoid tanh relu gelu gelu_tanh silu mish selu softplus hard_swish; do
            "$1" explain --net 2-3-2 --activation "$activation" --loss cross-entropy --batch 2 -f "$format" || return
        done
    done
}
pictures "$program" >"$work/ours" 2>&1 || fail "pictures are drawn" "$(tail -n 5 "$work/ours")"
pictures "$work/tapegrad" >"$work/theirs" 2>&1 || fail "pictures are drawn by the other one" "$(tail -n 5 "$work/theirs")"
verdict "pictures are the same" "$(diff "$work/ours" "$work/theirs" | head -n 40 | cut -c 1-400 || true)"
finish
