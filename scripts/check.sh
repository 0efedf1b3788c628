# SPDX-License-Identifier: GPL-2.0-only
# What scripts/check and its tiers, scripts/check-*, have in common: how a result is
# counted and printed. A tier's first argument is the folder for its logs; it prints
# a line 'pass|FAIL|skip NAME: RESULT' for each result, and below a failed one what
# its test said. Sets results and kernels, the releases that the tests run on.
# shellcheck shell=bash
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

results=${1:?usage: ${0##*/} FOLDER [ARGUMENT...]}
mkdir -p "$results"
"$HVDPA_SRC/scripts/sysroot" >/dev/null
# shellcheck disable=SC2034 # for the tiers
mapfile -t kernels < <(if [ -n "${HVDPA_KERNELS:-}" ]; then
	tr ' ' '\n' <<<"$HVDPA_KERNELS"
else
	cat "$SYSROOT/etc/hvdpa-kernels"
fi)

# report NAME FILE: count a KTAP file's results and print them under its name.
report() {
	local name=$1 file=$2 planned seen
	awk -v name="$name" '
		/^[ \t]*(ok|not ok) [0-9]+/ {
			sub(/^[ \t]*/, "")
			skip = ($0 ~ /# SKIP/)
			word = /^not ok/ ? "FAIL" : skip ? "skip" : "pass"
			sub(/^(not )?ok [0-9]+ (- )?/, "")
			print word " " name ": " $0
		}' "$file" >"$file.counted"
	# A file without a plan, or with fewer results than planned, has died.
	planned=$(sed -n 's/^1\.\.\([0-9]*\).*/\1/p' "$file" | tail -n 1)
	seen=$(grep -cE '^(ok|not ok) [0-9]+' "$file" || :)
	if [ -z "$planned" ] || [ "$planned" -ne "$seen" ]; then
		echo "FAIL $name: ended after $seen results of ${planned:-an unknown number}" \
			>>"$file.counted"
	fi
	# Other tiers print at the same time.
	{
		flock 7
		cat "$file.counted"
		! grep -q '^FAIL' "$file.counted" || sed 's/^/    /' "$file" | cut -c1-300
	} 7>>"${HVDPA_PRINTS:-$results/prints}"
}

# one_test NAME COMMAND...: a command as the next KTAP result; its output if it fails.
# number counts them: 0 before the first.
one_test() {
	local name=$1 log
	log=$results/$(tr ' /' '__' <<<"$name").log
	shift
	number=$((${number:-0} + 1))
	if "$@" >"$log" 2>&1 </dev/null; then
		echo "ok $number $name"
	else
		echo "not ok $number $name"
		tail -n 40 "$log" | sed 's/^/# /'
	fi
}

sources() {
	(cd "$HVDPA_SRC" && git ls-files --cached --others --exclude-standard "$@")
}
