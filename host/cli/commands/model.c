#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/commands/commands.h"
#include "cli/local.h"
#include "cli/remote.h"
#include "cli/term.h"
#include "core/base/json.h"

#define SUFFIX ".gguf"

/* ---- which models there are --------------------------------------------- */

/* The node's model object has its id outside and all else in "b3iq"; here it is one object. */
static struct json_object *
flat(struct json_object *of_node)
{
	struct json_object *own = NULL, *m;
	const char         *id = NULL;

	json_get(of_node, "b3iq", json_type_object, &own, NULL);
	json_get_string(of_node, "id", "", &id, NULL);
	m = own ? json_object_get(own) : json_object_new_object();
	json_put_string(m, "id", id ? id : "");
	return m;
}

/* What the running node offers. */
static int
ask_node(struct cli *cli, struct remote *r, struct json_object **out)
{
	struct json_object *answer = NULL, *data = NULL;
	int                 exit = remote_json(cli, r, "GET", "/v1/models", NULL, &answer);

	if (!exit && (!json_object_object_get_ex(answer, "data", &data) ||
	              !json_object_is_type(data, json_type_array)))
		exit = cli_error(cli, CLI_FAILED, "what answers at %s is no b3iq node", r->url);
	if (!exit)
		*out = json_object_new_array();
	for (size_t i = 0; !exit && i < json_object_array_length(data); i++)
		json_object_array_add(*out, flat(json_object_array_get_idx(data, i)));
	json_object_put(answer);
	return exit;
}

/* What one enabled plugin offers, appended; other kinds offer none. */
static int
ask_plugin(struct cli *cli, const char *name, struct json_object *all)
{
	struct json_object *own = NULL;
	struct local        l;
	int                 exit = local_open(cli, &l);

	if (!exit)
		exit = local_start(cli, &l, name, NULL, NULL);
	if (!exit && instance_kind(l.instance) == B3IQ_INFERENCE)
		exit = local_models(cli, &l, &own);
	for (size_t i = 0; own && i < json_object_array_length(own); i++) {
		struct json_object *m = json_object_get(json_object_array_get_idx(own, i));

		json_put_string(m, "instance", name);
		json_object_array_add(all, m);
	}
	json_object_put(own);
	local_close(&l);
	return exit;
}

/* What the enabled plugins offer, asked one by one; that one fails does not hide the others. */
static int
ask_plugins(struct cli *cli, struct json_object **out)
{
	struct local l;
	int          exit = local_open(cli, &l);

	*out = json_object_new_array();
	for (size_t i = 0; !exit && i < l.config->n_plugins; i++)
		if (l.config->plugins[i].enabled)
			ask_plugin(cli, l.config->plugins[i].name, *out);
	local_close(&l);
	return exit;
}

static int
gather(struct cli *cli, struct json_object **out)
{
	struct remote r;
	int           exit = remote_open(cli, &r);

	*out = NULL;
	if (!exit)
		exit = remote_alive(&r) ? ask_node(cli, &r, out) : ask_plugins(cli, out);
	remote_close(&r);
	return exit;
}

/* ---- showing them ------------------------------------------------------- */

static const char *
text_of(struct json_object *m, const char *key)
{
	const char *text = NULL;

	json_get_string(m, key, NULL, &text, NULL);
	return text ? text : "";
}

static int64_t
int_of(struct json_object *m, const char *key)
{
	int64_t n = 0;

	json_get_int(m, key, 0, INT64_MAX, 0, &n, NULL);
	return n;
}

static void
size_text(int64_t bytes, char out[24])
{
	if (!bytes)
		snprintf(out, 24, "-");
	else if (bytes < 1 << 20)
		snprintf(out, 24, "%.1f KiB", (double)bytes / 1024);
	else if (bytes < 1 << 30)
		snprintf(out, 24, "%.1f MiB", (double)bytes / (1 << 20));
	else
		snprintf(out, 24, "%.1f GiB", (double)bytes / (1 << 30));
}

