#include "cli/jobs.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/term.h"
#include "cli/ticket.h"
#include "core/base/clock.h"
#include "core/base/json.h"

#define WAIT_S   20   /* one long poll                                     */
#define QUICK_MS 300  /* between polls of a coordinator that does not wait */

/* ---- reading a view ------------------------------------------------------ */

static const char *
word(struct json_object *of, const char *key)
{
	const char *text = NULL;

	return of && json_get_string(of, key, NULL, &text, NULL) == B3IQ_OK ? text : NULL;
}

const char *
jobs_text(struct json_object *of, const char *key)
{
	struct json_object *v = NULL;

	return json_object_object_get_ex(of, key, &v) && v ? json_object_get_string(v) : "";
}

const char *
jobs_status(struct json_object *view)
{
	static const struct {
		const char *state, *status;
	} words[] = { { "QUEUED", "pending" },    { "RUNNING", "running" },   { "COMPLETED", "completed" },
		      { "FAILED", "failed" },     { "CANCELED", "cancelled" }, { "EXPIRED", "expired" } };
	const char *status = word(view, "status"), *state = word(view, "state");

	for (size_t i = 0; !status && state && i < sizeof words / sizeof *words; i++)
		if (strcmp(state, words[i].state) == 0)
			status = words[i].status;
	return status ? status : "unknown";
}

bool
jobs_ended(struct json_object *view)
{
	const char *status = jobs_status(view);

	return strcmp(status, "pending") != 0 && strcmp(status, "running") != 0 &&
	       strcmp(status, "unknown") != 0;
}

/* ISO 8601 in UTC, with or without fraction and Z, as milliseconds; 0: none. */
static int64_t
moment(struct json_object *view, const char *const *keys)
{
	for (; *keys; keys++) {
		const char *text = word(view, *keys), *rest;
		struct tm   t = { 0 };
		int64_t     ms = 0;

		if (!text || !(rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &t)))
			continue;
		if (*rest == '.')
			for (int i = 1, scale = 100; scale && rest[i] >= '0' && rest[i] <= '9'; i++) {
				ms += (rest[i] - '0') * scale;
				scale /= 10;
			}
		return (int64_t)timegm(&t) * 1000 + ms;
	}
	return 0;
}

/* Of a job that has ended; -1: not known. */
static int64_t
took_ms(struct json_object *view)
{
	const int64_t from = moment(view, (const char *[]){ "submitted_at", "requested_at", NULL });
	const int64_t to = moment(view, (const char *[]){ "completed_at", "finished_at", "ended_at", NULL });

	return from && to >= from ? to - from : -1;
}

/* ---- asking -------------------------------------------------------------- */

static int
get(struct cli *cli, struct network *n, const char *id, uint32_t wait_s, struct json_object **view)
{
	char path[256];

	*view = NULL;
	if (!ticket_id_valid(id))
		return cli_error(cli, CLI_USAGE, "\"%.60s\" is no id of a job", id);
	if (wait_s)
		snprintf(path, sizeof path, "/v1/jobs/%s?wait=%u", id, wait_s);
	else
		snprintf(path, sizeof path, "/v1/jobs/%s", id);
	return network_json(cli, n, &(struct network_call){ .path = path, .wait_ms = wait_s * 1000 },
	                    NULL, view);
}

int
jobs_get(struct cli *cli, struct network *n, const char *id, struct json_object **view)
{
	return get(cli, n, id, 0, view);
}

int
jobs_wait(struct cli *cli, struct network *n, const char *id, int64_t seconds,
          struct json_object **view)
{
	const uint64_t end = clock_mono_ms() + (uint64_t)seconds * 1000;
	int            exit;

	for (;;) {
		const uint64_t now = clock_mono_ms();
		uint32_t       wait = WAIT_S;

		if (seconds && end - now < WAIT_S * 1000)
			wait = (uint32_t)((end - now + 999) / 1000);
		exit = get(cli, n, id, wait, view);
		if (exit || jobs_ended(*view))
			return exit;
		if (seconds && clock_mono_ms() >= end)
			return cli_error(cli, CLI_NOT_READY,
			                 "the job is %s after %lld s: b3iq result %s --wait goes on",
			                 jobs_status(*view), (long long)seconds, id);
		if (clock_mono_ms() - now < QUICK_MS && !network_pause(QUICK_MS))
			return cli_error(cli, CLI_CANCELLED, "no longer waiting; the job goes on: "
			                                     "b3iq result %s --wait", id);
		json_object_put(*view);
		*view = NULL;
	}
}

/* ---- showing ------------------------------------------------------------- */

static void
line(const char *label, const char *text)
{
	printf("%s: ", label);
	term_word(stdout, text);
	putchar('\n');
}

/* The text of a result, which is one, or an object with it. */
static struct json_object *
output_of(struct json_object *settled)
{
	struct json_object *result = NULL, *output = NULL;

	if (!settled || !json_object_object_get_ex(settled, "result", &result))
		return NULL;
	if (json_object_is_type(result, json_type_object) &&
	    json_object_object_get_ex(result, "output", &output))
		result = output;
	return json_object_is_type(result, json_type_string) ? result : NULL;
}

