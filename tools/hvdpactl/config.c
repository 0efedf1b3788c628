// SPDX-License-Identifier: GPL-2.0-only
/*
 * The parser of hvdpa.conf. It knows nothing of the machine: what a file says
 * is the same everywhere, and is tested (and fuzzed) without one.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"

#define MTU_LEAST	68
#define FILE_MOST	(1024 * 1024)
/* VERSION_1 and ACCESS_PLATFORM */
#define FEATURES_NEEDED	0x300000000ULL

enum section { SECTION_NONE, SECTION_PF, SECTION_DEVICE };

enum key_id {
	KEY_VFS, KEY_BIND,
	KEY_FUNCTION, KEY_PF, KEY_VF, KEY_CONSUMER,
	KEY_MAC, KEY_MTU, KEY_MAX_VQP, KEY_FEATURES, KEY_RELAY,
	KEYS
};

static const struct {
	const char *name;
	enum section section;
} keys[KEYS] = {
	[KEY_VFS] = { "vfs", SECTION_PF },
	[KEY_BIND] = { "bind", SECTION_PF },
	[KEY_FUNCTION] = { "function", SECTION_DEVICE },
	[KEY_PF] = { "pf", SECTION_DEVICE },
	[KEY_VF] = { "vf", SECTION_DEVICE },
	[KEY_CONSUMER] = { "consumer", SECTION_DEVICE },
	[KEY_MAC] = { "mac", SECTION_DEVICE },
	[KEY_MTU] = { "mtu", SECTION_DEVICE },
	[KEY_MAX_VQP] = { "max_vqp", SECTION_DEVICE },
	[KEY_FEATURES] = { "device_features", SECTION_DEVICE },
	[KEY_RELAY] = { "relay", SECTION_DEVICE },
};

struct parser {
	struct config *config;
	struct source at;
	enum section section;
	/* Lines of the section's keys; 0: not there. */
	unsigned int lines[KEYS];
	struct error *error;
};

bool parse_address(const char *text, char address[static ADDRESS_SIZE])
{
	unsigned int domain, bus, slot, function;
	size_t digits = strspn(text, "0123456789abcdefABCDEF");
	int end = 0;

	if (digits < 4 || digits > 8)
		return false;
	/* The widths are those of lspci -D; %x alone would take signs. */
	if (strlen(text + digits) != strlen(":00:00.0") ||
	    strspn(text + digits, ":.0123456789abcdefABCDEF") !=
	    strlen(":00:00.0"))
		return false;
	if (sscanf(text, "%8x:%2x:%2x.%1x%n", &domain, &bus, &slot, &function,
		   &end) != 4 || text[end] || slot > 31 || function > 7)
		return false;
	snprintf(address, ADDRESS_SIZE, "%04x:%02x:%02x.%x", domain, bus, slot,
		 function);
	return true;
}

bool name_is_good(const char *name)
{
	const char *c;

	if (!*name || *name == '.' || strlen(name) > NAME_MOST)
		return false;
	for (c = name; *c; c++)
		if ((unsigned char)*c <= ' ' || *c == 0x7f || *c == '/')
			return false;
	return true;
}

static bool parse_number(const char *text, uint64_t most, uint64_t *value)
{
	bool hex = !strncmp(text, "0x", 2);
	const char *digits = hex ? text + 2 : text;
	unsigned long long number;
	char *end;

	/* strtoull() takes spaces, signs, and a zero for an octal. */
	if (!isxdigit((unsigned char)*digits))
		return false;
	errno = 0;
	number = strtoull(digits, &end, hex ? 16 : 10);
	if (errno || *end || end == digits || number > most)
		return false;
	*value = number;
	return true;
}

static bool parse_mac(const char *text, uint8_t mac[static 6])
{
	unsigned int i;

	if (strlen(text) != strlen("00:00:00:00:00:00"))
		return false;
	for (i = 0; i < 6; i++) {
		const char digits[3] = { text[3 * i], text[3 * i + 1] };

		if (!isxdigit((unsigned char)digits[0]) ||
		    !isxdigit((unsigned char)digits[1]) ||
		    (i < 5 && text[3 * i + 2] != ':'))
			return false;
		mac[i] = strtoul(digits, NULL, 16);
	}
	return true;
}

/* One pair of a word and a value. */
static bool parse_given_one(const char *word, const char *value,
			    struct attributes *given)
{
	uint64_t number;

	if (!strcmp(word, "mac")) {
		given->has_mac = parse_mac(value, given->mac);
		return given->has_mac;
	}
	if (!parse_number(value, UINT64_MAX, &number))
		return false;
	if (!strcmp(word, "device_features")) {
		given->has_features = true;
		given->features = number;
		return true;
	}
	if (number > UINT16_MAX)
		return false;
	if (!strcmp(word, "mtu")) {
		given->has_mtu = true;
		given->mtu = number;
		return true;
	}
	given->has_max_vqp = !strcmp(word, "max_vqp");
	given->max_vqp = number;
	return given->has_max_vqp;
}

