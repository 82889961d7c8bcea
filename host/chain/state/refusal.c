#include "chain/state/refusal.h"

static const struct {
	const char *word;
	int         status;
} table[] = {
#define REFUSAL_ROW(name, code, word, status) [code] = { word, status },
	REFUSALS(REFUSAL_ROW)
#undef REFUSAL_ROW
};

const char *
refusal_word(enum refusal why)
{
	return table[why].word;
}

int
refusal_status(enum refusal why)
{
	return table[why].status;
}
