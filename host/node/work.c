#include "node/work.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/clock.h"
#include "core/base/encode.h"
#include "core/base/fail.h"
#include "core/base/json.h"
#include "core/base/random.h"
#include "core/crypto/secret.h"
#include "core/receipt/bundle.h"
#include "core/receipt/params.h"
#include "core/role/keyring.h"
#include "core/role/prometheus.h"

#define KEY_MAX   400
#define PRINCIPAL "coordinator" /* for whom, in the job's row */

/* ---- models -------------------------------------------------------------- */

static bool
is_offered(const struct node *node, const char *model)
{
	for (const char **glob = node->config->worker.models; *glob; glob++)
		if (keyring_model_allowed(*glob, model))
			return true;
	return false;
}

struct offer {
	const struct node  *node;
	struct json_object *list;
};

/* {"id": name, "root": hex}; the root where it is known. */
static int32_t
add_model(void *arg, const struct model *model)
{
	const struct offer *offer = arg;
	struct json_object *o;
	char root[2 * sizeof model->root + 1];

	if (!is_offered(offer->node, model->name))
		return B3IQ_OK;
	o = json_object_new_object();
	hex_encode(model->root, sizeof model->root, root);
	if (o && json_put_string(o, "id", model->name) == B3IQ_OK &&
	    (!model->has_root || json_put_string(o, "root", root) == B3IQ_OK))
		return json_add(offer->list, o);
	json_object_put(o);
	return B3IQ_E_NO_MEMORY;
}

static struct json_object *
offered(void *ctx)
{
	struct node *node = ctx;
	struct offer offer = { node, json_object_new_array() };
	struct b3iq_error err = NO_ERROR;

	if (!offer.list || models_list(node->models, add_model, &offer, &err) == B3IQ_OK)
		return offer.list;
	json_object_put(offer.list);
	return NULL;
}

/* "instance/id" is a name also where the id alone would do; "default" is none. */
static bool
is_name_of(const struct model *model, const char *name)
{
	const size_t n = strlen(model->instance);

	return strcmp(model->name, name) == 0 ||
	       (strncmp(name, model->instance, n) == 0 && name[n] == '/' &&
	        strcmp(name + n + 1, model->id) == 0);
}

/* The ordered model under exactly its name, loaded if its root is wanted. */
static int32_t
find_model(struct node *node, const char *name, struct model *model, struct instance **instance,
           struct b3iq_error *err)
{
	int32_t rc = models_find(node->models, name, "", model, instance, err);

	if (rc == B3IQ_OK && models_load_for_root(node->models, model, *instance)) {
		instance_release(*instance);
		rc = models_find(node->models, name, "", model, instance, err);
	}
	if (rc == B3IQ_OK && (!is_name_of(model, name) || !is_offered(node, name)))
		rc = fail(err, B3IQ_E_NOT_FOUND, "this worker does not offer the model \"%.100s\"",
		          name);
	if (rc == B3IQ_OK)
		memmove(model->name, name, strlen(name) + 1); /* the receipt says what was ordered */
	return rc;
}

/* ---- a run --------------------------------------------------------------- */

struct listener {
	struct miner_say *say;
	int               cancel_fd;
};

/* Also where a backend looks at nothing but the answer to its tokens, a cancel stops it at the next. */
static int32_t
on_step(void *ctx, const char *text, size_t len, struct json_object *delta)
{
	const struct listener *l = ctx;
	struct pollfd p = { .fd = l->cancel_fd, .events = POLLIN };

	(void)delta;
	if (poll(&p, 1, 0) > 0)
		return B3IQ_E_CANCELLED;
	if (len)
		l->say->say(l->say, text, len);
	return B3IQ_OK;
}

static int32_t
fill_run(struct run *run, const struct lease *lease, const struct model *model,
         struct instance *instance, struct b3iq_error *err)
{
	const int32_t rc = params_read(lease->params, &run->request, err);

	run->origin = lease->id;
	run->principal = PRINCIPAL;
	run->model = model;
	run->instance = instance;
	run->order = lease->order;
	run->keep_tokens = true;
	run->seed_by_client = lease->has_seed;
	run->request.size = sizeof run->request;
	run->request.flags = 0; /* what a backend needs is its node's affair */
	run->request.model = model->id;
	run->request.body = lease->request;
	run->request.body_len = lease->request_len;
	run->request.seed = lease->seed;
	if (!lease->has_seed)
		random_bytes(&run->request.seed, sizeof run->request.seed);
	if (run->request.top_logprobs)
		run->request.flags |= B3IQ_GEN_LOGPROBS;
	if (strcmp(model->profile, "none") != 0)
		run->request.flags |= B3IQ_GEN_DETERMINISTIC | B3IQ_GEN_PROBES;
	return rc == B3IQ_OK ? params_settle(&run->request, err) : rc;
}

/* ---- the report ---------------------------------------------------------- */