bool parse_given(const char *text, struct attributes *given)
{
	char word[32], value[32];
	int n;

	*given = (struct attributes){};
	if (!strcmp(text, "nothing"))
		return true;
	if (!*text)
		return false;
	/* A word that is not known is an attribute that would be lost. */
	for (; *text; text += n) {
		n = 0;
		if (sscanf(text, "%31s %31s%n", word, value, &n) != 2 || !n ||
		    !parse_given_one(word, value, given))
			return false;
	}
	return true;
}

static int parse_mac_value(struct parser *p, const char *value)
{
	struct attributes *a;

	a = &p->config->devices[p->config->ndevices - 1].attributes;
	if (!parse_mac(value, a->mac))
		return fail_at(p->error, &p->at,
			       "'%s' is no MAC address; one is six bytes, as in 52:54:00:12:34:56",
			       value);
	if (a->mac[0] & 1 || !memcmp(a->mac, "\0\0\0\0\0", 6))
		return fail_at(p->error, &p->at,
			       "%s is no address of a station (it is zero, or a group's); give another",
			       value);
	a->has_mac = true;
	return 0;
}

static int parse_ranged(struct parser *p, enum key_id key, const char *value,
			uint64_t least, uint64_t most, uint64_t *number)
{
	if (parse_number(value, most, number) && *number >= least)
		return 0;
	return fail_at(p->error, &p->at,
		       "'%s' is no value for %s; it is a number from %llu to %llu",
		       value, keys[key].name, (unsigned long long)least,
		       (unsigned long long)most);
}

static int parse_consumer(struct parser *p, struct device_config *device,
			  const char *value)
{
	device->consumer_at = p->at;
	if (!strcmp(value, "vhost"))
		device->consumer = CONSUMER_VHOST;
	else if (!strcmp(value, "virtio"))
		device->consumer = CONSUMER_VIRTIO;
	else
		return fail_at(p->error, &p->at,
			       "there is no consumer '%s'; write vhost (for QEMU) or virtio (a netdev or a disk here)",
			       value);
	return 0;
}

static int parse_relay(struct parser *p, struct attributes *attributes,
		       const char *value)
{
	if (strcmp(value, "auto") && strcmp(value, "always") &&
	    strcmp(value, "never"))
		return fail_at(p->error, &p->at,
			       "there is no relay '%s'; write auto (rings are relayed where the card cannot start them), always or never",
			       value);
	snprintf(attributes->relay, sizeof(attributes->relay), "%s", value);
	return 0;
}

static int parse_bind(struct parser *p, struct pf_config *pf,
		      const char *value)
{
	if (!strcmp(value, "all"))
		pf->bind_all = true;
	else if (!strcmp(value, "devices"))
		pf->bind_all = false;
	else
		return fail_at(p->error, &p->at,
			       "there is no bind '%s'; write all (each VF to hvdpa) or devices (those with a [device])",
			       value);
	return 0;
}

static int parse_function(struct parser *p, enum key_id key,
			  struct device_config *device, const char *value)
{
	char *address = key == KEY_PF ? device->pf : device->function;

	if (!parse_address(value, address))
		return fail_at(p->error, &p->at,
			       "'%s' is no PCI address; one is as in 0000:01:00.1, 'lspci -D' lists them",
			       value);
	device->function_at = p->at;
	return 0;
}

/* What each device of hvdpa offers; what else its features need is the card's. */
static int check_features(struct parser *p, uint64_t features)
{
	if ((features & FEATURES_NEEDED) == FEATURES_NEEDED)
		return 0;
	return fail_at(p->error, &p->at,
		       "device_features %#llx lack VERSION_1 or ACCESS_PLATFORM; add %#llx",
		       (unsigned long long)features,
		       (unsigned long long)FEATURES_NEEDED);
}

