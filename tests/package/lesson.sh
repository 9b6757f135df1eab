#!/usr/bin/env bash
# tapegrad lesson: the published numbers of every exercise, every lesson answered right and once wrong, and all that can be typed.
# Usage: lesson.sh PROGRAM
. "$(dirname "${BASH_SOURCE[0]}")/tap.sh"

program=$(realpath "$1")

# What is right, one number a line: of the lines from a question up to a blank one, the first if it is a number alone, else the last word of the last.
answers() {
    "$program" lesson "$1" --answers |
        awk '/^[0-9]+ of [0-9]+   / { in_block = 1; n = 0; next }
             in_block && /^$/       { print alone != "" ? alone : last; in_block = 0; alone = "" }
             in_block               { last = $NF; if (++n == 1 && NF == 1) alone = $1 }'
}

# near A B: both lists are of one length, and agree within 0.1 %; _ agrees with everything
near() {
    awk -v a="$1" -v b="$2" 'BEGIN {
        n = split(a, x, " "); m = split(b, y, " ")
        if (n != m) { print n " numbers in place of " m; exit }
        for (i = 1; i <= n; i++) {
            d = x[i] - y[i]; if (d < 0) d = -d
            s = y[i] < 0 ? -y[i] : y[i]
            if (y[i] != "_" && d > 0.001 * s + 1e-9) print "number " i " is " x[i] " and not " y[i]
        }
    }'
}

# ---- what books and lectures say ----

published=(
    [1]="3 -12 -4 3 -4 -4"
    [2]="6 11 33 3 3 3 6 9 0.006"
    [3]="2 5 -10 -2 5 -2 -2 -4"
    [4]="-6 4 -8 -2 4 -2 -2 6 -4 -7.286496"
    [5]="1.23 0.942 1.623 5.068 7.137 0.657 2.372 0.13858 0.745 0.745 0.4895 2.2336 -1.683 -8.530 -3.367 -17.060 -16.079 6.824 2.281 5.246"
    [6]="0.693147 10 -0.958924 10.69315 11.65207 1 -1 1 1 1.716338 5.5"
    [7]="0.5 5 0 5.5 5.5"
    [8]="3 2 6 2 3 2 5"
    [9]="6 2"
    [10]="-6 1 -6 1 -6 -3 -8"
    [11]="-12 2 -10 -20 2 2 2 -8 6 2 0"
    [12]="3 0.141120 1.648721 1.351279 1.492399 2.016647 1.351279 2.843677 1.351279 -2.843677 1.505922 -13.72396 3.011843"
    [13]="0.0179862 3.017986 0.952574 -1 1 1.952574 1.545645 0.512144 -0.791593 -0.791593 1.583187 -0.791593 0.512144 2.059570 1.592233"
    [14]="-2 0 -3 -1 0 6 -7 49 24.70408 _ _ _ _ _ _ _ _ 138.8338 645.5773"
    [15]="9.261 6.859 8 12 12.61 12.01"
    [16]="1 0.731059 0.196612 -0.196612 0.393224 -0.393224 -0.589836 0.196612"
    [17]="1 -1 0.367879 1.367879 0.731059 -0.534447 -0.534447 -0.196612 0.196612 0.196612"
    [18]="0.881374 0.707107 0.5 -1.5 0.5 1 0 0.5"
    [19]="0.9 _ 0.0835502 _ -0.1187999 0 -0.0593999 -0.1187999 -0.0593999"
    [20]="0.3775 0.3925 0.593270 1.105906 0.751365 0.274811 0.741365 0.138499 0.0821670 0.0826676 0.138499 0.0553994 0.0623244 0.0133679 0.0149961 \
0.000668396 0.00133679 0.000749804 0.0133679 0.00575421 0.00717241"
    [21]="0.3775 0.593270 1.105906 0.751365 0.772928 0.298371 0.741365 0.138499 -0.0380982 0.0821670 -0.0226025 0.0363503 0.00877135 0.000438568 \
0.000877135 0.1004003 0.0187256 0.358916 0.149781"
    [22]="-0.7 0.1 0.331812 0.524979 -0.104540 0.473889 -0.131169 0.00654208 0.00872456 0.131169 -0.260829 0.4"
    [23]="0.524979 0.880797 0.509724 0.127383 -0.0381195 0.0147118 -1.2067 0.3127"
    [24]="2 1 0 0 1 0 0 0"
    [25]="0.659001 0.242433 0.0985659 0.417030 -0.340999 0.242433"
    [26]="0.817574 0.982014 0.817574 0.982014 0.121938 0.0173450 7.0302"
    [27]="0.731059 0.659195 0.148091 0.0332353 0.00743091 0.00162999 0.000320474 0.00216402 5 0.773862"
    [28]="-1.5 0 0.5 -1 0 0 0 -1 -0.02"
    [29]="5 -3 -8 2"
    [30]="3 14 28 48"
    [31]="1 6 2 4 4"
    [32]="2 -1 1.716338 1"
    [33]="1 0.196612 5 5.0862"
)

