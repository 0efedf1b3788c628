// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of the parser of hvdpa.conf that need no machine, as KTAP. With the
 * argument "fuzz SECONDS [SEED]": files that are almost right, and bytes that
 * are not; to be built with sanitizers.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "config.h"

static unsigned int number, failed;

static void result(bool ok, const char *what, const char *got)
{
	printf("%sok %u %s\n", ok ? "" : "not ", ++number, what);
	if (!ok) {
		printf("# got: %s\n", got);
		failed++;
	}
}

static int parse(struct config *config, const char *text, struct error *error)
{
	error->text[0] = '\0';
	return config_parse(config, "f", text, strlen(text), error);
}

static const char good[] =
	"# all there is\n"
	"[pf 0000:01:00.0]\n"
	"vfs = 8\n"
	"[pf 0001:AB:1f.7] # upper case\n"
	"\tvfs=0\r\n"
	"bind = devices\n"
	"\n"
	"[device v0]\n"
	"function = 0000:01:00.1   # here\n"
	"[ device vdpa:0000:65:00.4 ]\n"
	"pf = 10000:01:00.0\n"
	"vf = 7\n"
	"consumer = virtio\n"
	"mac = 52:54:00:AB:cd:ef\n"
	"mtu = 1450\n"
	"max_vqp = 4\n"
	"device_features = 0x300010020\n"
	"relay = never\n"
	"[device a#b]\n"
	"function = 0000:02:00.0";

static void test_good(void)
{
	static const uint8_t mac[6] = { 0x52, 0x54, 0, 0xab, 0xcd, 0xef };
	const struct device_config *device;
	struct config config = {};
	struct error error;

	result(!parse(&config, good, &error), "a whole file is read",
	       error.text);
	if (failed)
		return;
	result(config.npfs == 2 && config.pfs[0].vfs == 8 &&
	       config.pfs[0].bind_all && config.pfs[0].vfs_at.line == 3 &&
	       !strcmp(config.pfs[1].address, "0001:ab:1f.7") &&
	       !config.pfs[1].vfs && !config.pfs[1].bind_all,
	       "PFs are as the file says", "something else");
	device = &config.devices[0];
	result(config.ndevices == 3 && !strcmp(device->name, "v0") &&
	       !strcmp(device->function, "0000:01:00.1") && !*device->pf &&
	       device->consumer == CONSUMER_VHOST && device->at.line == 8 &&
	       device->function_at.line == 9 && !device->attributes.has_mac,
	       "a device has defaults", "something else");
	device = &config.devices[1];
	result(!strcmp(device->name, "vdpa:0000:65:00.4") &&
	       !strcmp(device->pf, "10000:01:00.0") && device->vf == 7 &&
	       device->consumer == CONSUMER_VIRTIO &&
	       device->attributes.has_mac &&
	       !memcmp(device->attributes.mac, mac, 6) &&
	       device->attributes.mtu == 1450 &&
	       device->attributes.max_vqp == 4 &&
	       device->attributes.features == 0x300010020 &&
	       !strcmp(device->attributes.relay, "never"),
	       "a device is as the file says", "something else");
	result(!strcmp(config.devices[2].name, "a#b"), "a name may have a #",
	       config.devices[2].name);
	config_free(&config);
}

#define DEVICE "[device v]\nfunction = 0000:01:00.1\n"

