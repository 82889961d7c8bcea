#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "cli/commands/commands.h"
#include "cli/local.h"
#include "cli/remote.h"
#include "cli/term.h"
#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/crypto/secret.h"
#include "core/plugin/file/catalog.h"
#include "core/plugin/file/config.h"
#include "node/identity.h"
#include "node/keys.h"
#include "node/state.h"

#define DISK_LEAST   (256u << 20)       /* bytes free below which a node soon stops       */
#define CLOCK_LEAST  1763683200000ull   /* 2025-11-21: no clock is right before this code */

enum level { GOOD, WARN, BAD };

struct doctor {
	struct cli         *cli;
	struct home         home;
	struct config      *config; /* NULL: it cannot be read */
	struct json_object *findings;
	unsigned            n[3];
};

/* One line of the examination; `remedy` NULL where nothing is to do. */
__attribute__((format(printf, 5, 6))) static void
find(struct doctor *d, enum level level, const char *what, const char *remedy, const char *fmt, ...)
{
	static const struct {
		const char      *word;
		enum term_colour colour;
	} levels[] = { { "ok", TERM_GREEN }, { "warning", TERM_YELLOW }, { "WRONG", TERM_RED } };
	struct json_object *one = json_object_new_object();
	char                text[700];
	va_list             args;

	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	d->n[level]++;
	json_put_string(one, "check", what);
	json_put_string(one, "level", levels[level].word);
	json_put_string(one, "text", text);
	if (remedy)
		json_put_string(one, "remedy", remedy);
	json_object_array_add(d->findings, one);
	if (d->cli->json)
		return;
	printf("%s%-8s%s %-9s ", term_colour(stdout, levels[level].colour), levels[level].word,
	       term_colour(stdout, TERM_PLAIN), what);
	term_word(stdout, text);
	putchar('\n');
	if (remedy) {
		printf("%19s-> ", "");
		term_word(stdout, remedy);
		putchar('\n');
	}
	fflush(stdout);
}

/* ---- the checks, in the order of a start -------------------------------- */

static void
check_clock(struct doctor *d)
{
	char now[25];

	clock_iso(clock_wall_ms(), now);
	if (clock_wall_ms() < CLOCK_LEAST)
		find(d, BAD, "clock", "set it, or let chrony or systemd-timesyncd do so",
		     "it says %s, which is past: receipts would carry wrong times", now);
	else
		find(d, GOOD, "clock", NULL, "%s", now);
}

static void
check_disk(struct doctor *d)
{
	struct statvfs fs;
	unsigned long long free_bytes;

	if (statvfs(d->home.dir, &fs)) {
		find(d, BAD, "disk", NULL, "%s: %s", d->home.dir, strerror(errno));
		return;
	}
	free_bytes = (unsigned long long)fs.f_bavail * fs.f_frsize;
	if (free_bytes < DISK_LEAST)
		find(d, BAD, "disk",
		     "free some: without room for its receipt no request is answered",
		     "%llu MiB are free under %s", free_bytes >> 20, d->home.dir);
	else
		find(d, GOOD, "disk", NULL, "%llu MiB are free under %s", free_bytes >> 20,
		     d->home.dir);
}

/* A secret file: of nobody else, for nobody else. */
static unsigned
check_secret(struct doctor *d, const char *file)
{
	struct stat st;

	if (lstat(file, &st) || S_ISDIR(st.st_mode))
		return 0;
	if (st.st_uid == geteuid() && !(st.st_mode & 077) && S_ISREG(st.st_mode))
		return 1;
	find(d, BAD, "keys", "chmod 600 it, and chown it to the node's user",
	     "%s is open to others, or not yours", file);
	return 1;
}

/* Every file below a folder; *.pub is public. */
static unsigned
check_folder(struct doctor *d, const char *dir, int depth)
{
	DIR           *open_dir = opendir(dir);
	struct dirent *e;
	unsigned       n = 0;
	char           path[PATH_SIZE];

	while (open_dir && (e = readdir(open_dir)) != NULL) {
		const size_t len = strlen(e->d_name);

		if (e->d_name[0] == '.' || path_join(path, NULL, dir, e->d_name, NULL))
			continue;
		if (depth && len > 0)
			n += check_folder(d, path, depth - 1);
		if (len < 4 || strcmp(e->d_name + len - 4, ".pub") != 0)
			n += check_secret(d, path);
	}
	if (open_dir)
		closedir(open_dir);
	return n;
}

