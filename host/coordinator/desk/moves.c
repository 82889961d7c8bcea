/* The steps of a job's life, as they are made inside a transaction. */
#include <stdio.h>
#include <string.h>

#include "coordinator/desk/room.h"
#include "core/base/clock.h"
#include "core/base/encode.h"
#include "core/base/random.h"
#include "core/crypto/secret.h"

#define ALL_ATTEMPTS 16 /* times desk_options.attempts: also those that are nobody's fault */

void
move_release(struct job *j, uint64_t now_ms)
{
	j->phase = JOB_QUEUED;
	j->queued_ms = now_ms;
	j->lease[0] = j->worker[0] = '\0';
	j->lease_ms = j->leased_ms = j->started_ms = 0;
}

int32_t
move_end(struct desk *d, struct store_tx *tx, struct job *j, enum job_phase phase, const char *code,
         struct b3iq_error *err)
{
	j->phase = phase;
	j->ended_ms = clock_wall_ms();
	j->lease_ms = 0;
	snprintf(j->error, sizeof j->error, "%s", code);
	return payments_refund(tx, d->o.payments, j, err);
}

int32_t
move_back(struct desk *d, struct store_tx *tx, struct job *j, bool fault, bool final,
          const char *code, struct b3iq_error *err)
{
	const uint64_t now = clock_wall_ms();

	j->faults += fault;
	if (final || j->faults >= d->o.attempts || j->attempt >= ALL_ATTEMPTS * d->o.attempts)
		return move_end(d, tx, j, JOB_FAILED, code, err);
	if (j->expires_ms <= now)
		return move_end(d, tx, j, JOB_EXPIRED, "expired", err);
	move_release(j, now);
	return B3IQ_OK;
}

void
move_lease_id(const struct desk *d, const char *job, uint32_t attempt, const char *worker,
              char out[JOB_LEASE_SIZE])
{
	char text[JOB_ID_SIZE + JOB_OWNER_SIZE + 16];
	uint8_t mac[32];
	const int n = snprintf(text, sizeof text, "%s/%u/%s", job, attempt, worker);

	memset(mac, 0, sizeof mac);
	memcpy(out, "lease_", 6);
	if (secret_hmac(d->lease_secret, sizeof d->lease_secret, text, (size_t)n, mac) != B3IQ_OK)
		random_bytes(mac, sizeof mac);
	hex_encode(mac, 16, out + 6);
}

/* Did this worker ever have this lease of this job? */
static bool
was_its(const struct desk *d, const struct job *j, const char *worker, const char *lease)
{
	char made[JOB_LEASE_SIZE];

	for (uint32_t i = j->attempt; lease && i > 0; i--) {
		move_lease_id(d, j->id, i, worker, made);
		if (strlen(lease) == strlen(made) && secret_equal(made, lease, strlen(made)))
			return true;
	}
	return false;
}

int32_t
move_check_lease(const struct desk *d, const struct job *j, const char *worker, const char *lease,
                 struct why *why)
{
	const bool its = strcmp(j->worker, worker) == 0;

	if (its && job_held(j) && (!lease || strcmp(j->lease, lease) == 0))
		return B3IQ_OK;
	if (!its && !was_its(d, j, worker, lease))
		return why_say(why, B3IQ_E_NOT_FOUND, "job_not_found", "job not found");
	if (job_ended(j))
		return why_say(why, B3IQ_E_INVALID, "job_finished", "the job is %s already",
		               job_status(j->phase));
	return why_say(why, B3IQ_E_INVALID, "lease_lost",
	               "the lease is over; stop work on this job");
}
