#include "node/openai/listing.h"

#include "core/base/encode.h"
#include "core/base/fail.h"
#include "core/base/json.h"
#include "node/context.h"
#include "node/keys.h"
#include "node/openai/errors.h"

/* What OpenAI does not know of a model: where it runs, and how it can be checked. */
static struct json_object *
own_part(const struct model *m)
{
	struct json_object *o = json_object_new_object();
	char root[2 * sizeof m->root + 1];

	if (!o)
		return NULL;
	hex_encode(m->root, sizeof m->root, root);
	if (json_put_string(o, "instance", m->instance) == B3IQ_OK &&
	    json_put_string(o, "engine", m->engine) == B3IQ_OK &&
	    json_put_string(o, "profile", m->profile) == B3IQ_OK &&
	    json_put_int(o, "context", (int64_t)m->context) == B3IQ_OK &&
	    json_put_bool(o, "resident", m->resident) == B3IQ_OK &&
	    json_put_bool(o, "builtin", m->builtin) == B3IQ_OK &&
	    (!m->size || json_put_int(o, "size", (int64_t)m->size) == B3IQ_OK) &&
	    (!m->architecture[0] ||
	     json_put_string(o, "architecture", m->architecture) == B3IQ_OK) &&
	    (!m->quantisation[0] ||
	     json_put_string(o, "quantisation", m->quantisation) == B3IQ_OK) &&
	    (!m->has_root || json_put_string(o, "root", root) == B3IQ_OK))
		return o;
	json_object_put(o);
	return NULL;
}

static struct json_object *
model_object(const struct node *node, const struct model *m)
{
	struct json_object *o = json_object_new_object();

	if (o && json_put_string(o, "id", m->name) == B3IQ_OK &&
	    json_put_string(o, "object", "model") == B3IQ_OK &&
	    json_put_int(o, "created", (int64_t)(node->start_ms / 1000)) == B3IQ_OK &&
	    json_put_string(o, "owned_by", m->instance) == B3IQ_OK &&
	    json_put(o, "b3iq", own_part(m)) == B3IQ_OK)
		return o;
	json_object_put(o);
	return NULL;
}

struct walk {
	const struct node      *node;
	const struct principal *principal;
	struct json_object     *list;
};

static int32_t
add_model(void *arg, const struct model *m)
{
	const struct walk *w = arg;
	struct json_object *o;

	if (!keyring_model_allowed(w->principal->models, m->name))
		return B3IQ_OK;
	o = model_object(w->node, m);
	if (o && json_object_array_add(w->list, o) == 0)
		return B3IQ_OK;
	json_object_put(o);
	return B3IQ_E_NO_MEMORY;
}

void
listing_all(struct http_request *rq, struct http_response *rs)
{
	struct node *node = rq->context;
	struct walk walk = { node, rq->principal, json_object_new_array() };
	struct json_object *doc = json_object_new_object();
	struct b3iq_error err = NO_ERROR;

	if (walk.list && doc && json_put_string(doc, "object", "list") == B3IQ_OK &&
	    models_list(node->models, add_model, &walk, &err) == B3IQ_OK &&
	    json_put(doc, "data", json_object_get(walk.list)) == B3IQ_OK) {
		response_json(rs, 200, doc);
	} else {
		json_object_put(doc);
		response_json(rs, 500, NULL);
	}
	json_object_put(walk.list);
}

void
listing_one(struct http_request *rq, struct http_response *rs)
{
	struct node *node = rq->context;
	const struct principal *principal = rq->principal;
	const char *id = request_param(rq, "id");
	char otherwise[MODELS_ID_SIZE];
	struct b3iq_error err = NO_ERROR;
	struct instance *instance;
	struct wrong wrong = { 0 };
	struct model model;
	int32_t rc;

	node_default_model(node, otherwise);
	rc = models_find(node->models, id, otherwise, &model, &instance, &err);
	if (rc == B3IQ_OK && !keyring_model_allowed(principal->models, model.name))
		rc = fail(&err, B3IQ_E_NOT_FOUND,
		          "the model \"%.100s\" does not exist; GET /v1/models "
		          "lists those that do",
		          id);
	instance_release(instance);
	if (rc == B3IQ_OK) {
		response_json(rs, 200, model_object(node, &model));
		return;
	}
	errors_from(&wrong, rc, &err, NULL);
	errors_answer(&wrong, rs);
}