list=$("$program" lesson --list)
count=$(grep -cE '^ +[0-9]+  ' <<<"$list")
if [ "$count" = ${#published[@]} ]; then pass "all lessons are listed"; else fail "all lessons are listed" "$list"; fi
for ((n = 1; n <= count; n++)); do
    right=$(answers $n | tr '\n' ' ')
    verdict "lesson $n has the published numbers" "$(near "$right" "${published[n]}")"
    questions=$(wc -w <<<"$right")

    got=0
    output=$(tr ' ' '\n' <<<"$right" | "$program" lesson $n 2>&1) || got=$?
    if [ $got = 0 ] && grep -q "^$questions of $questions right at once\.$" <<<"$output"; then pass "lesson $n, all right"
    else fail "lesson $n, all right" "$got: $output"; fi

    got=0
    output=$( (echo 987654; tr ' ' '\n' <<<"$right") | "$program" lesson $n 2>&1) || got=$?
    if [ $got = 0 ] && grep -q "^    No\.$" <<<"$output" && grep -q "^$((questions - 1)) of $questions right at once\.$" <<<"$output"; then
        pass "lesson $n, one wrong"
    else fail "lesson $n, one wrong" "$got: $output"; fi

    got=0
    output=$(for ((i = 0; i < 3 * questions; i++)); do echo 987654; done | "$program" lesson $n 2>&1) || got=$?
    told=$(grep -c '^    No\. It is so:$' <<<"$output" || true)
    if [ $got = 0 ] && [ "$told" = "$questions" ] && grep -q "^0 of $questions right at once\.$" <<<"$output"; then
        pass "lesson $n, all wrong"
    else fail "lesson $n, all wrong" "$got: $output"; fi

    got=0
    output=$(for ((i = 0; i < questions; i++)); do printf 'hint\nskip\n'; done | "$program" lesson $n 2>&1) || got=$?
    if [ $got = 0 ] && grep -q "^0 of $questions right at once\.$" <<<"$output"; then pass "lesson $n, hints and skips"
    else fail "lesson $n, hints and skips" "$got: $output"; fi

    sheet=$("$program" lesson $n --sheet)
    blanks=$(grep -c '^    _*$' <<<"$sheet" || true)
    others=$(grep -v '^    _*$' <<<"$sheet" | grep -vxFf <("$program" lesson $n --answers) || true)
    if [ "$blanks" = "$questions" ] && [ "$others" = "" ]; then pass "lesson $n on paper"
    else fail "lesson $n on paper" "$sheet"; fi

    # The command that a lesson ends with, and no equation that is not true.
    command=$(sed -n 's/^To see all of it: tapegrad /"$program" /p' <<<"$output")
    got=0
    shown=$(eval "$command -f list" 2>&1) || got=$?
    if [ $got = 0 ] && grep -q '(backward of ' <<<"$shown"; then pass "lesson $n can be seen"; else fail "lesson $n can be seen" "$command: $shown"; fi
    verdict "lesson $n says what is true" "$("$program" lesson $n --answers |
        sed -nE 's/\(([^=]*) = ([-0-9.e+]+)\)/\2/g; s/^    (. of .: )?([A-Za-z0-9_]+ -> [A-Za-z0-9_]+: )?(-?[0-9][-0-9.e+* ]*) = ([-0-9.e+]+)$/\3=\4/p' |
        awk -F= '{ sum = 0; n = split($1, terms, / \+ /)
                   for (i = 1; i <= n; i++) { p = 1; m = split(terms[i], f, / \* /); for (j = 1; j <= m; j++) p *= f[j]; sum += p }
                   if (sprintf("%.4g", sum) != sprintf("%.4g", $2)) print $0 }')"
done
bad=
while read -r n title; do grep -qF "| $n $title |" "$root/docs/teaching.md" || bad+="$n $title"$'\n'; done < <(grep -E '^ +[0-9]+  ' <<<"$list")
verdict "docs/teaching.md has all lessons" "$bad"
[ "$("$program" lesson --list)" = "$list" ] && pass "twice the same" || fail "twice the same"

# ---- what can be typed ----

# says NAME PATTERN LINES [N]: lesson N (1) with these lines of input has this line; its exit status is 0
says() {
    local got=0 output
    output=$(printf -- "$3" | "$program" lesson "${4:-1}" 2>&1) || got=$?
    if [ $got = 0 ] && grep -qE -- "$2" <<<"$output"; then pass "$1"; else fail "$1" "$got: $output"; fi
}
says "1 % off"                     'Right'                                       '3.03\n'
says "1 % off below"               'Right'                                       '2.97\n'
says "more than 1 % off"           '^    No\.$'                                  '3.04\n'
says "0 is 0"                      '^    No\.$'                                  '-12\n2\n-10\n-20\n2\n2\n2\n-8\n6\n2\n1e-9\n' 11
says "a formula"                   'Right'                                       '1+2\n'
says "with names"                  'Right'                                       'x+y\n'
says "a fraction"                  'Right'                                       '6/2\n'
says "a comma for a point"         'Right'                                       '3,0\n'
says "blanks"                      'Right'                                       ' \t 3 \r\n'
says "a plus"                      'Right'                                       '+3\n'
says "a name that gives it away"   'So it is called'                             'q\n'
says "nothing"                     'A number, "hint", "skip" or "quit"'          '\n'
says "words"                       'That is no number: there is no value for tea' 'tea\n'
says "half a formula"              'a formula was expected at byte 2'            '3*\n'
says "no gradients of others"      'no value for d_x'                            'd_x\n'
says "the wrong sign"              'size is right, the sign is not'              '3\n-12\n4\n'
says "one message alone"           'More than one arrives here: add them'        '3\n2\n6\n2\n3\n2\n3\n' 8
says "the local derivative alone"  'local derivative alone'                      '3\n-12\n-4\n3\n1\n'
says "upstream alone"              'what comes from upstream. Multiply'          '3\n2\n6\n1\n' 8
says "a hint of a value"           'q = x \+ y, x = -2, y = 5'                   'hint\n'
says "a hint of a derivative"      'f -> q: 1 \* \(z\)$'                         '3\n-12\n?\n'
says "a hint of several"           'Add the 2 messages'                          '6\nhint\n' 9
says "quit"                        '^1 of 6 answered\..* tapegrad lesson 1 --from 2$'     '3\nquit\n3\n'
says "input that ends"             '^1 of 6 answered\.'                          '3\n'
says "input that ends in a line"   '^1 of 6 answered\.'                          '3'
says "no input"                    '^0 of 6 answered\.'                          ''
says "a long line"                 '^    No\.$'                            "$(printf '9%.0s' {1..5000})x\n"
says "nan"                         '^    No\.$'                                  'nan\n'
says "bytes of all kinds"          'That is no number'                           '\001\377\\n'

got=0; output=$("$program" lesson 1 2>&1 <&-) || got=$?
[ $got = 0 ] && grep -q '^0 of 6 answered' <<<"$output" && pass "a closed standard input" || fail "a closed standard input" "$got: $output"
if [ -w /dev/full ]; then
    for arguments in "1" "1 --answers" "--list" "--help"; do
        got=0; output=$("$program" lesson $arguments 2>&1 >/dev/full </dev/null) || got=$?
        [ $got = 1 ] && grep -q 'cannot write to standard output' <<<"$output" && pass "lesson $arguments, output that is full" ||
            fail "lesson $arguments, output that is full" "$got: $output"
    done
fi

got=0; output=$(printf -- '-4\n3\n' | "$program" lesson 1 --from 5 2>&1) || got=$?
[ $got = 0 ] && grep -q '^1 of 2 right at once' <<<"$(printf -- '-4\n3\n-4\n' | "$program" lesson 1 --from 5)" &&
    grep -q '^1 of 2 answered. To go on: tapegrad lesson 1 --from 6$' <<<"$output" && pass "from the fifth question on" ||
    fail "from the fifth question on" "$got: $output"

# ---- arguments ----

# ends NAME STATUS PATTERN ARGUMENT...
ends() {
    local name=$1 status=$2 pattern=$3 got=0 output
    shift 3
    output=$("$program" lesson "$@" 2>&1 </dev/null) || got=$?
    if [ $got = "$status" ] && grep -qE -- "$pattern" <<<"$output"; then pass "$name"; else fail "$name" "$got: $output"; fi
}
ends "--help"            0 '^  tapegrad lesson --list$' --help
ends "-h"                0 '^usage: tapegrad lesson N' -h
ends "-l"                0 '^   1  ' -l
ends "-a"                0 '^    f = -12$' -a 1
ends "no number"         2 'the number of one lesson'
ends "two numbers"       2 'the number of one lesson' 1 2
ends "lesson 0"          2 "there is no lesson 0; there are 1 to $count" 0
ends "one too many"      2 "there is no lesson $((count + 1));" $((count + 1))
ends "no number at all"  2 'there is no lesson one' one
ends "half a number"     2 'there is no lesson 1\.5' 1.5
ends "a negative number" 2 'no option -1' -1
ends "--list and more"   2 '--list goes alone' --list 1
ends "--list --answers"  2 '--list goes alone' --list --answers
ends "--answers --sheet"  2 'either --answers or --sheet' --answers --sheet 1
ends "--from 7 of 6"     2 'lesson 1 has no question 7; it has 1 to 6' 1 --from 7
ends "--from 0"          2 'has no question 0' 1 --from 0
ends "--from x"          2 'has no question x' 1 --from x
ends "--from"            2 'needs a value' 1 --from
ends "--list --from"     2 '--list goes alone' --list --from 2
ends "--from --answers"  0 '^6 of 6 ' 1 --from 6 --answers
ends "-s"                0 '^    ____' -s 1
ends "an unknown option" 2 '--nosuch is no option' --nosuch
finish