static int
list(struct cli *cli)
{
	static const char *const head[] = { "MODEL",   "CONTEXT", "WEIGHTS", "SIZE",
		                            "PROFILE", "ENGINE",  NULL };
	struct json_object      *models;
	struct term_table        table;
	char                     size[24];
	const int                exit = gather(cli, &models);

	if (exit)
		return exit;
	term_table_init(&table, head);
	for (size_t i = 0; i < json_object_array_length(models); i++) {
		struct json_object *m = json_object_array_get_idx(models, i);

		size_text(int_of(m, "size"), size);
		term_cell(&table, text_of(m, "id"));
		term_cellf(&table, "%lld", (long long)int_of(m, "context"));
		term_cell(&table, text_of(m, "quantisation"));
		term_cell(&table, size);
		term_cell(&table, text_of(m, "profile"));
		term_cell(&table, text_of(m, "engine"));
	}
	term_table_finish(&table, cli->json ? NULL : stdout);
	cli_put(cli, "models", models);
	return CLI_OK;
}

static void
show_model(struct cli *cli, struct json_object *m)
{
	static const struct {
		const char *key, *label;
	} lines[] = { { "id", "model" },        { "instance", "plugin" }, { "engine", "engine" },
		      { "profile", "profile" }, { "architecture", "network" },
		      { "quantisation", "weights" }, { "root", "root" } };
	char size[24];

	if (cli->json)
		return;
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
		if (*text_of(m, lines[i].key)) {
			printf("%-10s", lines[i].label);
			term_word(stdout, text_of(m, lines[i].key));
			putchar('\n');
		}
	size_text(int_of(m, "size"), size);
	printf("%-10s%lld tokens\n%-10s%s\n", "context", (long long)int_of(m, "context"), "size",
	       size);
	if (!*text_of(m, "root"))
		printf("%-10s%s\n", "root",
		       "not known until the model is loaded for the first time");
}

static int
show(struct cli *cli)
{
	struct json_object *models, *m;
	int                 exit = gather(cli, &models);

	if (exit)
		return exit;
	m = local_model(models, cli_word(cli, 0));
	if (m) {
		show_model(cli, m);
		cli_put(cli, "model", json_object_get(m));
	} else {
		exit = cli_error(cli, CLI_NOT_FOUND,
		                 "there is no model \"%s\": b3iq model list names all",
		                 cli_word(cli, 0));
	}
	json_object_put(models);
	return exit;
}

/* ---- the folder --------------------------------------------------------- */

/* The model folder of the cpu plugin; if none is configured, HOME/models. */
static int
folder(struct cli *cli, struct local *l, char out[PATH_SIZE], bool *configured)
{
	const struct config_plugin *cpu = local_find(l, NULL, "cpu");
	struct json_object         *section = cpu ? json_tokener_parse(cpu->config) : NULL;
	struct b3iq_error           err = NO_ERROR;
	int32_t                     rc;

	if (!cpu)
		return cli_error(cli, CLI_NOT_FOUND,
		                 "the plugin cpu, which runs model files, is not "
		                 "enabled: b3iq plugin enable cpu");
	*configured = *text_of(section, "models_dir") != '\0';
	rc = *configured ? path_join(out, &err, text_of(section, "models_dir"), NULL)
	                 : home_path(&l->home, out, &err, "models", NULL);
	json_object_put(section);
	if (!rc && !*configured)
		rc = path_make_dir(out, 0700, &err);
	return rc ? cli_fail(cli, rc, &err) : CLI_OK;
}

static int32_t
set_folder(struct json_object *doc, void *dir, struct b3iq_error *err)
{
	struct json_object *plugins = NULL, *config;

	json_object_object_get_ex(doc, "plugins", &plugins);
	json_object_object_foreach(plugins, name, section) {
		const char *plugin = text_of(section, "plugin");

		(void)name;
		if (strcmp(plugin, "cpu") != 0)
			continue;
		if (!json_object_object_get_ex(section, "config", &config)) {
			config = json_object_new_object();
			if (json_put(section, "config", config))
				break;
		}
		return json_put_string(config, "models_dir", dir) ? fail_memory(err, "config.json")
		                                                  : B3IQ_OK;
	}
	return fail(err, B3IQ_E_NOT_FOUND, "config.json has no cpu plugin");
}

static void
tell_node(struct cli *cli)
{
	bool told;

	if (remote_reload(cli, &told) == CLI_OK && told)
		cli_say(cli, "the running node knows\n");
}

/* ---- add ---------------------------------------------------------------- */