static int parse_value(struct parser *p, enum key_id key, const char *value)
{
	struct device_config *device = NULL;
	struct pf_config *pf = NULL;
	uint64_t number = 0;
	int err;

	if (p->section == SECTION_PF)
		pf = &p->config->pfs[p->config->npfs - 1];
	else
		device = &p->config->devices[p->config->ndevices - 1];

	switch (key) {
	case KEY_VFS:
		err = parse_ranged(p, key, value, 0, VFS_MOST, &number);
		pf->vfs = number;
		pf->vfs_at = p->at;
		return err;
	case KEY_BIND:
		return parse_bind(p, pf, value);
	case KEY_FUNCTION:
	case KEY_PF:
		return parse_function(p, key, device, value);
	case KEY_VF:
		err = parse_ranged(p, key, value, 0, VFS_MOST - 1, &number);
		device->vf = number;
		return err;
	case KEY_CONSUMER:
		return parse_consumer(p, device, value);
	case KEY_MAC:
		return parse_mac_value(p, value);
	case KEY_MTU:
		err = parse_ranged(p, key, value, MTU_LEAST, 65535, &number);
		device->attributes.mtu = number;
		device->attributes.has_mtu = true;
		return err;
	case KEY_MAX_VQP:
		err = parse_ranged(p, key, value, 1, 32768, &number);
		device->attributes.max_vqp = number;
		device->attributes.has_max_vqp = true;
		return err;
	case KEY_FEATURES:
		err = parse_ranged(p, key, value, 1, UINT64_MAX, &number);
		device->attributes.features = number;
		device->attributes.has_features = true;
		return err ?: check_features(p, number);
	case KEY_RELAY:
		return parse_relay(p, &device->attributes, value);
	case KEYS:
		break;
	}
	return -1;
}

/* Is the section that ends here all that it must be? */
static int end_section(struct parser *p)
{
	const struct device_config *device;
	struct config *config = p->config;
	const unsigned int *lines = p->lines;
	size_t i;

	if (p->section == SECTION_PF && !lines[KEY_VFS])
		return fail_at(p->error, &config->pfs[config->npfs - 1].at,
			       "[pf %s] has no vfs; write how many, as in vfs = 8",
			       config->pfs[config->npfs - 1].address);
	if (p->section != SECTION_DEVICE)
		return 0;

	device = &config->devices[config->ndevices - 1];
	if (lines[KEY_FUNCTION] && (lines[KEY_PF] || lines[KEY_VF]))
		return fail_at(p->error, &device->at,
			       "[device %s] has both function and pf or vf; keep one of them",
			       device->name);
	if (!lines[KEY_FUNCTION] && !(lines[KEY_PF] && lines[KEY_VF]))
		return fail_at(p->error, &device->at,
			       "[device %s] does not say where it is; write function = ADDRESS, or pf = ADDRESS and vf = NUMBER",
			       device->name);
	for (i = 0; i < config->ndevices - 1; i++) {
		const struct device_config *other = &config->devices[i];

		if (!strcmp(other->function, device->function) &&
		    !strcmp(other->pf, device->pf) && other->vf == device->vf)
			return fail_at(p->error, &device->function_at,
				       "this function is that of [device %s] (%s:%u) already; a function has one device",
				       other->name, other->at.file,
				       other->at.line);
	}
	return 0;
}

static int begin_pf(struct parser *p, const char *name)
{
	struct config *config = p->config;
	struct pf_config pf = { .at = p->at, .bind_all = true };
	size_t i;

	if (!parse_address(name, pf.address))
		return fail_at(p->error, &p->at,
			       "'%s' is no PCI address; one is as in [pf 0000:01:00.0], 'lspci -D' lists them",
			       name);
	for (i = 0; i < config->npfs; i++)
		if (!strcmp(config->pfs[i].address, pf.address))
			return fail_at(p->error, &p->at,
				       "[pf %s] is there already (%s:%u); make one of the two",
				       pf.address, config->pfs[i].at.file,
				       config->pfs[i].at.line);
	config->pfs = must_alloc(config->pfs, config->npfs + 1, sizeof(pf));
	config->pfs[config->npfs++] = pf;
	p->section = SECTION_PF;
	return 0;
}

static int begin_device(struct parser *p, const char *name)
{
	struct config *config = p->config;
	struct device_config device = { .at = p->at, .consumer_at = p->at };
	size_t i;

	/* A '!' is how the driver core writes a slash; hvdpa has files by it. */
	if (!name_is_good(name) || strchr(name, '!'))
		return fail_at(p->error, &p->at,
			       "'%s' cannot be a name; one has no space, no slash, no '!', no dot at its beginning, %u characters at most",
			       name, NAME_MOST);
	for (i = 0; i < config->ndevices; i++)
		if (!strcmp(config->devices[i].name, name))
			return fail_at(p->error, &p->at,
				       "[device %s] is there already (%s:%u); give another name",
				       name, config->devices[i].at.file,
				       config->devices[i].at.line);
	device.name = must_copy(name);
	config->devices = must_alloc(config->devices, config->ndevices + 1,
				     sizeof(device));
	config->devices[config->ndevices++] = device;
	p->section = SECTION_DEVICE;
	return 0;
}

static char *trim(char *text)
{
	char *end;

	while (isspace((unsigned char)*text))
		text++;
	end = text + strlen(text);
	while (end > text && isspace((unsigned char)end[-1]))
		end--;
	*end = '\0';
	return text;
}

