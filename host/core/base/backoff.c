#include "core/base/backoff.h"

#include "core/base/random.h"

uint32_t
backoff_next(struct backoff *b)
{
	uint64_t limit = b->first_ms ? b->first_ms : 1;
	uint32_t dice;

	for (uint32_t i = 0; i < b->failures && limit < b->most_ms; i++)
		limit *= 2;
	if (limit > b->most_ms)
		limit = b->most_ms ? b->most_ms : 1;
	if (b->failures < UINT32_MAX)
		b->failures++;
	random_bytes(&dice, sizeof dice);
	return (uint32_t)(1 + dice % limit);
}