/* Receipt and openings, as a bundle has them, without what the coordinator knows: prompt, output. */
static int32_t
put_bundle(struct json_object *to, const struct run *run)
{
	const struct bundle_opening opening = {
		.secret = run->secret, .params = run->params.data, .params_len = run->params.len,
		.tokens = run->has_logits ? run->tokens : NULL,
		.n_tokens = run->has_logits ? run->n_tokens : 0,
		.logits = run->has_logits ? run->logits : NULL,
	};
	static const char *const parts[] = { "receipt", "openings" };
	struct json_object *doc = NULL, *part;
	struct buf text;
	int32_t rc;

	buf_init(&text, BUNDLE_MAX);
	rc = bundle_write(run->envelope.data, run->envelope.len, &opening, &text, NULL);
	if (rc == B3IQ_OK)
		rc = json_parse(text.data, text.len, "bundle", &doc, NULL);
	for (size_t i = 0; rc == B3IQ_OK && i < 2; i++)
		rc = json_object_object_get_ex(doc, parts[i], &part)
		             ? json_put(to, parts[i], json_object_get(part))
		             : B3IQ_E_INTERNAL;
	json_object_put(doc);
	buf_wipe(&text);
	return rc;
}

static struct json_object *
report(const struct run *run, double seconds)
{
	struct json_object *o = json_object_new_object(), *result = json_object_new_object(),
	                   *metrics = json_object_new_object();
	const char *text = run->output.data ? run->output.data : "";
	const int64_t tokens = (int64_t)run->usage.output_tokens;

	if (o && result && metrics &&
	    json_put(result, "output", json_object_new_string_len(text, (int)run->output.len)) ==
	            B3IQ_OK &&
	    json_put_string(result, "model", run->model->name) == B3IQ_OK &&
	    json_put_int(result, "tokens_processed", tokens) == B3IQ_OK &&
	    json_put(result, "execution_time", json_object_new_double(seconds)) == B3IQ_OK &&
	    json_put(o, "result", json_object_get(result)) == B3IQ_OK &&
	    json_put(metrics, "compute_time", json_object_new_double(seconds)) == B3IQ_OK &&
	    json_put_int(metrics, "tokens_generated", tokens) == B3IQ_OK &&
	    json_put_int(metrics, "prompt_tokens", (int64_t)run->usage.prompt_tokens) == B3IQ_OK &&
	    json_put(o, "metrics", json_object_get(metrics)) == B3IQ_OK &&
	    put_bundle(o, run) == B3IQ_OK) {
		json_object_put(result);
		json_object_put(metrics);
		return o;
	}
	json_object_put(result);
	json_object_put(metrics);
	json_object_put(o);
	return NULL;
}

static int32_t
run_in_turn(struct node *node, struct run *run, struct b3iq_error *err)
{
	int32_t rc = pipeline_enter(node->pipeline, run->cancel_fd, err);

	if (rc != B3IQ_OK)
		return rc;
	rc = pipeline_run(node->pipeline, run, err);
	pipeline_leave(node->pipeline);
	if (rc == B3IQ_E_NOT_FOUND)
		models_forget(node->models);
	return rc;
}

static int32_t
work(void *ctx, const struct lease *lease, int cancel_fd, struct miner_say *say,
     struct json_object **result, struct b3iq_error *err)
{
	struct node *node = ctx;
	struct listener listener = { say, cancel_fd };
	const uint64_t start = clock_mono_us();
	struct instance *instance = NULL;
	struct model model;
	struct run run;
	int32_t rc;

	pipeline_prepare(&run);
	run.on_step = on_step;
	run.ctx = &listener;
	run.cancel_fd = cancel_fd;
	rc = find_model(node, lease->model, &model, &instance, err);
	if (rc == B3IQ_OK)
		rc = fill_run(&run, lease, &model, instance, err);
	if (rc == B3IQ_OK)
		rc = run_in_turn(node, &run, err);
	if (rc == B3IQ_OK) {
		*result = report(&run, (double)(clock_mono_us() - start) / 1e6);
		rc = *result ? rc : fail_memory(err, "reporting a result");
	}
	pipeline_finish(&run);
	instance_release(instance);
	return rc;
}

/* ---- start and stop ------------------------------------------------------ */

/* secrets/worker/key: for its owner's eyes alone. */
static int32_t
read_key(const struct node *node, struct buf *out, struct b3iq_error *err)
{
	char file[PATH_SIZE];
	struct stat st;
	int32_t rc = home_path(&node->home, file, err, "secrets", "worker", "key", NULL);

	if (rc != B3IQ_OK)
		return rc;
	if (stat(file, &st) != 0)
		return fail(err, B3IQ_E_NOT_FOUND,
		            "the coordinator wants an API key: write it to secrets/worker/key in the "
		            "home (mode 0600), or set MINER_API_KEY");
	if (st.st_mode & 077)
		return fail(err, B3IQ_E_DENIED,
		            "%s can be read by others; chmod 600 it, and have the key replaced", file);
	rc = path_read(file, out, err);
	if (rc == B3IQ_OK && out->len)
		out->data[strcspn(out->data, "\r\n")] = '\0';
	return rc;
}

