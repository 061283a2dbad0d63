// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0
// libwebp for Swift, and libwebpmux for what stands beside the pixels.
#ifndef GATEWAY_CWEBP_SHIM_H
#define GATEWAY_CWEBP_SHIM_H

#include <webp/decode.h>
#include <webp/encode.h>
#include <webp/mux.h>

#endif
