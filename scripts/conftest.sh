#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# conftest.sh OUT CC FLAGS...: ask the kernel's headers, by compiling against
# them, which form its interfaces have. Distributions backport interfaces
# without changing versions, so versions are not asked. Run by Kbuild.
set -eu
out=$1
shift
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

compiles() {
	cat >"$dir/probe.c"
	"$@" -Werror -Wno-unused -c -o "$dir/probe.o" "$dir/probe.c" \
		>"$dir/log" 2>&1
}

probe() {
	name=$1
	shift
	if compiles "$@"; then
		echo "#define HVDPA_HAVE_$name 1"
	else
		echo "/* HVDPA_HAVE_$name is not set */"
	fi
}

{
	echo "/* Written by scripts/conftest.sh. */"

	# Every kernel in reach passes this one: if it fails, the probes
	# would all answer "no" for a reason of their own.
	if ! echo '#include <linux/vdpa.h>' | compiles "$@"; then
		cat "$dir/log" >&2
		echo "conftest: no vdpa in these kernel headers" >&2
		exit 1
	fi

	probe VDPA_ALLOC_MAP_OPS "$@" <<-'CODE'
		#include <linux/vdpa.h>
		struct thing { struct vdpa_device vdpa; };
		struct thing *f(struct device *dev, const struct vdpa_config_ops *ops);
		struct thing *f(struct device *dev, const struct vdpa_config_ops *ops)
		{
			return vdpa_alloc_device(struct thing, vdpa, dev, ops,
						 NULL, 1, 1, "name", false);
		}
	CODE

	if ! compiles "$@" <<-'CODE'
		#include <net/devlink.h>
		#if !IS_ENABLED(CONFIG_NET_DEVLINK)
		#error no devlink
		#endif
	CODE
	then
		echo "conftest: this kernel has no devlink (CONFIG_NET_DEVLINK)" >&2
		exit 1
	fi

	probe HEALTH_REPORTER_PERIOD "$@" <<-'CODE'
		#include <net/devlink.h>
		void *f(struct devlink *devlink,
			const struct devlink_health_reporter_ops *ops);
		void *f(struct devlink *devlink,
			const struct devlink_health_reporter_ops *ops)
		{
			return devlink_health_reporter_create(devlink, ops, 0,
							      NULL);
		}
	CODE

	probe DEVLINK_PARAM_GET_EXTACK "$@" <<-'CODE'
		#include <net/devlink.h>
		int f(const struct devlink_param *param, struct devlink *devlink,
		      struct devlink_param_gset_ctx *ctx);
		int f(const struct devlink_param *param, struct devlink *devlink,
		      struct devlink_param_gset_ctx *ctx)
		{
			return param->get(devlink, 0, ctx, NULL);
		}
	CODE

	probe IRQ_BYPASS_EVENTFD "$@" <<-'CODE'
		#include <linux/irqbypass.h>
		void *f(struct irq_bypass_producer *producer);
		void *f(struct irq_bypass_producer *producer)
		{
			return producer->eventfd;
		}
	CODE

	probe VDPA_VMAP "$@" <<-'CODE'
		#include <linux/vdpa.h>
		void f(struct vdpa_device *vdpa, struct device *dev);
		void f(struct vdpa_device *vdpa, struct device *dev)
		{
			vdpa->vmap.dma_dev = dev;
		}
	CODE
} >"$out.tmp"
mv "$out.tmp" "$out"
