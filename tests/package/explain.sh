#!/usr/bin/env bash
# tapegrad explain: every option, every format, and what is refused. Usage: explain.sh PROGRAM [SHARED_LIBRARY]
. "$(dirname "${BASH_SOURCE[0]}")/tap.sh"

program=$(realpath "$1") library=${2:+$(realpath "$2")}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
unset NO_COLOR

run() { got=0; output=$("$program" explain "$@" 2>error) || got=$?; said=$(cat error); }

# prints NAME PATTERN ARGUMENT...: succeeds, says nothing else, and prints a line like this
prints() {
    local name=$1 pattern=$2
    shift 2
    run "$@"
    if [ "$got" = 0 ] && [ -z "$said" ] && grep -qE -- "$pattern" <<<"$output"; then pass "$name"
    else fail "$name" "exit status $got: $(head -n 5 <<<"$output") $said"; fi
}

# refuses NAME STATUS PATTERN ARGUMENT...: says so, and prints nothing
refuses() {
    local name=$1 status=$2 pattern=$3
    shift 3
    run "$@"
    if [ "$got" = "$status" ] && [ -z "$output" ] && grep -qE -- "$pattern" <<<"$said"; then pass "$name"
    else fail "$name" "exit status $got: $(head -n 5 <<<"$output") $said"; fi
}

list=(-f list)
mazur=(--net 2-2-1 --x 0.05,0.10 --t 0.01 --weights 'W1=[0.15,0.25; 0.2,0.3], b1=[0.35,0.35], W2=[0.4; 0.45], b2=0.6')
survey=('ln(x1) + x1*x2 - sin(x2)' --at x1=2,x2=5)

# ---- what is built ----

prints "a formula"                    '11\.6521$' "${list[@]}" "${survey[@]}"
prints "and its derivatives"          '1\.71634$' "${list[@]}" "${survey[@]}"
prints "several formulas"             ' f  = -12$' "${list[@]}" 'q = x + y; f = q*z' --at 'x=-2, y=5, z=-4'
prints "semicolons between values"   "= 3$" "${list[@]}" "x + y" --at "x=1; y=2"
prints "matrices"                     '= -0\.6 2; -1\.2 4$' "${list[@]}" 'sum((x W - y)^2)' --at 'x=[1,2], W=[0.1,0.2; 0.3,0.4], y=[1,0]' --by W
prints "a formula that begins with a minus" '= -3$' "${list[@]}" --at x=3 -- '-x'
prints "names beyond ASCII"           '= 4$' "${list[@]}" 'größe^2' --at größe=2
prints "what a lesson has"            ' f  = -12$' "${list[@]}" --lesson 1
prints "by what it says"              'backward of ' "${list[@]}" --lesson 24
prints "before its backward pass"     ' L  = 0$' "${list[@]}" --lesson 24 --no-gradient
prints "by something else"            '\[1,2\].*backward of ' "${list[@]}" --lesson 24 --by c
prints "a net with its weights"       'L  = 0\.274811$' "${list[@]}" "${mazur[@]}"
prints "its gradient"                 '= 0\.00575421 0\.00717241$' "${list[@]}" "${mazur[@]}"
prints "half-squares is the loss"     'L  = 0\.274811$' "${list[@]}" "${mazur[@]}" --loss half-squares --activation sigmoid --last-activation sigmoid
prints "squares"                      'L  = 0\.549622$' "${list[@]}" "${mazur[@]}" --loss squares
prints "mse"                          'L  = 0\.549622$' "${list[@]}" "${mazur[@]}" --loss mse
prints "l1"                           'L  = 0\.741365$' "${list[@]}" "${mazur[@]}" --loss l1
prints "huber"                        'L  = 0\.274811$' "${list[@]}" "${mazur[@]}" --loss huber
prints "a last layer without activation" 'L  = 0\.600505$' "${list[@]}" "${mazur[@]}" --last-activation linear
prints "before logits that is so"     'pre_activation  = 1\.10591$' "${list[@]}" "${mazur[@]}" --loss binary-cross-entropy
prints "labels"                       'cross_entropy.* L ' "${list[@]}" --net 2-3 --x '1,2; 3,4' --t '2; 0' --loss cross-entropy
prints "distributions"                'distribution|softmax' "${list[@]}" --net 2-3 --x 1,2 --t 0.5,0.25,0.25 --loss cross-entropy
prints "labels that are drawn"        'cross_entropy' "${list[@]}" --net 4-8-3 --activation tanh --loss cross-entropy --batch 5
prints "a batch"                      'input  \[7,3\]  x' "${list[@]}" --net 3-2 --batch 7
prints "relu"                         'relu\(' "${list[@]}" --net 3-2-1 --activation relu
prints "a large net"                  'input  \[64,784\]  x' "${list[@]}" --net 784-128-10 --batch 64 --loss cross-entropy