/* "dir/Name.Q8_0.gguf" offers "Name.Q8_0". */
static int
name_of(struct cli *cli, char out[256])
{
	const char  *given = cli_text(cli, "name", NULL), *file = cli_word(cli, 0);
	const char  *slash = strrchr(file, '/'), *base = given ? given : slash ? slash + 1 : file;
	const size_t n = strlen(base), suffix = strlen(SUFFIX);
	const bool   has = n > suffix && strcmp(base + n - suffix, SUFFIX) == 0;

	if (!given && !has)
		return cli_error(cli, CLI_USAGE,
		                 "a model file ends in .gguf; give it a name with --name");
	snprintf(out, 256, "%.*s", (int)(has ? n - suffix : n), base);
	if (!*out || n > 240 || *out == '.' || strchr(out, '/'))
		return cli_error(cli, CLI_USAGE, "\"%.40s\" is no name for a model", base);
	return CLI_OK;
}

/* The cpu plugin's section with another model folder. */
static char *
section_with(const struct local *l, const char *dir)
{
	struct json_object *section = json_tokener_parse(local_find(l, NULL, "cpu")->config);
	char               *text = NULL;

	if (section && !json_put_string(section, "models_dir", dir))
		text = strdup(json_object_to_json_string(section));
	json_object_put(section);
	return text;
}

/* Lets the plugin itself look at the file, in its sandbox: what it can load is a model. */
static int
examine(struct cli *cli, struct local *l, const char *dir, const char *name,
        struct json_object **model)
{
	char               *section = section_with(l, dir);
	struct json_object *models = NULL;
	struct b3iq_error   err = NO_ERROR;
	int32_t             rc;
	int                 exit;

	*model = NULL;
	if (!section)
		return cli_error(cli, CLI_FAILED, "no memory for the plugin's config");
	exit = local_start(cli, l, NULL, "cpu", section);
	if (!exit) {
		rc = instance_inference(l->instance)->load(l->instance, name, NULL, &err);
		if (rc)
			exit = cli_error(cli, CLI_FAILED, "%s is not taken: %s", cli_word(cli, 0),
			                 rc == B3IQ_E_NOT_FOUND
			                         ? "the line above says what is wrong with it"
			                         : err.text);
	}
	if (!exit)
		exit = local_models(cli, l, &models);
	if (!exit && models)
		*model = json_object_get(local_model(models, name));
	json_object_put(models);
	free(section);
	return exit;
}

static int32_t
copy_bytes(int in, int out, struct b3iq_error *err)
{
	ssize_t n;

	while ((n = copy_file_range(in, NULL, out, NULL, 1 << 30, 0)) > 0)
		;
	if (n < 0 && (errno == EXDEV || errno == EINVAL || errno == ENOSYS)) {
		static char piece[1 << 16];

		while ((n = read(in, piece, sizeof piece)) > 0)
			for (ssize_t done = 0, w; done < n; done += w)
				if ((w = write(out, piece + done, (size_t)(n - done))) < 0)
					return fail(err, B3IQ_E_UNAVAILABLE,
					            "the copy cannot be written: %s",
					            strerror(errno));
	}
	if (n < 0 || fsync(out))
		return fail(err, B3IQ_E_UNAVAILABLE, "the file cannot be copied: %s",
		            strerror(errno));
	return B3IQ_OK;
}

/* A copy beside its place, renamed when it is whole. */
static int32_t
copy(const char *from, const char *dir, const char *to, struct b3iq_error *err)
{
	char    part[PATH_SIZE];
	int     in = -1, out = -1;
	int32_t rc = path_join(part, err, dir, ".copying", NULL);

	if (rc)
		return rc;
	in = open(from, O_RDONLY | O_CLOEXEC);
	out = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	rc = in < 0 || out < 0 ? fail(err, B3IQ_E_UNAVAILABLE, "%s cannot be copied: %s", from,
	                              strerror(errno))
	                       : copy_bytes(in, out, err);
	if (in >= 0)
		close(in);
	if (out >= 0 && close(out) && !rc)
		rc = fail(err, B3IQ_E_UNAVAILABLE, "the copy cannot be written: %s",
		          strerror(errno));
	if (!rc && rename(part, to))
		rc = fail(err, B3IQ_E_UNAVAILABLE, "%s cannot be made: %s", to, strerror(errno));
	if (rc)
		unlink(part);
	return rc;
}