/* Each is refused with a text that begins so. */
static const struct {
	const char *text;
	const char *error;
} bad[] = {
	{ "vfs = 1\n", "f:1: 'vfs' is in no section; " },
	{ "\n[pf 0000:01:00.0\n", "f:2: the section does not end with ']'; " },
	{ "[vf 0]\n", "f:1: there is no section [vf 0]; " },
	{ "[pf 01:00.0]\n", "f:1: '01:00.0' is no PCI address; " },
	{ "[pf 0000:01:00.8]\n", "f:1: '0000:01:00.8' is no PCI address; " },
	{ "[pf 0000:01:20.0]\n", "f:1: '0000:01:20.0' is no PCI address; " },
	{ "[pf 0000:01:+0.0]\n", "f:1: '0000:01:+0.0' is no PCI address; " },
	{ "[pf 0000:01:00.0]\n\n", "f:1: [pf 0000:01:00.0] has no vfs; " },
	{ "[pf 0000:01:00.0]\nvfs = many\n",
	  "f:2: 'many' is no value for vfs; it is a number from 0 to 65535" },
	{ "[pf 0000:01:00.0]\nvfs = -1\n", "f:2: '-1' is no value for vfs; " },
	{ "[pf 0000:01:00.0]\nvfs = 65536\n",
	  "f:2: '65536' is no value for vfs; " },
	{ "[pf 0000:01:00.0]\nvfs = 0x\n", "f:2: '0x' is no value for vfs; " },
	{ "[pf 0000:01:00.0]\nvfs = 1\nvfs = 1\n",
	  "f:3: vfs is given already (line 2); " },
	{ "[pf 0000:01:00.0]\nmac = 1\n",
	  "f:2: there is no key 'mac' in [pf]; " },
	{ "[pf 0000:01:00.0]\nvfs = 1\nbind = some\n",
	  "f:3: there is no bind 'some'; " },
	{ "[pf 0000:01:00.0]\nvfs = 1\n[pf 0000:01:00.0]\n",
	  "f:3: [pf 0000:01:00.0] is there already (f:1); " },
	{ "[device]\n", "f:1: '' cannot be a name; " },
	{ "[device ..]\n", "f:1: '..' cannot be a name; " },
	{ "[device ../x]\n", "f:1: '../x' cannot be a name; " },
	{ "[device a/b]\n", "f:1: 'a/b' cannot be a name; " },
	{ "[device a b]\n", "f:1: 'a b' cannot be a name; " },
	{ "[device a!b]\n", "f:1: 'a!b' cannot be a name; " },
	{ "[device v]\n", "f:1: [device v] does not say where it is; " },
	{ "[device v]\npf = 0000:01:00.0\n",
	  "f:1: [device v] does not say where it is; " },
	{ DEVICE "vf = 1\n", "f:1: [device v] has both function and pf or vf; " },
	{ DEVICE "consumer = both\n", "f:3: there is no consumer 'both'; " },
	{ DEVICE "mac = 52:54:00:12:34\n", "f:3: '52:54:00:12:34' is no MAC " },
	{ DEVICE "mac = 52:54:00:12:34:5g\n",
	  "f:3: '52:54:00:12:34:5g' is no MAC " },
	{ DEVICE "mac = 01:00:5e:00:00:01\n",
	  "f:3: 01:00:5e:00:00:01 is no address of a station " },
	{ DEVICE "mac = 00:00:00:00:00:00\n",
	  "f:3: 00:00:00:00:00:00 is no address of a station " },
	{ DEVICE "mtu = 67\n", "f:3: '67' is no value for mtu; " },
	{ DEVICE "max_vqp = 0\n", "f:3: '0' is no value for max_vqp; " },
	{ DEVICE "device_features = 0x1ffffffffffffffff\n",
	  "f:3: '0x1ffffffffffffffff' is no value for device_features; " },
	{ DEVICE "relay = sometimes\n",
	  "f:3: there is no relay 'sometimes'; write auto " },
	{ DEVICE "device_features = 0x100000000\n",
	  "f:3: device_features 0x100000000 lack VERSION_1 or ACCESS_PLATFORM; " },
	{ DEVICE "mtu =\n", "f:3: mtu has no value; " },
	{ DEVICE "mtu\n", "f:3: 'mtu' is neither a section nor KEY = VALUE; " },
	{ DEVICE "colour = red\n",
	  "f:3: there is no key 'colour' in [device]; " },
	{ DEVICE DEVICE, "f:3: [device v] is there already (f:1); " },
	{ DEVICE "[device w]\nfunction = 0000:01:00.1\n",
	  "f:4: this function is that of [device v] (f:1) already; " },
	{ DEVICE "\x01\n", "f:3: the line has a byte 0x01; " },
};

