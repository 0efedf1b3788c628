# SPDX-License-Identifier: GPL-2.0-only
# Shared by the scripts here: where things are cached, how progress is shown.
# shellcheck shell=bash

set -euo pipefail
HVDPA_SRC=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
HVDPA_CACHE=${HVDPA_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/hvdpa}
export HVDPA_SRC HVDPA_CACHE
mkdir -p "$HVDPA_CACHE"

say() { printf '%s\n' "$*" >&2; }
die() { say "error: $*"; exit 1; }

# step TEXT COMMAND...: run a long command, its output in a log, a line that
# says that it goes on (twice a minute without a terminal), and the log's tail
# when it fails.
step() {
	local text=$1 log start pid
	shift
	log=$(mktemp "$HVDPA_CACHE/step.XXXXXX")
	start=$SECONDS
	"$@" >"$log" 2>&1 </dev/null &
	pid=$!
	while kill -0 "$pid" 2>/dev/null; do
		if [ -t 2 ]; then
			printf '\r%s ... %d s ' "$text" $((SECONDS - start)) >&2
		elif [ $(((SECONDS - start) % 30)) -eq 29 ]; then
			say "$text ... $((SECONDS - start)) s"
			sleep 1
		fi
		sleep 0.3
	done
	[ ! -t 2 ] || printf '\r' >&2
	if wait "$pid"; then
		say "$text: done in $((SECONDS - start)) s"
		rm -f "$log"
		return 0
	fi
	say "$text: FAILED after $((SECONDS - start)) s; the end of $log:"
	tail -n 40 "$log" >&2
	return 1
}

# content_key FILE|TEXT...: a short hash of files' contents and of words.
content_key() {
	local item
	for item in "$@"; do
		if [ -f "$item" ]; then cat "$item"; else printf '%s\n' "$item"; fi
	done | sha256sum | cut -c1-16
}

# The sysroot that this checkout's scripts call for. scripts/sysroot makes it.
sysroot_key() {
	content_key "$HVDPA_SRC/scripts/sysroot"
}
SYSROOT=${HVDPA_SYSROOT:-$HVDPA_CACHE/sysroot-$(sysroot_key)}
export SYSROOT

# in_sysroot COMMAND...: run in the sysroot with /proc, /dev and the sources
# and the cache at the paths that they have outside.
in_sysroot() {
	"$HVDPA_SRC/scripts/in-sysroot" "$SYSROOT" "$@"
}

# copy_modules ROOT RELEASE FOLDER MODULE...: modules of a kernel of the root with what
# they need, for insmod, and FOLDER/order, a name a line.
copy_modules() {
	local root=$1 release=$2 folder=$3 module name
	shift 3
	for module; do
		in_sysroot modprobe -d "$root" -S "$release" --show-depends "$module"
	done | sed -n 's/^insmod \([^ ]*\).*/\1/p' | awk '!seen[$0]++' |
	while read -r module; do
		name=${module##*/}
		case $name in
		*.xz) name=${name%.xz}; in_sysroot xz -dc "$module" >"$folder/$name" </dev/null ;;
		*) cp "$module" "$folder/" ;;
		esac
		echo "$name" >>"$folder/order"
	done
}

apt_sites() {
	# shellcheck disable=SC2016 # apt's own placeholders
	apt-get indextargets --format '$(REPO_URI) $(CODENAME) $(COMPONENT)' \
		'Created-By: Packages' 2>/dev/null | sort -u
}

# apt_sources SUITE: the lines of a sources.list, with the mirrors that this
# machine's apt has.
apt_sources() {
	local suite=$1 host main security
	host=$(. /etc/os-release && echo "$VERSION_CODENAME")
	main=$(apt_sites | awk -v c="$host" '$2 == c && $3 == "main" {print $1; exit}')
	security=$(apt_sites | awk -v c="$host-security" '$2 == c && $3 == "main" {print $1; exit}')
	[ -n "$main" ] ||
		die "apt knows no mirror of $host; run 'apt-get update' and try again"
	echo "deb $main $suite main"
	echo "deb-src $main $suite main"
	echo "deb $main $suite-updates main"
	echo "deb-src $main $suite-updates main"
	echo "deb $main $suite-backports main"
	[ -z "$security" ] || echo "deb $security $suite-security main"
	[ -z "$security" ] || echo "deb-src $security $suite-security main"
}

# in_root ROOT COMMAND...: in a root that is being made, without the sources
# and the cache.
in_root() {
	local tool=$HVDPA_SRC/scripts/in-sysroot
	HVDPA_SRC='' HVDPA_CACHE='' "$tool" "$@"
}

# unpack_kernels ROOT SERIES...: the newest kernel of each series, with its
# headers. They are unpacked, not installed: no initramfs, no boot loader. An image is one
# package up to 7.0 and one of binary and modules after it; the newest may be
# there before its signed twin is.
unpack_kernels() {
	local root=$1
	shift
	# shellcheck disable=SC2016 # expanded in the root
	in_root "$root" bash -c '
		set -eu
		apt-get update
		mkdir -p /var/cache/hvdpa
		cd /var/cache/hvdpa
		have() { apt-cache show "$1" >/dev/null 2>&1; }
		unpack_image() {
			for choice in "linux-image-unsigned-$abi linux-image-$abi-unsigned linux-image-$abi" \
				"linux-binary-unsigned-$abi linux-binary-$abi" \
				"linux-modules-$abi"; do
				for package in $choice; do
					have "$package" || continue
					apt-get download "$package"
					break
				done
			done
			for package in *.deb; do dpkg-deb -x "$package" /; done
			rm -- *.deb
		}
		for series; do
			abi=$(apt-cache pkgnames "linux-headers-$series." |
				sed -n "s/^linux-headers-\([^-]*-amd64\)$/\1/p" |
				sort -V | tail -n 1)
			[ -n "$abi" ] || { echo "no kernel $series"; exit 1; }
			# Headers may bring their image along; it needs no initramfs here.
			INITRD=No apt-get install -y --no-install-recommends "linux-headers-$abi"
			[ -e "/boot/vmlinuz-$abi" ] || unpack_image
			mkdir -p /boot
			[ -e "/boot/vmlinuz-$abi" ] ||
				cp "$(find /usr/lib/modules/"$abi" /usr/lib/linux* \
					-name "vmlinuz*" -o -name bzImage | head -n 1)" \
					"/boot/vmlinuz-$abi"
			depmod "$abi"
			echo "$abi" >>/etc/hvdpa-kernels
		done' unpack "$@"
}