static int32_t
place(const char *from, const char *dir, const char *to, bool symbolic, struct b3iq_error *err)
{
	if (path_exists(to))
		return fail(err, B3IQ_E_INVALID,
		            "there is a model of this name already: remove it, or use --name");
	if (symbolic)
		return symlink(from, to) ? fail(err, B3IQ_E_UNAVAILABLE, "%s cannot be made: %s",
		                                to, strerror(errno))
		                         : B3IQ_OK;
	return link(from, to) ? copy(from, dir, to, err) : B3IQ_OK; /* other file system: a copy */
}

/* A folder with nothing in it but the file, under the name that it will have. */
static int32_t
stage(const char *from, const char *dir, const char *name, char out[PATH_SIZE],
      char file[PATH_SIZE], struct b3iq_error *err)
{
	char    with_suffix[300];
	int32_t rc = path_join(out, err, dir, ".look-XXXXXX", NULL);

	snprintf(with_suffix, sizeof with_suffix, "%s" SUFFIX, name);
	if (!rc && !mkdtemp(out))
		rc = fail(err, B3IQ_E_UNAVAILABLE, "%s cannot be written to: %s", dir,
		          strerror(errno));
	if (rc) {
		*out = '\0';
		return rc;
	}
	rc = path_join(file, err, out, with_suffix, NULL);
	if (!rc && symlink(from, file))
		rc = fail(err, B3IQ_E_UNAVAILABLE, "%s cannot be written to: %s", out,
		          strerror(errno));
	return rc;
}

static int
add_file(struct cli *cli, struct local *l, const char *from, const char *name)
{
	char dir[PATH_SIZE], look[PATH_SIZE] = "", file[PATH_SIZE] = "", to[PATH_SIZE];
	struct json_object *model = NULL;
	struct b3iq_error   err = NO_ERROR;
	bool                configured;
	int32_t             rc;
	int                 exit = folder(cli, l, dir, &configured);

	if (exit)
		return exit;
	rc = stage(from, dir, name, look, file, &err);
	exit = rc ? cli_fail(cli, rc, &err) : examine(cli, l, look, name, &model);
	if (*file)
		unlink(file);
	if (*look)
		rmdir(look);
	if (exit)
		return exit;
	rc = path_join(to, &err, dir, name, NULL);
	if (!rc && strlen(to) + sizeof SUFFIX > sizeof to)
		rc = fail(&err, B3IQ_E_INVALID, "the path of the model is too long");
	if (!rc) {
		memcpy(to + strlen(to), SUFFIX, sizeof SUFFIX);
		rc = place(from, dir, to, cli_flag(cli, "link"), &err);
	}
	if (!rc && !configured)
		rc = config_edit(&l->home, set_folder, dir, &err);
	if (!rc && model) {
		show_model(cli, model);
		cli_put(cli, "model", json_object_get(model));
	}
	json_object_put(model);
	return rc ? cli_fail(cli, rc, &err) : CLI_OK;
}

static int
add(struct cli *cli)
{
	char         name[256], *from;
	struct local l;
	int          exit = name_of(cli, name);

	if (exit)
		return exit;
	from = realpath(cli_word(cli, 0), NULL);
	if (!from)
		return cli_error(cli, CLI_NOT_FOUND, "%s: %s", cli_word(cli, 0), strerror(errno));
	exit = local_open(cli, &l);
	if (!exit)
		exit = add_file(cli, &l, from, name);
	local_close(&l);
	free(from);
	if (!exit)
		tell_node(cli);
	return exit;
}

static const struct cli_option add_options[] = {
	{ .name = "name",
	  .kind = CLI_TEXT,
	  .value = "NAME",
	  .help = "call it so; default: the file's name" },
	{ .name = "link",
	  .kind = CLI_FLAG,
	  .help = "a symbolic link: the file stays where it is, and must" },
	REMOTE_OPTIONS,
	{ .name = NULL },
};

static const struct cli_command model_add = {
	.name = "add",
	.summary = "put a GGUF file into the model folder",
	.words = "FILE.gguf",
	.least = 1,
	.most = 1,
	.about = "The cpu plugin first loads the file in its sandbox and computes its root; what "
	         "it refuses is not added. Then the file is linked (another file system: copied) "
	         "into the model folder: the cpu plugin's models_dir, or models in the home. A "
	         "running node is told.",
	.options = add_options,
	.examples = { { "b3iq model add ~/Downloads/tinyllama.Q8_0.gguf",
	                "offered as tinyllama.Q8_0" },
	              { "b3iq model add --link --name big /data/big.gguf",
	                "without a copy, as \"big\"" } },
	.exits = (const int[]){ CLI_NOT_FOUND, CLI_DENIED, 0 },
	.run = add,
};

