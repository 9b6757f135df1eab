# The program tapegrad: what it prints, and its exit status. Usage: cli.sh PROGRAM MY_OPS.so
. "$(dirname "${BASH_SOURCE[0]}")/tap.sh"

program=$(realpath "$1") object=$(realpath "$2")

# ends NAME STATUS LINE ARGUMENT...: the exit status, and the last line as a pattern of what it prints
ends() {
    local name=$1 status=$2 line=$3 output got=0
    shift 3
    output=$("$program" "$@" 2>&1) || got=$?
    if [ "$got" = "$status" ] && [[ $(tail -n 1 <<<"$output") =~ $line ]]; then pass "$name"; else fail "$name" "exit status $got: $output"; fi
}

version=$(sed -n 's/^#define TG_VERSION_STRING "\(.*\)"/\1/p' "$root/include/tapegrad/status.h")
ends "--version"                0 "^tapegrad ${version//./\\.}$" --version
ends "--help"                   0 "tapegrad --help$" --help
ends "no command"               2 "tapegrad --help$"
ends "an unknown command"       2 "tapegrad --help$" nothing
ends "opcheck of nothing"       2 "^usage: " opcheck
ends "an unknown option"        2 "^usage: " opcheck --some
ends "names and --all"          2 "^usage: " opcheck --all mul
ends "one op"                   0 "^neg: [0-9]+ checks, 0 failed$" opcheck neg
ends "two ops"                  0 "^sum: [0-9]+ checks, 0 failed$" opcheck neg sum
ends "an unknown op"            1 "no op \"no_such\" is registered" opcheck no_such
ends "every op"                 0 "^[0-9]+ ops, [0-9]+ checks, 0 failed$" opcheck --all
ends "the ops of an object"     0 "^my_decay: [0-9]+ checks, 0 failed$" opcheck --ops "$object"
ends "one of its ops"           0 "^my_softsign: [0-9]+ checks, 0 failed$" opcheck --ops "$object" my_softsign
ends "an object that is not"    1 "no_such\.so" opcheck --ops /no_such.so
ends "--ops without a file"     2 "^usage: " opcheck --ops

cd "$(dirname "$object")"
ends "a file beside one"        0 "^my_decay: [0-9]+ checks, 0 failed$" opcheck --ops "$(basename "$object")"

# Of two ops of one object both are said, the wrong one as well.
if command -v "${CC:-cc}" >/dev/null; then
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    sed 's/tg_div(g, tg_square(tg_shift(magnitude(x), 1)))/tg_div(g, tg_shift(magnitude(x), 1))/' "$root/examples/my_ops.c" >"$work/wrong.c"
    "${CC:-cc}" -std=c11 -fPIC -shared -I "$root/include" "$work/wrong.c" -o "$work/wrong.so" -lm
    ends "an op that is wrong"  1 "^my_decay: [0-9]+ checks, 0 failed$" opcheck --ops "$work/wrong.so"
    output=$("$program" opcheck --ops "$work/wrong.so" 2>&1) || true
    if grep -q "^my_softsign: first derivative of my_softsign(\[3,4\]): by operand 0 at " <<<"$output"; then pass "and is said to be"
    else fail "and is said to be" "$output"; fi
else
    skip "an op that is wrong" "no C compiler"
fi
finish