run "${list[@]}" --net 3-2-1 --seed 7; one=$output
run "${list[@]}" --net 3-2-1 --seed 7; [ "$one" = "$output" ] && pass "one seed, one net" || fail "one seed, one net"
run "${list[@]}" --net 3-2-1 --seed 8; [ "$one" != "$output" ] && pass "another seed, another net" || fail "another seed, another net"

prints "by one name"                  'matmul.*\[2,2\].*backward' "${list[@]}" "${mazur[@]}" --by W1
run "${list[@]}" "${mazur[@]}" --by W2; few=$(wc -l <<<"$output")
run "${list[@]}" "${mazur[@]}";         all=$(wc -l <<<"$output")
[ "$few" -lt "$all" ] && pass "which are less than all" || fail "which are less than all" "$few, $all"
run "${list[@]}" "${mazur[@]}" --no-gradient
verdict "before the backward pass" "$(grep backward <<<"$output" || true)"
run "${list[@]}" "${mazur[@]}" --no-values
verdict "symbols only" "$(grep ' = [0-9.]*$' <<<"$output" || true)"
prints "how it is compiled"           '^instructions: ' "${list[@]}" "${mazur[@]}" --passes

# A file of weights is what the library writes.
if command -v "${CC:-cc}" >/dev/null && [ -n "$library" ]; then
    cat >save.c <<'C'
#include <tapegrad/tapegrad.h>
int main(void) {
    tg_params *params = tg_params_new(1, NULL);
    tg_mlp    *net = tg_mlp_new(params, &(tg_mlp_options){ .sizes = TG_SIZES(2, 1), .activation = "sigmoid" });
    tg_status  status = tg_variable_write(tg_variable_find(params, "net/fc1/weight"), (float[]){ 0.5f, 0.25f });
    if (status == TG_OK) status = tg_params_save(params, "weights.safetensors");
    tg_mlp_free(net);
    tg_params_free(params);
    return status;
}
C
    "${CC:-cc}" -std=c11 -I "$root/include" save.c "$library" -lm -o save
    LD_LIBRARY_PATH=$(dirname "$library") ./save
    prints "weights from a file"      'net/fc1/weight  = 0\.5; 0\.25$' "${list[@]}" --net 2-1 --x 1,2 --load weights.safetensors
    refuses "of another net"          1 'weights\.safetensors' --net 3-1 --load weights.safetensors
else
    skip "weights from a file" "no C compiler, or no shared library"
fi

# ---- every format takes every option ----

