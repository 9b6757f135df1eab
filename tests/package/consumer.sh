#!/usr/bin/env bash
# Installs into an empty prefix, then builds and runs programs as users do: by pkg-config, by the commands of README.md, with a subproject.
. "$(dirname "${BASH_SOURCE[0]}")/tap.sh"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
prefix=$work/prefix
cc=${CC:-cc}

# step NAME COMMAND...: passes if the command does; what it said becomes diagnostics
step() {
    local name=$1 output
    shift
    if output=$("$@" 2>&1); then pass "$name"; else fail "$name" "$(tail -n 40 <<<"$output")"; finish; fi
}

install() {
    meson setup "$work/build" "$root" --prefix "$prefix" --libdir lib --buildtype debug -Ddefault_library=both -Dtests=disabled -Dexamples=false &&
        meson install -C "$work/build"
}
step "installs" install
export PKG_CONFIG_PATH=$prefix/lib/pkgconfig${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}

missing=
for header in "$root"/include/tapegrad/*.h; do
    [ -f "$prefix/include/tapegrad/${header##*/}" ] || missing+="${header##*/} "
done
verdict "all headers are installed" "$missing"

cat >"$work/version.c" <<'PROGRAM'
#include <stdio.h>
#include <string.h>
#include <tapegrad/tapegrad.h>

/* Needs every part of the library, so that a static link has to find all that they need. */
int main(void) {
    const char *sentence = NULL;
    tg_dataset *data     = tg_dataset_csv("/nonexistent/file.csv", NULL);
    tg_params  *params   = tg_params_new(1, NULL);
    tg_status   loaded   = tg_params_load(params, "/nonexistent/file.safetensors", NULL);
    tg_status   last     = tg_last_error(&sentence);
    tg_params_free(params);
    tg_dataset_free(data);
    printf("%s: %s\n", tg_status_name(last), sentence);
    return data == NULL && loaded == TG_CANNOT_READ && last == TG_CANNOT_READ && tg_version_number() == TG_VERSION_NUMBER &&
                   strcmp(tg_version_string(), TG_VERSION_STRING) == 0 ? 0 : 1;
}
PROGRAM
# The C program of README.md, which is an example without its first line; and the commands behind it.
fenced() { awk -v fence="\`\`\`" -v kind="$1" '$0 == fence kind { inside = 1; next } $0 == fence { inside = 0 } inside' "$root/README.md"; }
fenced c >"$work/readme.c"
verdict "README.md shows examples/xor.c" "$(diff <(tail -n +2 "$root/examples/xor.c") "$work/readme.c" || true)"
mkdir "$work/commands"
cp "$work/readme.c" "$work/commands/xor.c"
commands=$(fenced sh | grep -E '^(cc |\./xor)' || true)
verdict "README.md says how to build and run it" "$([ "$(wc -l <<<"$commands")" = 2 ] || echo "commands found: $commands")"

# The example of TG_MAP1 in a comment of op.h, with the function that it mentions: its slope, here given by hand.
example=$(sed -nE 's/^ \* +(TG_MAP1\(.*\))$/\1/p' "$root/include/tapegrad/op.h")
cat >"$work/map.c" <<PROGRAM
#include <stdio.h>
#include <tapegrad/tapegrad.h>

/* x / (2 sqrt(x^2 + 1)) + 1 */
static tg_tensor acme_bent_slope(tg_tensor x) { return tg_shift(tg_scale(tg_div(x, tg_sqrt(tg_shift(tg_square(x), 1))), 0.5), 1); }
$example

int main(void) {
    const double x    = 0.75;      /* sqrt(x^2 + 1) = 1.25 */
    tg_tape     *tape = tg_tape_new(&(tg_tape_options){ .type = TG_F64 });
    tg_tensor    in = tg_scalar_input(tape, &x), y = acme_bent(in), slope = tg_grad(y, in);
    tg_status    s = tg_run_many((tg_tensor[]){ y, slope }, 2);
    printf("%s %g %g\n", tg_status_name(s), tg_item(y), tg_item(slope));
    int wrong = s != TG_OK || tg_item(y) != 0.875 || tg_item(slope) < 1.3 - 1e-12 || tg_item(slope) > 1.3 + 1e-12;
    tg_tape_free(tape);
    return wrong;
}
PROGRAM

warnings=(-std=c11 -Wall -Wextra -Wpedantic -Werror)
read -ra cflags <<<"$(pkg-config --cflags tapegrad)"

build_and_run() {
    local kind=$1 name
    shift
    for name in version readme map; do
        # The expression of map.c has a sqrt, so that program needs -lm for itself.
        step "$name.c builds, $kind" "$cc" "${warnings[@]}" "${cflags[@]}" "$work/$name.c" -o "$work/$name" "$@" $([ $name != map ] || echo -lm)
        step "$name.c runs, $kind" env -C "$work" LD_LIBRARY_PATH="$prefix/lib" "$work/$name"
    done
}

read -ra libs <<<"$(pkg-config --libs tapegrad)"
build_and_run shared "${libs[@]}"
step "the commands of README.md" env -C "$work/commands" LD_LIBRARY_PATH="$prefix/lib" bash -ec "$commands"

rm -f "$prefix"/lib/libtapegrad.so*
read -ra libs <<<"$(pkg-config --static --libs tapegrad)"
build_and_run static "${libs[@]}"

if command -v "${CXX:-g++}" >/dev/null; then
    printf '#include <tapegrad/tapegrad.h>\nint main() { return tg_version_number() == TG_VERSION_NUMBER ? 0 : 1; }\n' >"$work/version.cc"
    step "C++ builds" "${CXX:-g++}" -std=c++11 "${cflags[@]}" "$work/version.cc" -o "$work/version_cc" "${libs[@]}"
    step "C++ runs" "$work/version_cc"
else
    skip "C++ builds" "no C++ compiler"
fi

mkdir -p "$work/user/subprojects"
ln -s "$root" "$work/user/subprojects/tapegrad"
cp "$work/version.c" "$work/user"
cat >"$work/user/meson.build" <<'PROGRAM'
project('user', 'c', default_options: ['c_std=c11'])
executable('version', 'version.c', dependencies: dependency('tapegrad', fallback: 'tapegrad'))
PROGRAM
as_subproject() { env -u PKG_CONFIG_PATH meson setup "$work/user/build" "$work/user" && ninja -C "$work/user/build" && "$work/user/build/version"; }
step "a project with tapegrad as a subproject" as_subproject
finish
