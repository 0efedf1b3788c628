#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shadow.sh ROUNDS: what a frame costs QEMU with its shadow virtqueues. Lines of JSON.
# shellcheck source=tools/bench/lib.sh
. /hvdpa/tools/bench/lib.sh

load
hvdpa-vfs enable "$PF" 2
for n in 1 2; do
	add "net$n" "${VF}$n"
	consume "net$n" vhost_vdpa
done
python3 "${0%.sh}.py" "$(vhost_of net1)" "$(vhost_of net2)" "$1"
