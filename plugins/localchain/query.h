/* query.h - questions that move nothing: ledger-query.json in, one JSON object out. */
#ifndef LOCALCHAIN_QUERY_H
#define LOCALCHAIN_QUERY_H

#include "rpc.h"

int32_t query_answer(struct rpc *, const char *what, struct b3iq_writer *out,
                     struct b3iq_error *err);

#endif
