// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0
// libjpeg-turbo for Swift, by its TurboJPEG interface.
#ifndef GATEWAY_CTURBOJPEG_SHIM_H
#define GATEWAY_CTURBOJPEG_SHIM_H

#include <turbojpeg.h>

#endif