static void
check_keys(struct doctor *d)
{
	const unsigned  bad = d->n[BAD];
	struct identity identity;
	struct b3iq_error err = NO_ERROR;
	unsigned        n = 0;
	char            path[PATH_SIZE];

	if (!home_path(&d->home, path, NULL, "keys", NULL))
		n += check_folder(d, path, 0);
	if (!home_path(&d->home, path, NULL, "secrets", NULL))
		n += check_folder(d, path, 1);
	if (d->n[BAD] == bad)
		find(d, GOOD, "keys", NULL, "%u key and secret files are yours alone", n);
	if (home_path(&d->home, path, NULL, "keys", "node.key", NULL) || !path_exists(path)) {
		find(d, WARN, "identity", "b3iq node makes one at its first start",
		     "the node has no identity yet");
	} else if (identity_open(&identity, &d->home, &err)) {
		find(d, BAD, "identity",
		     "restore keys/node.key from a backup; receipts cannot be signed without it",
		     "%s", err.text);
	} else {
		find(d, GOOD, "identity", NULL, "%s", identity.id);
		identity_close(&identity);
	}
}

/* Without it this command line is a stranger to its own node. */
static void
check_cli_key(struct doctor *d)
{
	char              secret[KEYS_SECRET_SIZE], path[PATH_SIZE];
	struct b3iq_error err = NO_ERROR;
	const int32_t     rc = keys_cli_read(&d->home, secret, &err);
	const bool        new_home = home_path(&d->home, path, NULL, "keys", "node.key", NULL) ||
	                             !path_exists(path);

	secret_wipe(secret, sizeof secret);
	if (!rc)
		find(d, GOOD, "cli.key", NULL, "the key of this command line can be read");
	else if (rc == B3IQ_E_NOT_FOUND && new_home)
		find(d, WARN, "cli.key", "b3iq node makes one at its first start",
		     "this command line has no key yet");
	else if (rc == B3IQ_E_NOT_FOUND)
		find(d, BAD, "cli.key", "restart b3iq node, which makes another",
		     "keys/cli.key is gone: the node does not know this command line");
	else
		find(d, BAD, "cli.key",
		     "mend its owner and mode, or remove it and restart b3iq node, which makes another",
		     "%s", err.text);
}

static void
check_state(struct doctor *d)
{
	struct b3iq_error err = NO_ERROR;
	struct store     *store = NULL;
	char              path[PATH_SIZE];
	int32_t           rc;

	if (home_path(&d->home, path, NULL, "state.db", NULL) || !path_exists(path)) {
		find(d, WARN, "state", "b3iq node makes it at its first start",
		     "there is no state.db yet");
		return;
	}
	rc = store_open_reader(path, &store, &err);
	if (!rc)
		rc = store_check(store, &err);
	if (rc)
		find(d, BAD, "state",
		     "stop the node, keep a copy of state.db, and restore it from a backup", "%s",
		     err.text);
	else
		find(d, GOOD, "state", NULL, "state.db is sound");
	store_close(store);
}

static void
check_config(struct doctor *d)
{
	struct b3iq_error err = NO_ERROR;
	const int32_t     rc = config_load(&d->home, &d->config, &err);

	if (rc == B3IQ_E_NOT_FOUND)
		find(d, WARN, "config", "b3iq node --init writes a first one",
		     "there is no config.json yet");
	else if (rc)
		find(d, BAD, "config", "mend the named field in config.json", "%s", err.text);
	else
		find(d, GOOD, "config", NULL, "config.json is valid");
}

/* ---- plugins ------------------------------------------------------------ */

static int32_t
judge_config(struct doctor *d, const struct config_plugin *p, const struct catalog_item *item,
             struct b3iq_error *err)
{
	char       secrets[PATH_SIZE];
	struct buf out;
	int32_t    rc = home_path(&d->home, secrets, err, "secrets", p->name, NULL);

	buf_init(&out, CONFIG_MAX);
	if (!rc)
		rc = config_check(&item->manifest, p->name, p->config,
		                  path_exists(secrets) ? secrets : NULL, &out, err);
	buf_wipe(&out);
	return rc;
}

