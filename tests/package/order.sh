#!/usr/bin/env bash
# No call and no list of initializers has two arguments that record nodes: C leaves it to the compiler which of them comes first.
. "$(dirname "${BASH_SOURCE[0]}")/tap.sh"
cd "$root"

if ! command -v python3 >/dev/null; then skip "one argument of a call records" "no python3 here"; finish; fi
here=tests/package
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

mapfile -t files < <(find include src examples "$here" -name '*.[ch]' | sort)
verdict "one argument of a call records" "$(python3 "$here/order.py" "${files[@]}" 2>&1 || echo "exit status $?")"

# found NAME TEXT: whether the text, as a source beside the others, is told of
found() {
    printf 'static tg_tensor local(tg_tensor x) { return tg_neg(x); }\n%s\n' "$2" >"$work/case.c"
    if python3 "$here/order.py" include/tapegrad/*.h src/core/tape.c "$work/case.c" | grep -q "^$work/case.c:2:"; then pass "$1"
    else fail "$1" "not found: $2"; fi
}
found "two of one call" 'tg_tensor f(tg_tensor x) { return tg_mul(tg_exp(x), tg_log(x)); }'
found "one of them a function of the file" 'tg_tensor f(tg_tensor x) { return tg_mul(local(x), tg_log(x)); }'
found "one of them inside another call" 'tg_tensor f(tg_tensor x) { return tg_mul(x, tg_add(tg_shift(tg_exp(x), 1), tg_scale(tg_log(x), 2))); }'
found "in a list of initializers" 'void f(tg_tensor x) { const tg_tensor parts[2] = { tg_exp(x), tg_log(x) }; use(parts); }'
found "in a literal" 'tg_tensor f(tg_tensor x) { return tg_concat((tg_tensor[]){ tg_exp(x), tg_log(x) }, 2); }'
found "in the rule of a macro" 'MAP1(name, x * x, tg_mul(g, tg_sub(tg_exp(x), tg_log(x))), .text = "%0")'
found "by a function that is given" 'tg_tensor f(tg_tensor x, tg_tensor (*mean)(tg_tensor)) { return tg_sub(tg_exp(x), mean(x)); }'
finish
