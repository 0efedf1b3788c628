#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Load the module so that its KUnit suites run, which no other test does, or only
# HVDPA_SUITE, and print their KTAP as one list; the checkers of the debug kernel have
# the last word.
# shellcheck source=tools/testing/lib.sh
. /hvdpa/tools/testing/lib.sh

ktap_print_header
suites=/sys/module/kunit/parameters/filter_glob
log_mark kunit
printf '%s' "${HVDPA_SUITE:-*}" >$suites
insmod /hvdpa/hvdpa.ko || exit 1
rmmod hvdpa
printf none >$suites
mapfile -t lines < <(log_since_mark kunit | sed 's/^\[[^]]*\] //')

# Cases are indented once, parameters of a case twice: a case is a result.
for line in "${lines[@]}"; do
	case $line in
	'    # Subtest: '*) suite=${line#*Subtest: } ;;
	'    ok '* | '    not ok '*)
		name=$(sed -E 's/^ *(not )?ok [0-9]+ //' <<<"$line")
		case $line in
		*'# SKIP'*) ktap_test_skip "${suite:-}: ${name%% # SKIP*}" ;;
		'    ok '*) ktap_test_pass "${suite:-}: $name" ;;
		*)
			printf '# %s\n' "${lines[@]}" | grep -B 12 -F -- "$line"
			ktap_test_fail "${suite:-}: $name"
			;;
		esac
		;;
	esac
done

if [ "$KTAP_TESTNO" -eq 1 ]; then
	ktap_test_fail "the suites ran"
fi

echo kunit >"$state/mark"
# What the fakes provoke is the driver's own lines, none of them an alarm.
: >"$state/expected"
: >"$state/allowed"
if check_log kunit; then
	ktap_test_pass "no report of KASAN, lockdep or others"
else
	ktap_test_fail "no report of KASAN, lockdep or others"
fi
if [ -e /sys/kernel/debug/kmemleak ]; then
	echo scan >/sys/kernel/debug/kmemleak
	sleep 6
	echo scan >/sys/kernel/debug/kmemleak
	if grep -q . /sys/kernel/debug/kmemleak; then
		sed 's/^/# /' /sys/kernel/debug/kmemleak | head -n 60
		ktap_test_fail "no memory is leaked"
	else
		ktap_test_pass "no memory is leaked"
	fi
fi
finish
