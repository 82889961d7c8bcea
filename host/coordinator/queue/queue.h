/* queue.h - the jobs that wait, and which one a worker gets.
 *
 * Jobs that ask the same (model, terms, paid or not) wait in one line.  A worker gets the first job
 * of that line, among those that fit it, whose first job is due earliest.  Due is start-time fair
 * queueing over clients: a job's tag is one more than that of its client's job before, but never
 * behind what is being served now.  So each client is served in turn, however many jobs another one
 * has sent, and a job that comes back from a lost lease keeps its tag, that is its place.
 *
 * O(log n) in the jobs; linear in the lines that are not empty, of which there are at most
 * QUEUE_LINES.  Not locked: the desk's lock guards it.
 */
#ifndef COORDINATOR_QUEUE_QUEUE_H
#define COORDINATOR_QUEUE_QUEUE_H

#include "coordinator/jobs/terms.h"
#include "coordinator/queue/board.h"

#define QUEUE_LINES 1024

struct queue_line {
	char              model[JOB_MODEL_SIZE], text[JOB_TERMS_SIZE];
	struct terms      terms;
	bool              paid;
	struct heap       jobs;
	struct queue_line *chain;           /* of the hash table   */
	struct queue_line *prev, *next;     /* those with jobs     */
};

struct queue_client {
	char                 id[JOB_OWNER_SIZE];
	uint64_t             tag;           /* of its last job     */
	size_t               waiting;
	struct queue_client *chain;
};

#define QUEUE_BUCKETS 4096

struct queue { /* zero it to start */
	struct queue_line   *lines[QUEUE_LINES], *first;
	struct queue_client *clients[QUEUE_BUCKETS];
	size_t               n_lines, n;
	uint64_t             now, ties;     /* tag being served; arrivals */
};

void queue_finish(struct queue *);
/* B3IQ_E_BUSY: too many lines; B3IQ_E_NO_MEMORY.  A job that has been in keeps its place. */
int32_t queue_add(struct queue *, struct live *, struct b3iq_error *err);
/* Fine if it does not wait. */
void    queue_remove(struct queue *, struct live *);
/* The job for a worker with these skills, taken out; NULL: none fits. */
struct live *queue_take(struct queue *, const struct skills *, uint32_t quality, bool payable);
/* Would a worker take this waiting job? */
bool    queue_fits(const struct live *, const struct skills *, uint32_t quality, bool payable);
/* How many a client has waiting. */
size_t  queue_waiting(const struct queue *, const char *client);

#endif
