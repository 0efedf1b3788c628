#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2317 # t runs the tests by name
# Tests of the tests: scripts/check knows which of these must fail.
# shellcheck source=tools/testing/lib.sh
. /hvdpa/tools/testing/lib.sh

test_pass() { true; }

test_false() {
	false
	true
}

test_alarm() { echo "WARNING: a test of the tests" >/dev/kmsg; }

test_lost_log() { dmesg --clear; }

test_announced() {
	expect_log 'WARNING: a test'
	echo "WARNING: a test of the tests" >/dev/kmsg
}

test_missing() { expect_log 'WARNING: that does not come'; }
test_skip() { skip "with a reason"; }
test_not_refused() { errno_is 'Operation not supported' true; }

begin
t test_pass "passes"
t test_false "false in the midst fails"
t test_alarm "an alarm fails"
t test_lost_log "a log that lost its beginning fails"
t test_announced "an announced alarm passes"
t test_missing "an announced line that does not come fails"
t test_skip "skips"
t test_not_refused "a command that is not refused fails"
finish
