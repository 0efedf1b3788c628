# SPDX-License-Identifier: GPL-2.0-only
# The verbs. `make modules` needs kernel headers and nothing else.

KDIR ?= /lib/modules/$(shell uname -r)/build

all: modules

modules modules_install clean:
	$(MAKE) -C $(KDIR) M=$(CURDIR) $@

# hvdpactl, its unit, names, pages and completion: DESTDIR, PREFIX, SYSCONFDIR.
tools install-tools uninstall-tools:
	$(MAKE) -C tools/hvdpactl $(patsubst %-tools,%,$(@:tools=all))

# Everything below makes and caches a Debian 13 root of its own; it needs root,
# apt, and nothing installed.
demo:
	scripts/demo

check:
	scripts/check all

check-system:
	scripts/check system

check-debug:
	scripts/check debug

kunit lint control:
	scripts/check $@

check-tools:
	scripts/check tools

bench:
	scripts/bench

.PHONY: all modules modules_install clean demo check check-system \
	check-debug check-tools kunit lint control bench tools install-tools \
	uninstall-tools
