#include "cli/ticket.h"

#include <stdio.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/path.h"
#include "core/role/home.h"

#define TICKET_MAX (96u << 20)

bool
ticket_id_valid(const char *id)
{
	static const char harmless[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
	const size_t n = strlen(id);

	return n > 0 && n <= 128 && strspn(id, harmless) == n;
}

static int32_t
path_of(struct cli *cli, const char *id, char file[PATH_SIZE], struct b3iq_error *err)
{
	char        name[128 + sizeof ".json"], dir[PATH_SIZE];
	struct home home;
	int32_t     rc;

	if (!ticket_id_valid(id))
		return fail(err, B3IQ_E_INVALID, "\"%.60s\" is no id of a job", id);
	snprintf(name, sizeof name, "%.128s.json", id);
	rc = home_open(&home, cli->home, err);
	if (rc)
		return rc;
	rc = home_path(&home, dir, err, "jobs", NULL);
	if (!rc)
		rc = path_make_dir(dir, 0700, err);
	if (!rc)
		rc = home_path(&home, file, err, "jobs", name, NULL);
	home_close(&home);
	return rc;
}

static int32_t
write_file(struct cli *cli, const char *id, struct json_object *doc, struct b3iq_error *err)
{
	char       file[PATH_SIZE];
	struct buf text;
	int32_t    rc = path_of(cli, id, file, err);

	buf_init(&text, TICKET_MAX);
	if (!rc)
		rc = json_write(doc, &text);
	if (!rc)
		rc = buf_puts(&text, "\n");
	if (!rc) /* it opens what was asked and answered */
		rc = path_write(file, text.data, text.len, 0600, err);
	buf_wipe(&text);
	return rc;
}

int
ticket_save(struct cli *cli, const char *id, struct json_object *ticket)
{
	struct b3iq_error err = NO_ERROR;
	const int32_t     rc = write_file(cli, id, ticket, &err);

	return rc ? cli_fail(cli, rc, &err) : CLI_OK;
}

int
ticket_load(struct cli *cli, const char *id, struct json_object **out)
{
	struct b3iq_error err = NO_ERROR;
	char              file[PATH_SIZE];
	struct buf        text;
	int32_t           rc = path_of(cli, id, file, &err);

	*out = NULL;
	buf_init(&text, TICKET_MAX);
	if (!rc && path_exists(file))
		rc = path_read(file, &text, &err);
	if (!rc && text.len)
		rc = json_parse(text.data, text.len, file, out, &err);
	buf_wipe(&text);
	return rc ? cli_fail(cli, rc, &err) : CLI_OK;
}
