#!/usr/bin/env bash
# Installs into an empty prefix, then builds and runs programs there that know nothing but pkg-config: the one of README.md among them.
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
# The first C program of README.md.
awk '/^```c$/ { inside = 1; next } /^```$/ { if (inside) exit } inside' "$root/README.md" >"$work/readme.c"

warnings=(-std=c11 -Wall -Wextra -Wpedantic -Werror)
read -ra cflags <<<"$(pkg-config --cflags tapegrad)"

build_and_run() {
    local kind=$1 name
    shift
    for name in version readme; do
        step "$name.c builds, $kind" "$cc" "${warnings[@]}" "${cflags[@]}" "$work/$name.c" -o "$work/$name" "$@"
        step "$name.c runs, $kind" env -C "$work" LD_LIBRARY_PATH="$prefix/lib" "$work/$name"
    done
}

read -ra libs <<<"$(pkg-config --libs tapegrad)"
build_and_run shared "${libs[@]}"

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
finish
