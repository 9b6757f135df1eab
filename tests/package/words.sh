#!/usr/bin/env bash
# A library never ends the process, never prints on its own, and reads numbers the same way in every locale. Looks for the words in src/, outside
# comments and strings. The program in src/cli prints.
. "$(dirname "${BASH_SOURCE[0]}")/tap.sh"
cd "$root"

# "file:line:code" of every line, without comments and the insides of strings
code() {
    find src -name '*.[ch]' | LC_ALL=C sort | while read -r file; do
        awk -v file="$file" '
            BEGIN { comment = 0 }
            {
                out = ""; i = 1; n = length($0); quote = ""
                while (i <= n) {
                    c = substr($0, i, 1); two = substr($0, i, 2)
                    if (comment)                           { if (two == "*/") { comment = 0; i += 2 } else i++ }
                    else if (quote != "")                  { if (c == "\\") i += 2; else { if (c == quote) { quote = ""; out = out c } i++ } }
                    else if (two == "/*")                  { comment = 1; out = out " "; i += 2 }
                    else if (two == "//")                  break
                    else if (c == "\"" || c == "\047")     { quote = c; out = out c; i++ }
                    else                                   { out = out c; i++ }
                }
                print file ":" FNR ":" out
            }' "$file"
    done
}

all=$(code)
before='(^|[^A-Za-z0-9_])'

# without NAME PATTERN [EXCEPT]: passes if no line has the pattern, files matching EXCEPT left out
without() {
    local found
    found=$(grep -E "$2" <<<"$all" | grep -vE "^(${3:-none}):" || true)
    verdict "$1" "$found"
}

[ -n "$all" ] || { fail "words" "no sources under $root/src"; finish; }
without "no abort" "${before}abort[[:space:]]*\("
without "no exit" "${before}(exit|_exit|_Exit|quick_exit)[[:space:]]*\("
without "no assert" "${before}assert[[:space:]]*\("
without "no printing to stdout" "${before}(printf|vprintf|puts|putchar|perror)[[:space:]]*\(" 'src/cli/[^:]*'
# tg_progress_bar writes to stdout because its caller asked for it.
without "no use of stdout or stderr" "${before}(stdout|stderr)([^A-Za-z0-9_]|$)" 'src/nn/progress\.c|src/cli/[^:]*'
# Where numbers are read, a locale is passed: strtod_l.
without "no reading by the program's locale" "${before}(strto(f|d|ld)|atof|v?[fs]?scanf|setlocale|uselocale|localeconv)[[:space:]]*\("
finish