static int parse_header(struct parser *p, char *text)
{
	char *end = strrchr(text, ']');
	size_t word;
	int err;

	if (!end || end[1])
		return fail_at(p->error, &p->at,
			       "the section does not end with ']'; write [pf ADDRESS] or [device NAME]");
	err = end_section(p);
	if (err)
		return err;
	memset(p->lines, 0, sizeof(p->lines));
	*end = '\0';
	text = trim(text + 1);
	word = strcspn(text, " \t");
	if (word == strlen("pf") && !strncmp(text, "pf", word))
		return begin_pf(p, trim(text + word));
	if (word == strlen("device") && !strncmp(text, "device", word))
		return begin_device(p, trim(text + word));
	return fail_at(p->error, &p->at,
		       "there is no section [%s]; write [pf ADDRESS] or [device NAME]",
		       text);
}

static int parse_key(struct parser *p, char *text)
{
	char *equals = strchr(text, '=');
	const char *name, *value;
	enum key_id key;

	if (!equals)
		return fail_at(p->error, &p->at,
			       "'%s' is neither a section nor KEY = VALUE; comments begin with #",
			       text);
	*equals = '\0';
	name = trim(text);
	value = trim(equals + 1);
	if (p->section == SECTION_NONE)
		return fail_at(p->error, &p->at,
			       "'%s' is in no section; write [pf ADDRESS] or [device NAME] before it",
			       name);
	for (key = 0; key < KEYS; key++)
		if (keys[key].section == p->section &&
		    !strcmp(keys[key].name, name))
			break;
	if (key == KEYS)
		return fail_at(p->error, &p->at,
			       "there is no key '%s' in [%s]; hvdpa.conf(5) lists them",
			       name, p->section == SECTION_PF ? "pf" : "device");
	if (p->lines[key])
		return fail_at(p->error, &p->at,
			       "%s is given already (line %u); keep one of the two",
			       name, p->lines[key]);
	if (!*value)
		return fail_at(p->error, &p->at,
			       "%s has no value; give one or remove the line",
			       name);
	p->lines[key] = p->at.line;
	return parse_value(p, key, value);
}

static int parse_line(struct parser *p, char *text)
{
	char *c;

	/* A comment begins a line or follows a space: names may have a #. */
	for (c = text; *c; c++)
		if (*c == '#' && (c == text || isspace((unsigned char)c[-1])))
			*c-- = '\0';
	text = trim(text);
	if (!*text)
		return 0;
	return *text == '[' ? parse_header(p, text) : parse_key(p, text);
}

int config_parse(struct config *config, const char *file, const char *text,
		 size_t length, struct error *error)
{
	struct parser parser = {
		.config = config,
		.error = error,
	};
	char *name = must_copy(file);
	size_t i;
	int err;

	/* Sources point to the name as long as the configuration lives. */
	config->files = must_alloc(config->files, config->nfiles + 1,
				   sizeof(*config->files));
	config->files[config->nfiles++] = name;
	parser.at.file = name;

	while (length) {
		const char *end = memchr(text, '\n', length);
		size_t n = end ? (size_t)(end - text) : length;
		char *line;

		parser.at.line++;
		for (i = 0; i < n; i++)
			if (iscntrl((unsigned char)text[i]) &&
			    text[i] != '\t' && text[i] != '\r')
				return fail_at(error, &parser.at,
					       "the line has a byte 0x%02x; a configuration is text",
					       (unsigned char)text[i]);
		line = must_alloc(NULL, n + 1, 1);
		memcpy(line, text, n);
		line[n] = '\0';
		err = parse_line(&parser, line);
		free(line);
		if (err)
			return err;
		text += n + !!end;
		length -= n + !!end;
	}
	return end_section(&parser);
}

int config_read(struct config *config, const char *file, struct error *error)
{
	FILE *stream = fopen(file, "re");
	size_t length;
	char *text;
	int err;

	if (!stream)
		return fail(error, "cannot read %s: %s; name a file that there is",
			    file, strerror(errno));
	text = must_alloc(NULL, FILE_MOST + 1, 1);
	length = fread(text, 1, FILE_MOST + 1, stream);
	if (ferror(stream))
		err = fail(error, "cannot read %s: %s; name a file, not a folder",
			   file, strerror(errno));
	else if (length > FILE_MOST)
		err = fail(error, "%s is larger than %u bytes; split it",
			   file, FILE_MOST);
	else
		err = config_parse(config, file, text, length, error);
	free(text);
	fclose(stream);
	return err;
}

void config_free(struct config *config)
{
	size_t i;

	for (i = 0; i < config->ndevices; i++)
		free(config->devices[i].name);
	for (i = 0; i < config->nfiles; i++)
		free(config->files[i]);
	free(config->pfs);
	free(config->devices);
	free(config->files);
	*config = (struct config){};
}
