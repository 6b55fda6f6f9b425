# Shared by the scripts in this directory; sourced, not run.

set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
self=${0##*/}
build=$top/build

packages_codecs="libavcodec-dev libavutil-dev libswscale-dev libswresample-dev
    libavfilter-dev"
packages_build="gcc libc6-dev make xz-utils nginx nginx-dev libpq-dev
    libsqlite3-dev libhiredis-dev libssl-dev libjansson-dev libjwt-dev
    $packages_codecs"
packages_asan="libcmocka-dev libffmpeg-nvenc-dev libx264-dev libx265-dev"
packages_test="$packages_asan perl clang-format ffmpeg gstreamer1.0-tools
    gstreamer1.0-plugins-base gstreamer1.0-plugins-good
    gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly gstreamer1.0-libav
    chromium procps postgresql redis-server sqlite3 openssl clang
    libclang-rt-14-dev"
packages_page="npm"
packages_demo="ffmpeg"


say()
{
    echo "$self: $*" >&2
}


die()
{
    say "$*"
    exit 1
}


# Where tools/run keeps its things unless told.
default_directory()
{
    if [ "$(id -u)" = 0 ]; then
        echo /var/lib/onair
    else
        echo "$build/run"
    fi
}


free_port()
{
    local port

    while :; do
        port=$((10000 + RANDOM % 20000))
        (: < /dev/tcp/127.0.0.1/$port) 2> /dev/null || break
    done

    echo $port
}


# missing PACKAGE…: prints those that are not installed.
missing()
{
    local package

    for package; do
        case $package in
        npm)
            # a newer npm from elsewhere serves as well
            type -P npm node > /dev/null && continue ;;
        esac

        dpkg-query -W -f '${db:Status-Status}\n' "$package" 2> /dev/null \
            | grep -qx installed || echo "$package"
    done
}


# as_root COMMAND…: runs it as root, through sudo where that is needed.
as_root()
{
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}


may_be_root()
{
    [ "$(id -u)" = 0 ] && return 0
    type -P sudo > /dev/null || return 1
    sudo -n true 2> /dev/null && return 0

    # somebody is there to type the password
    [ -t 0 ] && [ -t 2 ] && sudo -v
}


# Debian starts what it installs.  These packages are wanted for their
# programs only, so a service that was not here before is not started and is
# left disabled.  A policy-rc.d that is here already is respected.
hold_services()
{
    local policy=/usr/sbin/policy-rc.d

    held_policy=
    [ -e $policy ] && return 0

    printf '#!/bin/sh\ncase $1 in\n%s) exit 101 ;;\nesac\nexit 0\n' \
        'nginx* | postgresql* | redis-server*' \
        | as_root tee $policy > /dev/null
    as_root chmod 755 $policy
    held_policy=$policy
}


release_services()
{
    [ -z "$held_policy" ] || as_root rm -f "$held_policy"
    held_policy=
}


# disable_services NAME…: those that were installed just now.
disable_services()
{
    local service

    for service; do
        if type -P systemctl > /dev/null; then
            as_root systemctl disable --quiet $service > /dev/null 2>&1 || :
            [ ! -d /run/systemd/system ] \
                || as_root systemctl stop $service > /dev/null 2>&1 || :
        elif type -P update-rc.d > /dev/null; then
            as_root update-rc.d $service disable > /dev/null 2>&1 || :
        fi

        say "$service was installed for its programs; its service is off." \
            "To use it: systemctl enable --now $service"
    done
}


apt_install()
{
    local options="-q -y -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300
                   --no-install-recommends"

    as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get $options install "$@" > "$apt_log" 2>&1
}


# need_packages PACKAGE…: installs what is missing, and nothing else.
need_packages()
{
    local packages nginx_was_here=yes apt_log status=0 version new=

    packages=$(missing "$@")
    [ -n "$packages" ] || return 0
    packages=$(echo $packages)

    may_be_root || die "these packages are missing: $packages
$self: installing them takes root, and sudo is not allowed here.  Ask for:
    apt-get install --no-install-recommends $packages"

    [ -z "$(missing nginx)" ] || nginx_was_here=
    new=$(missing nginx postgresql redis-server)

    # nginx-dev insists on its own nginx: never upgrade a system nginx for it
    if [ -n "$nginx_was_here" ]; then
        version=$(dpkg-query -W -f '${Version}' nginx)
        packages=${packages/nginx-dev/nginx-dev=$version}
    fi

    say "installing $packages"
    apt_log=$(mktemp)
    hold_services
    trap release_services EXIT

    if [ -z "$(apt-cache madison $packages 2> /dev/null | head -n 1)" ] \
       || ! apt_install $packages
    then
        as_root apt-get -q update > "$apt_log" 2>&1 || status=$?
        [ $status -ne 0 ] || apt_install $packages || status=$?
    fi

    release_services
    trap - EXIT

    if [ $status -ne 0 ]; then
        tail -n 20 "$apt_log" >&2
        die "apt-get could not install $packages (its whole output: $apt_log)"
    fi

    rm -f "$apt_log"
    new=$(comm -23 <(sort <<< "$new") \
                   <(missing nginx postgresql redis-server | sort))
    disable_services $new
}


# Where apt has a package from, as "URI SUITE/COMPONENT".
package_origin()
{
    local origin

    origin=$(apt-cache madison "$1" \
             | awk -F '|' '/Packages$/ { print $3; exit }' \
             | awk '{ print $1, $2 }')

    echo "${origin:-http://deb.debian.org/debian bookworm/main}"
}