/* "0.25aitbc" as people read it. */
static void
show_cost(struct json_object *receipt)
{
	const char  *paid = word(receipt, "amount_paid");
	const size_t n = paid ? strspn(paid, "0123456789.") : 0;

	if (n)
		printf("Cost: %.*s AITBC\n", (int)n, paid);
}

static void
show_error(struct json_object *view)
{
	struct json_object *error = NULL;
	const char         *text = NULL, *code = NULL;

	if (!json_object_object_get_ex(view, "error", &error) || !error)
		return;
	if (json_object_is_type(error, json_type_object)) {
		text = word(error, "message");
		code = word(error, "code");
	} else if (json_object_is_type(error, json_type_string)) {
		text = json_object_get_string(error);
	}
	if (code && !(text && *text))
		text = code;
	if (text && *text)
		line("Error", text);
}

void
jobs_show(struct cli *cli, struct json_object *view, struct json_object *settled, bool with_result)
{
	struct json_object *output = output_of(settled), *receipt = NULL;
	const char         *id = word(view, "receipt_id"), *job = word(view, "job_id");
	const int64_t       took = jobs_ended(view) ? took_ms(view) : -1;

	if (settled)
		json_object_object_get_ex(settled, "receipt", &receipt);
	if (receipt && word(receipt, "receipt_id"))
		id = word(receipt, "receipt_id");
	cli_put(cli, "job", json_object_get(view));
	if (settled)
		cli_put(cli, "settled", json_object_get(settled));
	if (cli->json)
		return;
	line("Job ID", job ? job : "?");
	line("Status", jobs_status(view));
	if (with_result && output) {
		printf("Result: ");
		term_text(stdout, json_object_get_string(output),
		          (size_t)json_object_get_string_len(output));
		putchar('\n');
	}
	if (id)
		line("Receipt", id);
	if (took >= 0)
		printf("Completed in: %lld second%s\n", (long long)((took + 500) / 1000),
		       (took + 500) / 1000 == 1 ? "" : "s");
	if (receipt)
		show_cost(receipt);
	show_error(view);
}

/* ---- tables -------------------------------------------------------------- */

static void
show_cell(struct term_table *table, struct json_object *item, const struct jobs_column *c)
{
	const char *text = c->read ? c->read(item) : jobs_text(item, c->key);

	if (c->other && !*text)
		text = jobs_text(item, c->other);
	if (c->most)
		term_cellf(table, "%.*s", c->most, text);
	else
		term_cell(table, text);
}

int
jobs_table(struct cli *cli, struct json_object *doc, const struct jobs_column *columns,
           const char *member)
{
	const char         *head[JOBS_COLUMNS + 1] = { NULL };
	struct json_object *items = NULL;
	struct term_table   table;

	if (json_get(doc, "items", json_type_array, &items, NULL) || !items)
		return cli_error(cli, CLI_FAILED, "the coordinator's answer has no items");
	for (size_t c = 0; c < JOBS_COLUMNS && columns[c].head; c++)
		head[c] = columns[c].head;
	term_table_init(&table, head);
	for (size_t i = 0; i < json_object_array_length(items); i++)
		for (size_t c = 0; head[c]; c++)
			show_cell(&table, json_object_array_get_idx(items, i), &columns[c]);
	term_table_finish(&table, cli->json ? NULL : stdout);
	cli_put(cli, member, json_object_get(items));
	return CLI_OK;
}

/* ---- the end ------------------------------------------------------------- */

/* The receipt lies under its own id; the question, under the job's, now names it. */
static int
keep(struct cli *cli, const char *job, struct json_object *settled)
{
	struct json_object *receipt = NULL, *ticket = NULL;
	const char         *id;
	int                 exit;

	if (!json_object_object_get_ex(settled, "receipt", &receipt) || !receipt ||
	    !(id = word(receipt, "receipt_id")) || !ticket_id_valid(id))
		return CLI_OK; /* a coordinator without receipts of ours */
	exit = ticket_save(cli, id, settled);
	if (!exit)
		exit = ticket_load(cli, job, &ticket);
	if (!exit && !ticket)
		ticket = json_object_new_object();
	if (!exit && !json_put_string(ticket, "job_id", job) &&
	    !json_put_string(ticket, "receipt_id", id))
		exit = ticket_save(cli, job, ticket);
	json_object_put(ticket);
	return exit;
}

int
jobs_finish(struct cli *cli, struct network *n, struct json_object *view, bool with_result)
{
	const char         *job = word(view, "job_id");
	struct json_object *settled = NULL;
	const bool          good = strcmp(jobs_status(view), "completed") == 0;
	char                path[256];
	int                 exit;

	if (!job || !ticket_id_valid(job))
		return cli_error(cli, CLI_FAILED, "the coordinator's answer has no job id");
	if (!good)
		jobs_show(cli, view, NULL, with_result);
	snprintf(path, sizeof path, "/v1/jobs/%s/result", job);
	exit = network_json(cli, n, &(struct network_call){ .path = path }, NULL, &settled);
	if (!good) { /* the refusal has told why there is none */
		json_object_put(settled);
		return exit == CLI_CANCELLED ? exit : CLI_JOB_ENDED_BADLY;
	}
	if (!exit)
		exit = keep(cli, job, settled);
	if (settled)
		jobs_show(cli, view, settled, with_result);
	json_object_put(settled);
	return exit;
}