/* The coordinator learns its key when this worker registers. */
static int32_t
open_push(struct node *node, char url[128], char key[PUSH_KEY_SIZE], struct b3iq_error *err)
{
	const struct config_worker *w = &node->config->worker;
	int32_t rc;

	url[0] = key[0] = '\0';
	if (!w->push)
		return B3IQ_OK;
	random_id(key, PUSH_KEY_SIZE, "push_", 32);
	rc = push_open(w->push_address, w->push_port, key, &node->push, err);
	if (rc == B3IQ_OK)
		push_url(node->push, url, 128);
	return rc;
}

static int32_t
start(struct node *node, const char *url, const char *key, const char *payout,
      struct b3iq_error *err)
{
	const struct config_worker *w = &node->config->worker;
	char push_at[128], push_key[PUSH_KEY_SIZE], trimmed[1024];
	int32_t rc = open_push(node, push_at, push_key, err);
	int n = snprintf(trimmed, sizeof trimmed, "%s", url);

	if (rc == B3IQ_OK && n >= (int)sizeof trimmed)
		rc = fail(err, B3IQ_E_INVALID, "the coordinator's URL is too long");
	if (rc != B3IQ_OK)
		return rc;
	while (n > 0 && trimmed[n - 1] == '/')
		trimmed[--n] = '\0';
	rc = miner_start(&(struct miner_options){
		.url = trimmed, .key = key, .miner_id = w->name, .region = w->region,
		.address = payout ? payout : w->address, .push_url = push_at, .push_key = push_key,
		.concurrency = w->concurrency, .store = node->store,
		.identity = node->identity.key,
		.host = { .ctx = node, .models = offered, .work = work } }, &node->miner, err);
	secret_wipe(push_key, sizeof push_key);
	if (rc == B3IQ_OK && node->push)
		push_set_miner(node->push, node->miner);
	return rc;
}

int32_t
work_start(struct node *node, const char *coordinator, const char *key, const char *payout,
           struct b3iq_error *err)
{
	const char *url = coordinator ? coordinator : node->config->worker.coordinator;
	struct buf own;
	int32_t rc = B3IQ_OK;

	if (!*url)
		return B3IQ_OK;
	buf_init(&own, KEY_MAX);
	if (!key)
		rc = read_key(node, &own, err);
	if (!key)
		key = own.len ? own.data : "";
	if (rc == B3IQ_OK && (!*key || strlen(key) >= KEY_MAX || key[strcspn(key, "\r\n")]))
		rc = fail(err, B3IQ_E_INVALID, "the coordinator's API key is empty or no key");
	if (rc == B3IQ_OK)
		rc = start(node, url, key, payout, err);
	buf_wipe(&own);
	return rc;
}

void
work_stop(struct node *node)
{
	if (node->push)
		push_set_miner(node->push, NULL);
	miner_stop(node->miner, node->config ? node->config->drain_s * 1000 : 0);
	node->miner = NULL;
	push_close(node->push);
	node->push = NULL;
}

/* ---- what is to be seen -------------------------------------------------- */

struct json_object *
work_status(struct node *node)
{
	struct json_object *o = json_object_new_object();
	struct miner_status s = { .registered = false };

	if (node->miner)
		miner_status(node->miner, &s);
	if (o && json_put_bool(o, "configured", node->miner != NULL) == B3IQ_OK &&
	    json_put_bool(o, "registered", s.registered) == B3IQ_OK &&
	    json_put_bool(o, "verified", s.verified) == B3IQ_OK &&
	    json_put_string(o, "id", s.miner_id) == B3IQ_OK &&
	    json_put_int(o, "inflight", s.inflight) == B3IQ_OK &&
	    json_put_int(o, "completed", (int64_t)s.completed) == B3IQ_OK &&
	    json_put_int(o, "failed", (int64_t)s.failed) == B3IQ_OK &&
	    json_put_int(o, "lost", (int64_t)s.lost) == B3IQ_OK &&
	    json_put_int(o, "refused", (int64_t)s.refused) == B3IQ_OK &&
	    json_put_string(o, "error", s.trouble) == B3IQ_OK)
		return o;
	json_object_put(o);
	return NULL;
}

int32_t
work_metrics(struct node *node, struct buf *out)
{
	struct miner_status s;

	if (!node->miner)
		return B3IQ_OK;
	miner_status(node->miner, &s);
	prometheus_single(out, "b3iq_worker_registered", "gauge",
	                  "Does the coordinator know this worker?", s.registered);
	prometheus_single(out, "b3iq_worker_inflight", "gauge", "Leased jobs in hand.", s.inflight);
	prometheus_head(out, "b3iq_worker_jobs_total", "counter", "Leased jobs by their end.");
	buf_printf(out, "b3iq_worker_jobs_total{end=\"completed\"} %llu\n",
	           (unsigned long long)s.completed);
	buf_printf(out, "b3iq_worker_jobs_total{end=\"failed\"} %llu\n",
	           (unsigned long long)s.failed);
	return buf_printf(out, "b3iq_worker_jobs_total{end=\"lost\"} %llu\n",
	                  (unsigned long long)s.lost);
}
