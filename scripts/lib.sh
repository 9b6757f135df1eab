# Sourced by the other scripts: what they need, installed if it is missing; and build folders.
set -euo pipefail
export LC_ALL=C.UTF-8

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

build_packages=(gcc meson ninja-build pkg-config uthash-dev zlib1g-dev libjansson-dev)
test_packages=(check g++ graphviz)
demo_packages=(dataset-fashion-mnist)

say() { printf '%s\n' "-- $*"; }

# Tools count as installed wherever they come from; libraries as packages.
have_package() {
    case $1 in
        gcc|g++|meson|pkg-config|valgrind) command -v "$1" >/dev/null && return 0 ;;
        ninja-build)                       command -v ninja >/dev/null && return 0 ;;
        graphviz)                          command -v dot >/dev/null && return 0 ;;
    esac
    command -v dpkg-query >/dev/null &&
        [ "$(dpkg-query -W -f '${db:Status-Status}\n' "$1" 2>/dev/null | grep -m 1 -x installed)" = installed ]
}

apt_updated=

# need PACKAGE...: installs those that are missing. Returns 1, having said why, if it cannot.
need() {
    local missing=() package as_root=()
    for package in "$@"; do
        have_package "$package" || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    if ! command -v apt-get >/dev/null; then
        say "this system has no apt-get; needed are, under whatever names it has for them: ${missing[*]}"
        return 1
    fi
    if [ "$(id -u)" -ne 0 ]; then
        if ! command -v sudo >/dev/null; then
            say "missing: ${missing[*]}. Install them as root: apt-get install ${missing[*]}"
            return 1
        fi
        as_root=(sudo)
        [ -t 0 ] || as_root+=(-n)
    fi
    say "installing ${missing[*]}"
    if [ -z "$apt_updated" ]; then
        "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -qq </dev/null ||
            say "apt-get update failed; trying with the lists as they are"
        apt_updated=yes
    fi
    if ! "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" </dev/null; then
        say "could not install ${missing[*]}"
        return 1
    fi
}

# build FOLDER OPTION...: configures once, with these options of meson, and builds.
build() {
    local folder=$1
    shift
    # A folder that another version of meson made, or that was moved, cannot bring itself up to date: it is made again.
    if [ -f "$folder/build.ninja" ] && ! ninja -C "$folder" build.ninja >/dev/null 2>&1; then
        rm -rf "$folder"
    fi
    [ -f "$folder/build.ninja" ] || meson setup "$folder" "$@" || return 1
    ninja -C "$folder"
}
