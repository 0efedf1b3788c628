// SPDX-License-Identifier: GPL-2.0-only
/*
 * hvdpactl: devices of hvdpa as a file says, and what they are doing.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "act.h"
#include "links.h"
#include "status.h"

#ifndef SYSCONFDIR
#define SYSCONFDIR "/etc"
#endif

#ifndef VERSION
#define VERSION "unknown"
#endif

#define RATE_MOST	3600

static const char usage_text[] =
"usage: hvdpactl apply [--dry-run] [FILE...]    make it so that it is as FILE says\n"
"       hvdpactl remove [--dry-run] [FILE...]   take back what FILE names\n"
"       hvdpactl status [--json] [--rate SECONDS]\n"
"                                               functions of hvdpa, what they do\n"
"\n"
"FILE is hvdpa.conf(5); without one, " SYSCONFDIR "/hvdpa.conf and\n"
SYSCONFDIR "/hvdpa.conf.d/*.conf.\n"
"\n"
"  -n, --dry-run        say what would be changed, and change nothing\n"
"  -j, --json           for programs\n"
"  -r, --rate SECONDS   measure how fast devices write their owners' memory\n"
"  -h, --help           this text\n"
"  -V, --version        the version\n";

struct options {
	bool dry_run;
	bool json;
	double rate;
};

static int misused(void)
{
	fputs(usage_text, stderr);
	return 2;
}

/* Names of devices and processes are in it, which can be anything. */
static int failed(const struct error *error)
{
	char *text = printable(error->text, "\n");

	fflush(stdout);
	fprintf(stderr, "hvdpactl: %s\n", text);
	free(text);
	return EXIT_FAILURE;
}

/* What could not be written was not said: that is no success. */
static int finished(void)
{
	struct error error;

	if (!fflush(stdout) && !ferror(stdout))
		return EXIT_SUCCESS;
	fail(&error, "standard output cannot be written: %s", strerror(errno));
	return failed(&error);
}

static int read_files(struct config *config, char **files, struct error *error)
{
	for (; *files; files++)
		if (config_read(config, *files, error))
			return -1;
	return 0;
}

static int read_config(struct config *config, char **files,
		       struct error *error)
{
	glob_t found;
	int err;

	if (*files)
		return read_files(config, files, error);
	glob(SYSCONFDIR "/hvdpa.conf", 0, NULL, &found);
	glob(SYSCONFDIR "/hvdpa.conf.d/*.conf", GLOB_APPEND, NULL, &found);
	if (found.gl_pathc)
		err = read_files(config, found.gl_pathv, error);
	else
		err = fail(error,
			   "there is neither %s/hvdpa.conf nor a file %s/hvdpa.conf.d/*.conf; hvdpa.conf(5) has an example",
			   SYSCONFDIR, SYSCONFDIR);
	globfree(&found);
	return err;
}

static void print_plan(const struct plan *plan, const char *before)
{
	size_t i;

	for (i = 0; i < plan->n; i++) {
		char *text = step_text(&plan->steps[i]);
		char *shown = printable(text, "");

		printf("%s%s\n", before, shown);
		free(shown);
		free(text);
	}
	if (!plan->n)
		puts("nothing to change");
}

/* apply and remove: the one has more to plan. */
static int change(int (*make)(struct plan *plan, const struct config *config,
			      struct error *error),
		  char **files, const struct options *options)
{
	struct config config = {};
	struct plan plan = {};
	struct error error;
	int lock = -1;
	int err;

	/* What the dry run says is to be what would happen. */
	if (options->dry_run && geteuid())
		err = fail(&error,
			   "only root sees what is in use, and that would be refused; run as root");
	else
		err = read_config(&config, files, &error);
	if (!err && !options->dry_run) {
		lock = act_lock(&error);
		err = lock < 0 ? -1 : 0;
	}
	if (!err)
		err = make(&plan, &config, &error);
	if (!err && !options->dry_run && plan.n)
		err = act(&plan, &error);
	if (!err)
		print_plan(&plan, options->dry_run && plan.n ? "dry run: " : "");
	plan_free(&plan);
	config_free(&config);
	if (lock >= 0)
		close(lock);
	return err ? failed(&error) : finished();
}

static int show_status(const struct options *options)
{
	struct status status;
	struct error error;
	int err;

	err = status_read(&status, options->rate, &error);
	if (!err && options->json)
		status_print_json(&status);
	else if (!err)
		status_print(&status);
	status_free(&status);
	return err ? failed(&error) : finished();
}

/* Not for people: 60-hvdpa.rules. */
static int for_udev(char **words)
{
	struct error error;
	int err;

	if (!words[0] || words[1])
		return misused();
	if (!strcmp(words[0], "class"))
		err = udev_class(&error);
	else if (!strcmp(words[0], "links"))
		err = udev_links(&error);
	else
		return misused();
	return err ? failed(&error) : finished();
}

static bool parse_rate(const char *text, double *rate)
{
	char *end;

	*rate = strtod(text, &end);
	return end != text && !*end && *rate > 0 && *rate <= RATE_MOST;
}

static bool parse_options(struct options *options, bool status, int argc,
			  char **argv)
{
	static const struct option all[] = {
		{ "dry-run", no_argument, NULL, 'n' },
		{ "json", no_argument, NULL, 'j' },
		{ "rate", required_argument, NULL, 'r' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ }
	};
	static const char * const wrong[] = {
		"%s: --%s is for status\n", "%s: --%s is for apply and remove\n",
	};
	int option;

	while ((option = getopt_long(argc, argv, "jr:nhV", all, NULL)) != -1) {
		const char *name = option == 'n' ? "dry-run" :
				   option == 'j' ? "json" : "rate";

		switch (option) {
		case 'h':
			fputs(usage_text, stdout);
			exit(finished());
		case 'V':
			puts("hvdpactl " VERSION);
			exit(finished());
		case 'n':
		case 'j':
		case 'r':
			if (status != (option != 'n')) {
				fprintf(stderr, wrong[status], argv[0], name);
				return false;
			}
			break;
		default:
			return false;
		}
		options->dry_run |= option == 'n';
		options->json |= option == 'j';
		if (option != 'r' || parse_rate(optarg, &options->rate))
			continue;
		fprintf(stderr,
			"%s: '%s' is no time for --rate; it is up to %u seconds\n",
			argv[0], optarg, RATE_MOST);
		return false;
	}
	return true;
}

int main(int argc, char **argv)
{
	char name[] = "hvdpactl";
	struct options options = {};
	const char *command = argc > 1 ? argv[1] : "";
	bool status = !strcmp(command, "status");
	bool apply = !strcmp(command, "apply");
	bool remove = !strcmp(command, "remove");

	if (!strcmp(command, "udev"))
		return for_udev(argv + 2);
	if (argc > 1 && *command != '-' && !status && !apply && !remove) {
		fprintf(stderr, "%s: there is no command '%s'\n", name,
			command);
		return misused();
	}
	/* What getopt says begins with the program's name. */
	if (status || apply || remove) {
		argc--;
		argv++;
	}
	argv[0] = name;
	if (!parse_options(&options, status, argc, argv))
		return misused();
	if (apply)
		return change(plan_apply, argv + optind, &options);
	if (remove)
		return change(plan_remove, argv + optind, &options);
	if (status && optind == argc)
		return show_status(&options);
	if (status)
		fprintf(stderr, "%s: status takes no '%s'\n", name,
			argv[optind]);
	else
		fprintf(stderr, "%s: a command is needed\n", name);
	return misused();
}