run --format '?' x --at x=1
read -ra formats <<<"$(sed -n 's/^tapegrad explain: --format ?: it is //p' <<<"$said" | tr -d ',' | sed 's/ or / /')"
[ ${#formats[@]} -gt 0 ] && pass "there are formats" || fail "there are formats" "$said"
for format in "${formats[@]}"; do
    bad=
    for options in "" "--view automatic" "--view neurons" "--view layers" "--view paths --parameter net/fc1/weight[0,1]" "--view plan" \
            "--theme light" "--theme dark" "--theme print" "--digits 1" "--digits 17" "--columns 80" "--ascii" "--example 0" "--title <&>" "--row-notation" \
            "--no-values" "--passes" "--no-gradient" "--color never" "--by W1" "--parameter net/fc2/bias[0,0]"; do
        run --format "$format" "${mazur[@]}" $options
        if [ "$got" != 0 ] || [ -z "$output" ] || [ -n "$said" ]; then bad+="$options: $got $said"$'\n'; fi
        one=$output
        run "${mazur[@]}" $options --format="$format" --output out
        if [ "$got" != 0 ] || [ -n "$output$said" ] || [ "$(cat out)" != "$one" ]; then bad+="$options into a file: $got $said"$'\n'; fi
    done
    verdict "$format takes every option" "$bad"
done

bad=
for format in "${formats[@]}"; do
    [ "$format" = list ] && continue      # it has all of them
    for example in 2 99; do
        run --format "$format" --net 2-2-1 --batch 2 --example "$example"
        [ "$got" = 1 ] && [ -z "$output" ] && grep -q "no example $example in a batch of 2" <<<"$said" || bad+="$format, $example: $got $said"$'\n'
    done
    run --format "$format" --net 2-2-1 --batch 2 --example 1
    [ "$got" = 0 ] || bad+="$format, 1: $got $said"$'\n'
done
verdict "an example that is not there is refused by every format" "$bad"

bad=
while read -r format suffix; do
    "$program" explain "${survey[@]}" -f "$format" >one
    "$program" explain "${survey[@]}" -o "by.suffix$suffix"
    cmp -s one "by.suffix$suffix" || bad+="$suffix is not $format"$'\n'
done <<<"$("$program" explain --help | sed -n 's/^  \([a-z]*\) .*a file \(\.[a-z]*\)\( is of this format\|, and so\).*/\1 \2/p')"
verdict "the name of a file says the format" "$bad"

for format in text html latex; do
    prints "layers where neurons do not fit, in $format" 'layers are shown instead' -f $format --net 784-128-10 --batch 64 --view neurons
done
prints "layers where neurons do not fit, in dot" 'layers, as the view of neurons would have' -f dot --net 784-128-10 --batch 64 --view neurons
prints "all examples are shown then" 'Σ₁ .*\[128,64\]' -f text --net 784-128-10 --batch 64 --view neurons

prints "what is no number"            '= NaN' -f text 'a*b' --at 'a=-inf, b=0'
prints "in a picture red and thick"   'COLOR="#C2002F"><B>NaN' -f dot 'a*b' --at 'a=nan, b=2'
refuses "what is nearly a word"       1 'not a number' 'a*b' --at 'a=nano, b=2'

"$program" explain "${list[@]}" "${survey[@]}" >one
"$program" explain "${survey[@]}" -o two.list
cmp -s one two.list && pass "the format of a file's name" || fail "the format of a file's name"
prints "- is standard output"          '11\.6521$' "${list[@]}" "${survey[@]}" -o -
prints "an option that is abbreviated" '11\.6521$' --form list "${survey[@]}"

# ---- colour: on a terminal only, and not with NO_COLOR ----

if script -qec true /dev/null </dev/null >/dev/null 2>&1; then      # a program that makes a terminal, on a system that has one to make
    line="'$program' explain -f text x^2 --at x=3"
    colours() { script -qec "$1" /dev/null </dev/null | grep -c $'\033' || true; }
    [ "$(colours "$line")" -gt 0 ] && pass "colour on a terminal" || fail "colour on a terminal"
    [ "$(colours "NO_COLOR=1 $line")" = 0 ] && pass "NO_COLOR" || fail "NO_COLOR"
    [ "$(colours "NO_COLOR= $line")" -gt 0 ] && pass "NO_COLOR of nothing" || fail "NO_COLOR of nothing"
    [ "$(colours "$line --color never")" = 0 ] && pass "--color never" || fail "--color never"
    run -f text 'x^2' --at x=3
    verdict "no colour elsewhere" "$(grep $'\033' <<<"$output" || true)"
    run -f text 'x^2' --at x=3 --color always
    grep -q $'\033' <<<"$output" && pass "--color always" || fail "--color always"
else
    skip "colour" "no terminal can be made here"
fi

# ---- formulas that are none ----

# points NAME COLUMN EXPECTED FORMULA: the caret stands below this column, counted from 0
points() {
    run "$4" --at x=1
    local caret
    caret=$(grep -E '^ +\^$' <<<"$said" || true)
    if [ "$got" = 1 ] && [ $((${#caret} - 5)) = "$2" ] && grep -qF -- "$3" <<<"$said"; then pass "$1"; else fail "$1" "exit status $got: $said"; fi
}
points "a parenthesis that is missing" 4  "')' or an operator was expected" '(x+1'
points "one that is too many"          3  'an operator or the end was expected' 'x+1)'
points "nothing behind a sign"         4  'a formula was expected' 'x + '
points "two signs"                     3  'a formula was expected' 'x +*x'
points "a call"                        7  "',' or ')' was expected" 'sin(x+1'
points "behind wide letters"           3  'a formula was expected' 'ä +'
points "in the second formula"         1  'a formula was expected' 'a = x^2; ('
refuses "a name without value"         1 'no value for y' 'x + y' --at x=1
refuses "a function that is none"      1 'no function nosuch' 'nosuch(x)' --at x=1
refuses "no formula at all"            1 'there is no formula' '' --at x=1
refuses "a value that no formula has"  1 'no formula has y' x --at x=1,y=2
refuses "a value twice"                1 'x has two values' x --at x=1,x=2
refuses "a value that is none"         1 'not a number' x --at x=one
refuses "a value that is missing"      1 'a number is missing' x --at x=
refuses "hexadecimal"                  1 'not a number' x --at x=0x10
refuses "rows of several lengths"      1 'not of one length' 'sum(x)' --at 'x=[1,2;3]'
refuses "a bracket"                    1 "']' is missing" 'sum(x)' --at 'x=[1,2'
refuses "no equals sign"               1 'name=value was expected' x --at x
refuses "a matrix as result"           1 'is a matrix \[1, 2\]' x --at 'x=[1,2]'
refuses "shapes that do not fit"       1 'shape|fit|\[1, ?2\]' 'sum(x y)' --at 'x=[1,2],y=[1,2]'
refuses "by a name that is none"       1 'no value for "z"' x --at x=1 --by z
refuses "a name too long"              1 'has more than' x --at "$(printf 'n%.0s' {1..100})=1"
refuses "a formula too deep"           1 'nested less deeply' "$(printf '(%.0s' {1..300})x" --at x=1

# ---- nets that are none ----

refuses "one size"                     1 'inputs and outputs' --net 2
refuses "size 0"                       1 'sizes such as 2-2-1' --net 2-0-1
refuses "no size"                      1 'sizes such as 2-2-1' --net 2--1
refuses "a size that is none"          1 'sizes such as 2-2-1' --net 2-x
refuses "half a size"                  1 'sizes such as 2-2-1' --net 2-1.5
refuses "too many sizes"               1 'more than' --net 1-1-1-1-1-1-1-1-1-1-1-1-1-1-1-1-1-1-1-1-1-1
refuses "too many weights"             1 'weights' --net 100000-100000
refuses "an activation that is none"   1 'nosuch' --net 2-2-1 --activation nosuch
refuses "nor is it one of the last layer" 1 'there is no activation "nosuch"' --net 2-2-1 --last-activation nosuch
refuses "a loss that is none"          1 'there are half-squares' --net 2-1 --loss nosuch
refuses "inputs that do not fit"       1 'x is \[1, 3\], and \[1, 2\]' --net 2-1 --x 1,2,3
refuses "targets that do not fit"      1 't is \[1, 2\], and \[1, 1\]' --net 2-1 --x 1,2 --t 1,2
refuses "a label out of range"         1 'from 0 to 1' --net 2-2 --x 1,2 --t 2 --loss cross-entropy
refuses "half a label"                 1 'whole number' --net 2-2 --x 1,2 --t 0.5 --loss cross-entropy
refuses "inputs that are no numbers"   1 '--x a,b: ' --net 2-1 --x a,b
refuses "a weight that is none"        1 'there is no W3' --net 2-2-1 --weights W3=1
refuses "another weight that is none"  1 'there is no c1' --net 2-1 --weights c1=1
refuses "weights that do not fit"      1 'W1 is \[1, 2\], and \[2, 1\]' --net 2-1 --weights W1=[1,2]
refuses "a file that is not there"     1 'nosuch' --net 2-1 --load nosuch

# ---- arguments that are wrong ----

refuses "nothing"                      2 '--net, a formula or --lesson is missing'
refuses "two formulas"                 2 'one formula too many' x y --at x=1
refuses "a net and a formula"          2 'either --net or the formula' --net 2-1 x
refuses "a net with --at"              2 '--at is for formulas' --net 2-1 --at x=1
refuses "a formula with --x"           2 'only a net takes' x --x 1
refuses "a lesson and a formula"       2 '--lesson goes without' x --lesson 1
refuses "a lesson and a net"           2 '--lesson goes without' --net 2-1 --lesson 1
refuses "a lesson with values"         2 '--lesson goes without' --at x=1 --lesson 1
refuses "no such lesson"               2 '--lesson 99: a whole number from 1 to' --lesson 99
refuses "--x and --batch"              2 'either --x or --batch' --net 2-1 --x 1,2 --batch 3
refuses "--weights and --load"         2 'either --weights or --load' --net 2-1 --weights W1=[1\;2] --load f
refuses "--by and --no-gradient"       2 'either --by or --no-gradient' x --at x=1 --by x --no-gradient
refuses "an unknown option"            2 '--nosuch is no option' --nosuch
refuses "an unknown letter"            2 'no option -x' -x
refuses "an option without its value"  2 '--net needs a value' --net
refuses "-o without its value"         2 '-o needs a value' x --at x=1 -o
refuses "a value for none"             2 '--ascii=1 is no option|takes no value' x --ascii=1
for option in seed batch digits columns example; do
    for value in x -1 1.5 1e99 '' 0x1; do refuses "--$option '$value'" 2 "--$option $value: a whole number" x "--$option=$value"; done
done
refuses "--digits 18"                  2 'from 1 to 17' x --digits 18
refuses "--columns 79"                 2 'from 80 to 1000' x --columns 79
refuses "--view"                       2 'it is automatic, neurons, layers, paths or plan' x --view nosuch
refuses "--theme"                      2 'it is light, dark or print' x --theme nosuch
refuses "--color"                      2 'it is auto, always or never' x --color nosuch
refuses "--format"                     2 '--format nosuch: it is ' x --format nosuch
prints "--help"                        '^  tapegrad explain --net 2-2-1 ' --help
prints "its formats"                   "^  list  +one line a node; a file " --help
prints "-h"                            '^usage: tapegrad explain ' -h

# ---- files ----

refuses "a folder that is not there"   1 'nosuch/out' "${survey[@]}" -o nosuch/out
refuses "a folder as file"             1 'is not a file' "${survey[@]}" -o .
printf 'old\n' >kept
if [ "$(id -u)" != 0 ]; then
    mkdir closed && chmod 500 closed
    refuses "a folder without rights"  1 'closed/out' "${survey[@]}" -o closed/out
else
    skip "a folder without rights" "root may write everywhere"
fi
got=0; said=$( (ulimit -f 1; "$program" explain -f list "${mazur[@]}" --passes -o kept) 2>&1) || got=$?
if [ "$got" = 1 ] && [ "$(cat kept)" = old ] && grep -q 'explain: kept: ' <<<"$said"; then pass "a full disk leaves the old file"
else fail "a full disk leaves the old file" "exit status $got: $said $(wc -c <kept)"; fi
if [ -w /dev/full ]; then
    got=0; said=$("$program" explain "${survey[@]}" 2>&1 >/dev/full) || got=$?
    [ "$got" = 1 ] && grep -q 'cannot write to standard output' <<<"$said" && pass "standard output that is full" || fail "standard output that is full" "$got $said"
fi

"$program" explain -f list --net 784-128-10 --batch 64 --passes -o whole
bad=
for delay in 0 0.005 0.01 0.02 0.03 0.05 0.08 0.12 0.2; do
    printf 'old\n' >kept
    "$program" explain -f list --net 784-128-10 --batch 64 --passes -o kept &
    sleep "$delay"
    kill -TERM $! 2>/dev/null || true
    wait $! 2>/dev/null || true
    if [ "$(cat kept)" != old ] && ! cmp -s kept whole; then bad+="behind $delay seconds half of it is there"$'\n'; fi
done
bad+=$(find . -name '*.tmp.*')
verdict "an interruption leaves no half file" "$bad"
finish
