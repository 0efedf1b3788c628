# SPDX-License-Identifier: GPL-2.0-only
# The verbs. `make modules` needs kernel headers and nothing else.

KDIR ?= /lib/modules/$(shell uname -r)/build

all: modules

modules modules_install clean:
	$(MAKE) -C $(KDIR) M=$(CURDIR) $@

# Where there is no package: the module for this kernel, or DKMS for all, and the
# tools.
VERSION ?= $(shell sed -n 's/^MODULE_VERSION("\(.*\)");/\1/p' \
	drivers/vdpa/hvdpa/main.c)
PREFIX ?= /usr/local
SYSCONFDIR ?= /etc
RST2MAN ?= rst2man
SOURCE = $(DESTDIR)/usr/src/hvdpa-$(VERSION)
MANPAGES = hvdpa-vfs.8 hvdpa-dirty.8

install: modules install-tools install-modules-load
	$(MAKE) -C $(KDIR) M=$(CURDIR) INSTALL_MOD_PATH=$(DESTDIR) modules_install

# Each kernel that has headers; 77 says that it is none that this is for.
dkms-install: install-source install-tools
	sed 's/#MODULE_VERSION#/$(VERSION)/' debian/hvdpa-dkms.dkms \
		>$(SOURCE)/dkms.conf
	dkms add -m hvdpa -v $(VERSION)
	for kernel in /lib/modules/*/build; do \
		kernel=$${kernel%/build}; \
		dkms install -m hvdpa -v $(VERSION) -k $${kernel##*/} || \
			[ $$? -eq 77 ] || exit 1; \
	done

dkms-remove:
	dkms remove -m hvdpa -v $(VERSION) --all
	$(RM) -r $(SOURCE)

tools:
	$(MAKE) -C tools/hvdpa-dirty
	$(MAKE) -C tools/hvdpactl
	for page in $(MANPAGES); do \
		$(RST2MAN) --strict Documentation/man/$$page.rst tools/$$page || exit 1; \
	done

install-tools: tools
	install -D -m 755 -t $(DESTDIR)$(PREFIX)/sbin \
		tools/hvdpa-vfs tools/hvdpa-dirty/hvdpa-dirty
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/man/man8 \
		$(addprefix tools/,$(MANPAGES))
	$(MAKE) -C tools/hvdpactl install DESTDIR=$(DESTDIR) \
		PREFIX=$(PREFIX) SYSCONFDIR=$(SYSCONFDIR)

uninstall-tools:
	$(MAKE) -C tools/hvdpactl uninstall DESTDIR=$(DESTDIR) \
		PREFIX=$(PREFIX) SYSCONFDIR=$(SYSCONFDIR)
	$(RM) $(addprefix $(DESTDIR)$(PREFIX)/sbin/,hvdpa-vfs hvdpa-dirty) \
		$(addprefix $(DESTDIR)$(PREFIX)/share/man/man8/,$(MANPAGES))

clean-tools:
	$(MAKE) -C tools/hvdpa-dirty clean
	$(MAKE) -C tools/hvdpactl clean
	$(RM) $(addprefix tools/,$(MANPAGES))

# systemd reads no other folder than /usr/lib's and /etc's.
install-modules-load:
	install -D -m 644 -t $(DESTDIR)/usr/lib/modules-load.d \
		tools/modules-load.d/hvdpa.conf

# What DKMS builds from.
install-source: install-modules-load
	install -D -m 644 -t $(SOURCE) Kbuild Makefile
	install -D -m 755 -t $(SOURCE)/scripts scripts/conftest.sh
	install -D -m 644 -t $(SOURCE)/drivers/vdpa/hvdpa \
		$(wildcard drivers/vdpa/hvdpa/*.[ch]) drivers/vdpa/hvdpa/Makefile
	install -D -m 644 -t $(SOURCE)/include/hvdpa $(wildcard include/hvdpa/*.h)
	install -D -m 644 -t $(SOURCE)/include/uapi/linux include/uapi/linux/hvdpa.h

# The pages, as HTML and as man pages; DOCS is where.
DOCS ?= /tmp/hvdpa-docs
SPHINXBUILD ?= sphinx-build
docs:
	$(SPHINXBUILD) -q -W --keep-going -b html -d $(DOCS)/.doctrees \
		Documentation $(DOCS)/html
	$(SPHINXBUILD) -q -W --keep-going -b man -d $(DOCS)/.doctrees \
		Documentation $(DOCS)/man

# Everything below makes and caches a Debian 13 root of its own; it needs root,
# apt, and nothing installed.
demo:
	scripts/demo

check:
	scripts/check short

# What does not fit into the time that make check has: all rounds, on all kernels.
check-all:
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

bench-quick:
	scripts/bench quick

check-cost:
	scripts/check cost

check-breaks:
	scripts/check breaks

packages:
	scripts/check packages

deb:
	scripts/package

.PHONY: all modules modules_install clean install dkms-install dkms-remove \
	tools install-tools uninstall-tools clean-tools install-modules-load \
	install-source docs demo check check-all check-system check-debug \
	check-tools kunit lint control bench bench-quick check-cost check-breaks \
	packages deb