static void
check_plugin(struct doctor *d, const struct config_plugin *p)
{
	struct catalog_item *item = calloc(1, sizeof *item);
	struct b3iq_error    err = NO_ERROR;
	char                 remedy[256];

	if (!item)
		return;
	snprintf(remedy, sizeof remedy, "b3iq plugin info %s says more", p->name);
	if (catalog_open(d->config->plugin_dirs, p->plugin, item) != B3IQ_OK) {
		find(d, BAD, "plugin", remedy, "%s: %s", p->name, item->err.text);
	} else if (!p->sha256 && d->config->require_pin) {
		snprintf(remedy, sizeof remedy, "b3iq plugin enable %s shows the file and pins it",
		         p->name);
		find(d, BAD, "plugin", remedy, "%s is not pinned", p->name);
	} else if (p->sha256 && strcmp(p->sha256, item->file.sha256) != 0) {
		snprintf(remedy, sizeof remedy, "if you changed it: b3iq plugin enable %s",
		         p->name);
		find(d, BAD, "plugin", remedy, "%s is not the file that was accepted",
		     item->file.path);
	} else if (judge_config(d, p, item, &err)) {
		snprintf(remedy, sizeof remedy, "b3iq plugin config %s shows its settings",
		         p->name);
		find(d, BAD, "plugin", remedy, "%s", err.text);
	} else {
		find(d, GOOD, "plugin", NULL, "%s: %s %s", p->name, item->manifest.id,
		     item->manifest.version);
	}
	catalog_close(item);
	free(item);
}

static void
check_plugins(struct doctor *d)
{
	unsigned n = 0;

	for (const char **dir = d->config->plugin_dirs; *dir; dir++)
		if (!path_exists(*dir))
			find(d, WARN, "plugins",
			     "make it, or take it out of plugin_dirs in config.json",
			     "the plugin folder %s does not exist", *dir);
	for (size_t i = 0; i < d->config->n_plugins; i++)
		if (d->config->plugins[i].enabled) {
			check_plugin(d, &d->config->plugins[i]);
			n++;
		}
	if (!n)
		find(d, BAD, "plugins", "b3iq plugin list shows what could be enabled",
		     "no plugin is enabled: nothing can answer");
}

/* ---- models ------------------------------------------------------------- */

/* Bytes that could be used now. */
static uint64_t
memory_available(void)
{
	FILE    *f = fopen("/proc/meminfo", "re");
	char     line[256];
	unsigned long long kib = 0;

	while (f && fgets(line, sizeof line, f))
		if (sscanf(line, "MemAvailable: %llu kB", &kib) == 1)
			break;
	if (f)
		fclose(f);
	return (uint64_t)kib * 1024;
}

static void
check_model(struct doctor *d, struct json_object *m, uint64_t memory)
{
	const char *id = "", *remedy = "use a smaller or more quantised model, or free memory";
	int64_t     size = 0;
	bool        resident = false;

	json_get_string(m, "id", "", &id, NULL);
	json_get_int(m, "size", 0, INT64_MAX, 0, &size, NULL);
	json_get_bool(m, "resident", false, &resident, NULL);
	if (!resident && memory && (uint64_t)size > memory)
		find(d, WARN, "model", remedy,
		     "%s has %lld MiB of weights, but only %llu MiB of memory are available", id,
		     (long long)(size >> 20), (unsigned long long)(memory >> 20));
	else
		find(d, GOOD, "model", NULL, "%s fits into memory", id);
}

static void
check_models(struct doctor *d)
{
	struct json_object *models = NULL;
	struct local        l = { .instance = NULL };
	const uint64_t      memory = memory_available();

	if (!d->config || d->n[BAD]) /* first things first */
		return;
	if (local_open(d->cli, &l) == CLI_OK && local_find(&l, NULL, "cpu") &&
	    local_start(d->cli, &l, NULL, "cpu", NULL) == CLI_OK &&
	    local_models(d->cli, &l, &models) == CLI_OK) {
		for (size_t i = 0; i < json_object_array_length(models); i++)
			check_model(d, json_object_array_get_idx(models, i), memory);
		if (!json_object_array_length(models))
			find(d, WARN, "model", "b3iq model add FILE.gguf",
			     "the cpu plugin has no model");
	} else if (local_find(&l, NULL, "cpu")) {
		find(d, BAD, "model", "the lines above say why", "the cpu plugin does not start");
	}
	json_object_put(models);
	local_close(&l);
}