static void test_bad(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		struct config config = {};
		struct error error;
		char what[160];
		bool ok;

		ok = parse(&config, bad[i].text, &error) == -1 &&
		     !strncmp(error.text, bad[i].error, strlen(bad[i].error));
		snprintf(what, sizeof(what), "refused: %s", bad[i].error);
		result(ok, what, error.text);
		config_free(&config);
	}
}

/* What the driver says that a device was given; NULL: not understood. */
static const struct {
	const char *text;
	const struct attributes *given;
} given[] = {
	{ "nothing", &(const struct attributes){} },
	{ "mac 52:54:00:ab:cd:ef", &(const struct attributes){
		.has_mac = true, .mac = { 0x52, 0x54, 0, 0xab, 0xcd, 0xef } } },
	{ "mtu 1450 max_vqp 4", &(const struct attributes){
		.has_mtu = true, .mtu = 1450,
		.has_max_vqp = true, .max_vqp = 4 } },
	{ "device_features 0x300010020", &(const struct attributes){
		.has_features = true, .features = 0x300010020 } },
	/* Who makes the device again without it makes another one. */
	{ "mtu 1450 colour 7", NULL },
	{ "mtu", NULL },
	{ "mtu 65536", NULL },
	{ "mac 52:54", NULL },
	{ "", NULL },
};

static bool same(const struct attributes *a, const struct attributes *b)
{
	return a->has_mac == b->has_mac && a->has_mtu == b->has_mtu &&
	       a->has_max_vqp == b->has_max_vqp &&
	       a->has_features == b->has_features &&
	       !memcmp(a->mac, b->mac, sizeof(a->mac)) && a->mtu == b->mtu &&
	       a->max_vqp == b->max_vqp && a->features == b->features;
}

static void test_given(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(given); i++) {
		struct attributes got;
		char what[160];
		bool ok;

		ok = parse_given(given[i].text, &got);
		if (given[i].given)
			ok = ok && same(&got, given[i].given);
		else
			ok = !ok;
		snprintf(what, sizeof(what), "given: '%s'%s", given[i].text,
			 given[i].given ? "" : " is not understood");
		result(ok, what, "something else");
	}
}

static const struct {
	const char *text, *printed, *utf8;
	size_t length;
} texts[] = {
	{ "v0:1.2#", "v0:1.2#", "v0:1.2#", 7 },
	{ "\xc3\xa9t\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80",
	  "\xc3\xa9t\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80",
	  "\xc3\xa9t\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", 7 },
	{ "\x1b[31m\n\x7f\\", "\\x1b[31m\\x0a\\x7f\\x5c", "\x1b[31m\n\x7f\\", 8 },
	/* U+009B is what ESC [ is. */
	{ "\xc2\x9b", "\\xc2\\x9b", "\xc2\x9b", 1 },
	{ "b\xff\xfe", "b\\xff\\xfe", "b\xef\xbf\xbd\xef\xbf\xbd", 3 },
	/* Too long, half of a pair, beyond the last, cut off. */
	{ "\xc0\xaf", "\\xc0\\xaf", "\xef\xbf\xbd\xef\xbf\xbd", 1 },
	{ "\xe0\x80\xaf", "\\xe0\\x80\\xaf",
	  "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd", 1 },
	{ "\xed\xa0\x80", "\\xed\\xa0\\x80",
	  "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd", 1 },
	{ "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80",
	  "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd", 1 },
	{ "\xe2\x82", "\\xe2\\x82", "\xef\xbf\xbd\xef\xbf\xbd", 1 },
	{ "\xf0\x9f\x98", "\\xf0\\x9f\\x98",
	  "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd", 1 },
};

