// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0
// libpng for Swift, by its simplified interface: no setjmp crosses into Swift.
#ifndef GATEWAY_CPNG_SHIM_H
#define GATEWAY_CPNG_SHIM_H

#include <png.h>

#endif