# own_apt PACKAGE: apt-get with lists, cache and sources of our own, into
# apt_get, in the directory apt_dir.  It gets packages and sources without root
# and without a change to the system: installed, a package of nginx would
# switch its module on in the system's own nginx.
own_apt()
{
    local uri suite

    read -r uri suite < <(package_origin "$1")
    apt_dir=$build/apt
    rm -rf "$apt_dir"
    mkdir -p "$apt_dir"/{parts,lists/partial,cache/archives/partial}

    printf 'Types: %s\nURIs: %s\nSuites: %s\nComponents: %s\nSigned-By: %s\n' \
        "deb-src deb" "$uri" "${suite%%/*}" "${suite#*/}" \
        /usr/share/keyrings/debian-archive-keyring.gpg \
        > "$apt_dir/parts/onair.sources"

    apt_get="apt-get -q -o Dir::Etc::sourcelist=/dev/null
        -o Dir::Etc::sourceparts=$apt_dir/parts
        -o Dir::State::lists=$apt_dir/lists -o Dir::Cache=$apt_dir/cache
        -o Acquire::Languages=none
        -o Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled=false"
    [ "$(id -u)" != 0 ] || apt_get="$apt_get -o APT::Sandbox::User=root"
}


# nginx-rtmp and the headers from its source.
rtmp_fetch()
{
    own_apt libnginx-mod-rtmp

    (
        cd "$apt_dir"
        $apt_get update
        $apt_get source --download-only --tar-only libnginx-mod-rtmp
        $apt_get download libnginx-mod-rtmp
        dpkg-deb -x libnginx-mod-rtmp_*.deb root
        mkdir src
        tar -xf libnginx-mod-rtmp_*.orig.tar.* -C src --strip-components=1
    ) > "$apt_dir/log" 2>&1 || {
        tail -n 20 "$apt_dir/log" >&2
        die "could not get nginx-rtmp (its whole output: $apt_dir/log)"
    }

    mv "$apt_dir/src" "$build/nginx-rtmp"
    mv "$apt_dir/root/usr/lib/nginx/modules/ngx_rtmp_module.so" \
        "$build/nginx-rtmp/"
    rm -rf "$apt_dir"
}


# nginx's own stream module, which Debian packs apart.
stream_fetch()
{
    own_apt libnginx-mod-stream

    (
        cd "$apt_dir"
        apt-get -q download libnginx-mod-stream \
            || { $apt_get update && $apt_get download libnginx-mod-stream; }
        dpkg-deb -x libnginx-mod-stream_*.deb root
    ) > "$apt_dir/log" 2>&1 || {
        tail -n 20 "$apt_dir/log" >&2
        die "could not get libnginx-mod-stream (its output: $apt_dir/log)"
    }

    mkdir -p "$build/nginx-stream"
    mv "$apt_dir/root/usr/lib/nginx/modules/ngx_stream_module.so" \
        "$build/nginx-stream/"
    rm -rf "$apt_dir"
}


# The headers of nginx-rtmp into ONAIR_RTMP_INC, its .so into rtmp_so.
need_rtmp()
{
    local fetched

    rtmp_so=/usr/lib/nginx/modules/ngx_rtmp_module.so
    fetched=$build/nginx-rtmp/for-nginx-$(dpkg-query -W -f '${Version}' nginx)

    if [ -n "${ONAIR_RTMP_INC:-}" ] && [ -e $rtmp_so ]; then
        return 0
    fi

    if [ ! -e "$fetched" ]; then
        say "fetching nginx-rtmp"
        rm -rf "$build/nginx-rtmp"
        rtmp_fetch
        touch "$fetched"
    fi

    : "${ONAIR_RTMP_INC:=$build/nginx-rtmp}"
    [ -e $rtmp_so ] || rtmp_so=$build/nginx-rtmp/ngx_rtmp_module.so
}


# The stream module's .so into stream_so.
need_stream()
{
    local fetched

    stream_so=/usr/lib/nginx/modules/ngx_stream_module.so
    fetched=$build/nginx-stream/for-nginx-$(dpkg-query -W -f '${Version}' \
                                            nginx)
    [ ! -e $stream_so ] || return 0

    if [ ! -e "$fetched" ]; then
        say "fetching nginx's stream module"
        rm -rf "$build/nginx-stream"
        stream_fetch
        touch "$fetched"
    fi

    stream_so=$build/nginx-stream/ngx_stream_module.so
}


# need_npm page|tests: hls.js, for tests the headless browser's driver too,
# as the lock file says, into build/npm/node_modules.
need_npm()
{
    local npm=$build/npm stamp omit=

    stamp="$(cat "$top"/tools/npm/package*.json | sha256sum)"
    grep -qsxF "tests $stamp" "$npm/.stamp" && return 0
    grep -qsxF "$1 $stamp" "$npm/.stamp" && return 0

    say "fetching hls.js"
    [ "$1" = tests ] || omit=--omit=dev
    mkdir -p "$npm"
    cp "$top"/tools/npm/package*.json "$npm/"

    (
        cd "$npm"
        npm ci $omit --ignore-scripts --no-audit --no-fund --no-progress \
            --fetch-retries 2 --cache "$npm/cache"
    ) > "$npm/log" 2>&1 || {
        tail -n 20 "$npm/log" >&2
        die "npm failed (its whole output: $npm/log)"
    }

    rm -rf "$npm/cache"
    echo "$1 $stamp" > "$npm/.stamp"
}


# make_onairctl OUT [SANITIZERS]: OUT/onairctl, unless it is new enough.
make_onairctl()
{
    mkdir -p "$1"

    (
        flock 9
        make -s -f "$top/tools/onairctl.mk" -C "$top" --no-print-directory \
            OUT="$1" SANITIZERS="${2:-}" >&2
    ) 9> "$1/.onairctl.lock"
}