static void test_texts(void)
{
	char *kept;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(texts); i++) {
		char *printed = printable(texts[i].text, "");
		char *utf8 = valid_utf8(texts[i].text);
		char what[160];

		snprintf(what, sizeof(what), "for a terminal: %s", printed);
		result(!strcmp(printed, texts[i].printed), what, printed);
		snprintf(what, sizeof(what), "and for JSON: %s", printed);
		result(!strcmp(utf8, texts[i].utf8), what, utf8);
		if (!strchr(printed, '\\'))
			result(utf8_length(texts[i].text) == texts[i].length,
			       "and its length", "another");
		free(printed);
		free(utf8);
	}
	kept = printable("a\nb\r", "\n");
	result(!strcmp(kept, "a\nb\\x0d"), "lines of a message stay", kept);
	free(kept);
}

static void test_files(void)
{
	static const char one[] = "[device v]\nfunction = 0000:01:00.1\n";
	static const char two[] = "mtu = 1400\n";
	struct config config = {};
	struct error error;
	int err;

	config_parse(&config, "one", one, strlen(one), &error);
	err = config_parse(&config, "two", two, strlen(two), &error);
	result(err && !strncmp(error.text, "two:1: 'mtu' is in no section", 29),
	       "a section ends with its file", error.text);
	config_free(&config);

	config_parse(&config, "one", one, strlen(one), &error);
	err = config_parse(&config, "two", one, strlen(one), &error);
	result(err &&
	       strstr(error.text, "two:1: [device v] is there already (one:1); "),
	       "a name is one's only among all files", error.text);
	config_free(&config);

	err = config_parse(&config, "nul", "a\0b", 3, &error);
	result(err &&
	       strstr(error.text, "nul:1: the line has a byte 0x00; a configuration is text"),
	       "bytes that are no text are refused", error.text);
	config_free(&config);

	err = config_read(&config, "/nowhere/hvdpa.conf", &error);
	result(err &&
	       strstr(error.text, "cannot read /nowhere/hvdpa.conf: No such file"),
	       "a file that is not there is refused", error.text);
	config_free(&config);
}

/* What a file is made of, so that the fuzz gets beyond its first line. */
static const char * const words[] = {
	"[pf 0000:01:00.0]", "[device v0]", "[device ", "[", "]", "\n", "\n",
	"\n", " = ", "=", "#", "vfs", "bind", "function", "pf", "vf",
	"consumer", "mac", "mtu", "max_vqp", "device_features", "relay", "all",
	"vhost", "virtio", "0000:01:00.1", "ffffffff:ff:1f.7", "0x", "8",
	"18446744073709551615", "52:54:00:12:34:56", "..", "/", "\t", "\r",
};

static int fuzz(double seconds, unsigned int seed)
{
	static char text[4096];
	unsigned long files = 0, accepted = 0;
	time_t end = time(NULL) + seconds;

	srandom(seed);
	while (time(NULL) < end) {
		struct config config = {};
		struct error error;
		size_t length = 0;
		unsigned int n = random() % 40;

		if (random() % 4 == 0) {
			memcpy(text, good, sizeof(good) - 1);
			length = sizeof(good) - 1;
			while (n--)
				text[random() % length] = random();
		} else if (random() % 4 == 0) {
			for (length = 0; length < n; length++)
				text[length] = random();
		} else {
			while (n--)
				length += sprintf(text + length, "%s",
						  words[random() % ARRAY_SIZE(words)]);
		}
		accepted += !config_parse(&config, "fuzz", text, length,
					  &error);
		config_free(&config);
		files++;
	}
	printf("%lu files, %lu accepted, seed %u\n", files, accepted, seed);
	/* A fuzz that gets nowhere, or a parser that takes all, is broken. */
	return !accepted || accepted == files;
}

int main(int argc, char **argv)
{
	if (argc >= 3 && !strcmp(argv[1], "fuzz"))
		return fuzz(atof(argv[2]), argc > 3 ? atoi(argv[3]) :
			    time(NULL));
	test_good();
	test_bad();
	test_given();
	test_texts();
	test_files();
	printf("1..%u\n", number);
	return !!failed;
}
