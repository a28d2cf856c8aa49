#!/bin/sh
# Puts a source tree of mbedTLS at DIR, for the RV32 emulator: the system's libmbedtls
# is for this computer's processor. Does nothing where DIR is there already.
#
#   mbedtls.sh DIR
#
# The source is the one of the Debian release that this computer has, which apt
# verifies. Everything apt needs is kept beside DIR: no root, and nothing of the
# system's apt changes. Where there is no apt: MBEDTLS_DIR=TREE for make.
set -eu

dir=${1:?usage: mbedtls.sh DIR}
[ -f "$dir/library/ccm.c" ] && exit 0

fail() {
	echo "mbedtls.sh: $*" >&2
	echo "mbedtls.sh: give a source tree of mbedTLS 2.28 or 3 instead: make MBEDTLS_DIR=/path/to/mbedtls" >&2
	exit 1
}

command -v apt-get >/dev/null || fail "no apt-get here to get the source of mbedTLS with"

mkdir -p "$(dirname "$dir")"
work=$(mktemp -d "$(dirname "$dir")/mbedtls.XXXXXX")
work=$(cd "$work" && pwd)
trap 'rm -rf "$work"' EXIT INT TERM
mkdir -p "$work/sources" "$work/lists/partial" "$work/cache/archives/partial" "$work/source"

# The Debian and Ubuntu archives that the system has, for source packages.
for f in /etc/apt/sources.list.d/*.sources; do
	[ -f "$f" ] && grep -Eq '^URIs:.*/(debian|ubuntu)(-security|-ports)?/? *$' "$f" || continue
	sed 's/^Types:.*/Types: deb-src/' "$f" >"$work/sources/$(basename "$f")"
done
for f in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
	[ -f "$f" ] || continue
	sed -nE 's,^deb(-src)?( .*/(debian|ubuntu)(-security|-ports)?/? .*),deb-src\2,p' "$f" >"$work/sources/$(basename "$f" .list).list"
	[ -s "$work/sources/$(basename "$f" .list).list" ] || rm -f "$work/sources/$(basename "$f" .list).list"
done
[ -n "$(ls "$work/sources")" ] || fail "/etc/apt has no archive of Debian or Ubuntu to take source packages from"

apt() {
	apt-get -q -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$work/sources" \
		-o Dir::State::lists="$work/lists" -o Dir::Cache="$work/cache" \
		-o APT::Sandbox::User="$(id -un)" "$@" >"$work/log" 2>&1
}
apt update || fail "apt-get update, of a list of its own, failed:
$(tail -n 5 "$work/log")"
(cd "$work/source" && apt source --download-only mbedtls) || fail "apt-get source mbedtls failed:
$(tail -n 5 "$work/log")"

mkdir "$work/tree"
tar -xf "$work"/source/*.orig.tar.* -C "$work/tree" --strip-components=1 ||
	fail "the source package cannot be unpacked"
[ -f "$work/tree/library/ccm.c" ] || fail "the source package has no library/ccm.c"
rm -rf "$dir"
mv "$work/tree" "$dir"
echo "mbedtls.sh: $(basename "$work"/source/*.dsc .dsc) at $dir"
