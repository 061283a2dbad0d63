// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0
// OpenSSL's libcrypto for Swift: digests and HMAC only.
#ifndef GATEWAY_CLIBCRYPTO_SHIM_H
#define GATEWAY_CLIBCRYPTO_SHIM_H

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#endif
