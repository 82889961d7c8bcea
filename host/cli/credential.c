#include "cli/credential.h"

#include <stdarg.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/json.h"

#define DAY_MS 86400000u

/* ---- create -------------------------------------------------------------- */

struct key_spec
credential_spec(const struct cli *cli)
{
	const uint64_t days = (uint64_t)cli_int(cli, "days", 0);

	return (struct key_spec){ .name = cli_word(cli, 0),
		                  .expires_ms = days ? clock_wall_ms() + days * DAY_MS : 0,
		                  .rate_per_minute = (uint32_t)cli_int(cli, "rate", 0),
		                  .burst = (uint32_t)cli_int(cli, "burst", 0) };
}

void
credential_put(struct cli *cli, const struct key *key, const char *scopes)
{
	cli_put_text(cli, "id", key->id);
	cli_put_text(cli, "name", key->name);
	cli_put_text(cli, scopes, key->scopes);
}

void
credential_show(const struct cli *cli, const char *kind, const struct key *key, const char *secret,
                const char *fmt, ...)
{
	va_list args;

	if (cli->json)
		return;
	if (!cli_flag(cli, "quiet")) {
		fprintf(stderr, "%s ", kind);
		term_word(stderr, key->name);
		fprintf(stderr, " (%s) ", key->id);
		va_start(args, fmt);
		vfprintf(stderr, fmt, args);
		va_end(args);
		fputs(". It is shown this once:\n", stderr);
	}
	printf("%s\n", secret);
}

/* ---- list ---------------------------------------------------------------- */

const struct cli_option credential_list_options[] = {
	{ .name = "all", .letter = 'a', .kind = CLI_FLAG, .help = "also those revoked or expired" },
	{ .name = NULL },
};

static const char *
state_of(const struct key *k)
{
	if (k->revoked_ms)
		return "revoked";
	return k->expires_ms && k->expires_ms <= clock_wall_ms() ? "expired" : "valid";
}

void
credential_list_init(struct credential_list *l, const struct cli *cli, const char *const *head,
                     const char *scopes, const char *models)
{
	*l = (struct credential_list){ .rows = json_object_new_array(),
		                       .scopes = scopes,
		                       .models = models,
		                       .all = cli_flag(cli, "all") };
	term_table_init(&l->table, head);
}

void
credential_list_finish(struct credential_list *l, struct cli *cli, const char *member)
{
	cli_put(cli, member, l->rows);
	term_table_finish(&l->table, cli->json ? NULL : stdout);
}

bool
credential_listed(const struct credential_list *l, const struct key *k)
{
	return l->all || strcmp(state_of(k), "valid") == 0;
}

struct json_object *
credential_row(struct credential_list *l, const struct key *k)
{
	struct json_object *row = json_object_new_object();

	term_cell(&l->table, k->id);
	term_cell(&l->table, k->name);
	term_cell(&l->table, state_of(k));
	json_put_string(row, "id", k->id);
	json_put_string(row, "name", k->name);
	json_put_string(row, "state", state_of(k));
	json_put_string(row, l->scopes, k->scopes);
	json_put_string(row, l->models, k->models);
	return row;
}

int32_t
credential_row_end(struct credential_list *l, const struct key *k, struct json_object *row)
{
	term_cell(&l->table, k->models[0] ? k->models : "all");
	term_cell(&l->table, k->scopes);
	return json_add(l->rows, row);
}

/* ---- revoke -------------------------------------------------------------- */

int
credential_revoked(struct cli *cli, int32_t rc, const struct b3iq_error *err)
{
	if (rc)
		return cli_fail(cli, rc, err);
	cli_say(cli, "revoked; it is refused from now on\n");
	cli_put_text(cli, "revoked", cli_word(cli, 0));
	return CLI_OK;
}