/* ---- rm ----------------------------------------------------------------- */

static int
remove_file(struct cli *cli, struct local *l, const char *name)
{
	char              dir[PATH_SIZE], file[PATH_SIZE], question[512];
	struct b3iq_error err = NO_ERROR;
	bool              configured, yes = cli_flag(cli, "yes");
	int32_t           rc;
	int               exit = folder(cli, l, dir, &configured);

	if (exit)
		return exit;
	if (snprintf(file, sizeof file, "%s/%s" SUFFIX, dir, name) >= (int)sizeof file ||
	    strchr(name, '/') || !path_exists(file))
		return cli_error(cli, CLI_NOT_FOUND,
		                 "the model folder has no \"%s\": b3iq model list names all", name);
	snprintf(question, sizeof question, "Remove %.200s from the model folder?", name);
	rc = yes ? B3IQ_OK : term_confirm(question, &yes, &err);
	if (rc)
		return cli_fail(cli, rc, &err);
	if (!yes)
		return cli_error(cli, CLI_CANCELLED, "nothing was removed");
	if (unlink(file))
		return cli_error(cli, CLI_FAILED, "%s: %s", file, strerror(errno));
	cli_say(cli, "removed\n");
	cli_put_text(cli, "removed", name);
	return CLI_OK;
}

static int
rm(struct cli *cli)
{
	struct local l;
	int          exit = local_open(cli, &l);

	if (!exit)
		exit = remove_file(cli, &l, cli_word(cli, 0));
	local_close(&l);
	if (!exit)
		tell_node(cli);
	return exit;
}

static const struct cli_option rm_options[] = {
	{ .name = "yes", .letter = 'y', .kind = CLI_FLAG, .help = "do not ask" },
	REMOTE_OPTIONS,
	{ .name = NULL },
};

static const struct cli_command model_rm = {
	.name = "rm",
	.summary = "take a model out of the model folder",
	.words = "MODEL",
	.least = 1,
	.most = 1,
	.about = "Removes the link or copy that b3iq model add made. Answers that run on it run "
	         "on. The built-in model and those of other plugins are not files of the model "
	         "folder.",
	.options = rm_options,
	.examples = { { "b3iq model rm tinyllama.Q8_0", "asks first" },
	              { "b3iq model rm -y big", "does not ask" } },
	.exits = (const int[]){ CLI_NOT_FOUND, CLI_CANCELLED, 0 },
	.run = rm,
};

/* ---- the group ---------------------------------------------------------- */

static const struct cli_option list_options[] = { REMOTE_OPTIONS, { .name = NULL } };

static const struct cli_command model_list = {
	.name = "list",
	.summary = "the models that can be asked for",
	.about = "Asks the running node; without one, each enabled plugin is started in its "
	         "sandbox and asked. The profile det-v1 means that answers can be re-executed to "
	         "the bit; none promises nothing.",
	.options = list_options,
	.examples = { { "b3iq model list", "one line a model" },
	              { "b3iq model list --json", "for a program" } },
	.exits = (const int[]){ CLI_DENIED, 0 },
	.run = list,
};

static const struct cli_command model_show = {
	.name = "show",
	.summary = "one model: context, weights, root",
	.words = "MODEL",
	.least = 1,
	.most = 1,
	.about = "The root is the digest over all tensors, tokenizer and template that receipts "
	         "name: two models with one root are the same.",
	.options = list_options,
	.examples = { { "b3iq model show b3iq-mini", "the built-in model" },
	              { "b3iq model show b3iq-mini --json", "for a program" } },
	.exits = (const int[]){ CLI_NOT_FOUND, CLI_DENIED, 0 },
	.run = show,
};

const struct cli_command command_model = {
	.name = "model",
	.summary = "models: list, show, add, remove",
	.about = "A model is a GGUF file in the model folder, the built-in one, or what a plugin "
	         "such as ollama offers.",
	.examples = { { "b3iq model list", "which models there are" },
	              { "b3iq model add ~/Downloads/tinyllama.Q8_0.gguf", "one more" } },
	.subs = (const struct cli_command *const[]){ &model_list, &model_show, &model_add,
	                                             &model_rm, NULL },
};
