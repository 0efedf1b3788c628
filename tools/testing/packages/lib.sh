# SPDX-License-Identifier: GPL-2.0-only
# For tests in a Debian that was booted as its user boots it. A root as fresh as
# this has no kselftest.
# shellcheck shell=bash

number=0

# t FUNCTION DESCRIPTION
t() {
	local status
	number=$((number + 1))
	(set -eE; trap 'echo "# line $LINENO: $BASH_COMMAND"' ERR; "$1")
	status=$? # in a condition no command that fails would end it
	if [ "$status" -eq 0 ]; then
		echo "ok $number $2"
	else
		echo "not ok $number $2"
	fi
}

# within SECONDS COMMAND...
within() {
	local end=$((SECONDS + $1))
	shift
	until "$@"; do
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 0.2
	done
}

quiet() {
	! dmesg | grep -E 'WARNING|BUG|Oops|Call Trace|general protection'
}
