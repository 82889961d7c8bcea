/* device.h - the processor as devices.json says it. */
#ifndef B3IQ_CPU_DEVICE_H
#define B3IQ_CPU_DEVICE_H

#include "cpu/kernels.h"

int32_t device_write(const struct kernels *, struct b3iq_writer *, struct b3iq_error *);

#endif