/* ---- the running node --------------------------------------------------- */

static void
check_node(struct doctor *d)
{
	struct client_request rq = { .connect_ms = 1000, .total_ms = 5000, .cancel_fd = -1 };
	struct client_reply   reply;
	struct remote         r;
	const pid_t           pid = home_locked_by(&d->home, "node", NULL);
	char                  url[2048];

	if (remote_open(d->cli, &r)) {
		remote_close(&r);
		return;
	}
	if (!remote_alive(&r)) {
		if (pid)
			find(d, BAD, "node",
			     "look at its log; another --port, or --url, is possible too",
			     "process %ld holds this home, but nobody answers at %s", (long)pid,
			     r.url);
		else
			find(d, WARN, "node", "b3iq node", "no node is running");
	} else if (!pid && !cli_flag(d->cli, "url")) {
		find(d, BAD, "node", "stop it, or set another node.listen.port in config.json",
		     "somebody else already serves %s", r.url);
	} else {
		client_reply_init(&reply, 1u << 20);
		snprintf(url, sizeof url, "%s/ready", r.url);
		rq.url = url;
		if (client_call(r.client, &rq, &reply, NULL) == B3IQ_OK && reply.status == 200)
			find(d, GOOD, "node", NULL, "ready at %s", r.url);
		else
			find(d, WARN, "node", "wait, or look at b3iq plugin list",
			     "it runs at %s, but is not ready", r.url);
		client_reply_finish(&reply);
	}
	remote_close(&r);
}

/* ---- the whole ---------------------------------------------------------- */

/* There is a home to look at, and it is safe to. */
static bool
check_home(struct doctor *d)
{
	struct b3iq_error err = NO_ERROR;
	char              dir[PATH_SIZE];
	int32_t rc = d->cli->home ? path_join(dir, &err, d->cli->home, NULL) : path_home(dir, &err);

	if (!rc && !path_exists(dir)) {
		find(d, WARN, "home", "b3iq node makes it", "there is no home %s yet", dir);
		return false;
	}
	if (!rc)
		rc = home_open(&d->home, d->cli->home, &err);
	if (rc)
		find(d, BAD, "home", "say --home DIR, or mend owner and mode", "%s", err.text);
	else
		find(d, GOOD, "home", NULL, "%s", d->home.dir);
	return rc == B3IQ_OK;
}

static int
run(struct cli *cli)
{
	struct doctor d = { .cli = cli, .findings = json_object_new_array(), .home.lock_fd = -1 };

	check_clock(&d);
	if (check_home(&d)) {
		check_disk(&d);
		check_keys(&d);
		check_cli_key(&d);
		check_state(&d);
		check_config(&d);
		if (d.config)
			check_plugins(&d);
		check_models(&d);
		check_node(&d);
		config_free(d.config);
		home_close(&d.home);
	}
	cli_say(cli, "%u good, %u warning%s, %u wrong\n", d.n[GOOD], d.n[WARN],
	        d.n[WARN] == 1 ? "" : "s", d.n[BAD]);
	cli_put(cli, "findings", d.findings);
	cli_put(cli, "healthy", json_object_new_boolean(!d.n[BAD]));
	return d.n[BAD] ? CLI_FAILED : CLI_OK;
}

static const struct cli_option options[] = { REMOTE_OPTIONS, { .name = NULL } };

const struct cli_command command_doctor = {
	.name = "doctor",
	.summary = "what is wrong here, and how to mend it",
	.about = "Looks at clock, home, disk, keys and their modes, state.db, config.json, every "
	         "enabled plugin (place, pin, needs, settings), whether the models fit into "
	         "memory, and the running node. Changes nothing. Each finding comes with its "
	         "remedy; the exit code is 1 if something is wrong.",
	.options = options,
	.examples = { { "b3iq doctor", "the whole examination" },
	              { "b3iq doctor --json", "for monitoring" } },
	.run = run,
};
