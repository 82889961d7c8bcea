#include "coordinator/jobs/job.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "core/base/random.h"

static const struct {
	const char *phase, *state, *status;
} phases[JOB_PHASES_N] = {
#define ROW(name, phase, state, status) { phase, state, status },
	JOB_PHASES(ROW)
#undef ROW
};

static const char *const pays[JOB_PAYS_N] = {
#define ROW(name, text) text,
	JOB_PAYS(ROW)
#undef ROW
};

const char *
job_phase_name(enum job_phase p)
{
	return phases[p].phase;
}

const char *
job_state(enum job_phase p)
{
	return phases[p].state;
}

const char *
job_status(enum job_phase p)
{
	return phases[p].status;
}

const char *
job_pay_name(enum job_pay p)
{
	return pays[p];
}

bool
job_phase_read(const char *text, enum job_phase *out)
{
	for (int i = JOB_QUEUED; i < JOB_PHASES_N; i++) {
		if (strcasecmp(text, phases[i].phase) != 0 && strcasecmp(text, phases[i].state) != 0 &&
		    strcasecmp(text, phases[i].status) != 0)
			continue;
		*out = (enum job_phase)i;
		return true;
	}
	return false;
}

void
job_new_id(uint64_t now_ms, char out[JOB_ID_SIZE])
{
	char tail[21];

	random_id(tail, sizeof tail, "", 10);
	snprintf(out, JOB_ID_SIZE, "job_%012llx%s", (unsigned long long)(now_ms & 0xffffffffffff),
	         tail);
}
