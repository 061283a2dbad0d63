// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0
// libcurl for Swift. Swift cannot call C variadics: each wrapper fixes one argument type.
#ifndef GATEWAY_CCURL_SHIM_H
#define GATEWAY_CCURL_SHIM_H

#include <curl/curl.h>
#include <malloc.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>

static inline CURLcode gateway_curl_set_long(CURL *_Nonnull handle, CURLoption option, long value) {
    return curl_easy_setopt(handle, option, value);
}

static inline CURLcode gateway_curl_set_offset(CURL *_Nonnull handle, CURLoption option, int64_t value) {
    return curl_easy_setopt(handle, option, (curl_off_t)value);
}

static inline CURLcode gateway_curl_set_string(CURL *_Nonnull handle, CURLoption option, const char *_Nullable value) {
    return curl_easy_setopt(handle, option, value);
}

static inline CURLcode gateway_curl_set_pointer(CURL *_Nonnull handle, CURLoption option, void *_Nullable value) {
    return curl_easy_setopt(handle, option, value);
}

// The read, write and header callbacks share one C signature.
typedef size_t (*gateway_curl_data_function)(char *_Nullable, size_t, size_t, void *_Nullable);

static inline CURLcode gateway_curl_set_data_function(CURL *_Nonnull handle, CURLoption option,
                                                      gateway_curl_data_function _Nonnull value) {
    return curl_easy_setopt(handle, option, value);
}

typedef int (*gateway_curl_seek_function)(void *_Nullable, curl_off_t, int);

static inline CURLcode gateway_curl_set_seek_function(CURL *_Nonnull handle, gateway_curl_seek_function _Nonnull value) {
    return curl_easy_setopt(handle, CURLOPT_SEEKFUNCTION, value);
}

typedef int (*gateway_curl_prereq_function)(void *_Nullable, char *_Nullable, char *_Nullable, int, int);

static inline CURLcode gateway_curl_set_prereq_function(CURL *_Nonnull handle,
                                                        gateway_curl_prereq_function _Nonnull value) {
    return curl_easy_setopt(handle, CURLOPT_PREREQFUNCTION, value);
}

typedef curl_socket_t (*gateway_curl_open_socket_function)(void *_Nullable, curlsocktype,
                                                           struct curl_sockaddr *_Nullable);

static inline CURLcode gateway_curl_set_open_socket_function(CURL *_Nonnull handle,
                                                             gateway_curl_open_socket_function _Nonnull value) {
    return curl_easy_setopt(handle, CURLOPT_OPENSOCKETFUNCTION, value);
}

// Copies the bytes of the IP address that libcurl is about to connect to; 4, 16, or 0 for any other kind of address.
//
// libcurl declares `addr` as the short `struct sockaddr`, but allocates room for any, of which `addrlen` bytes are
// filled. Nothing beyond those is read: each branch first asks that the whole structure of its family fits in them. The
// copies are bytewise from the start of the whole, so neither alignment nor the declared size of `addr` matters. The
// family is taken from the very bytes that connect() gets, and must be the one the socket is made for.
static inline int gateway_curl_address_bytes(const struct curl_sockaddr *_Nonnull address, uint8_t *_Nonnull bytes) {
    const unsigned char *start = (const unsigned char *)address + offsetof(struct curl_sockaddr, addr);
    sa_family_t family;
    if (address->addrlen < offsetof(struct sockaddr, sa_family) + sizeof family) return 0;
    memcpy(&family, start + offsetof(struct sockaddr, sa_family), sizeof family);
    if (family != address->family) return 0;
    if (family == AF_INET && address->addrlen >= sizeof(struct sockaddr_in)) {
        memcpy(bytes, start + offsetof(struct sockaddr_in, sin_addr), 4);
        return 4;
    }
    if (family == AF_INET6 && address->addrlen >= sizeof(struct sockaddr_in6)) {
        memcpy(bytes, start + offsetof(struct sockaddr_in6, sin6_addr), 16);
        return 16;
    }
    return 0;
}

static inline CURLcode gateway_curl_get_private(CURL *_Nonnull handle, void *_Nullable *_Nonnull value) {
    return curl_easy_getinfo(handle, CURLINFO_PRIVATE, value);
}

static inline CURLMcode gateway_multi_set_long(CURLM *_Nonnull multi, CURLMoption option, long value) {
    return curl_multi_setopt(multi, option, value);
}

static inline CURLMcode gateway_multi_set_pointer(CURLM *_Nonnull multi, CURLMoption option, void *_Nullable value) {
    return curl_multi_setopt(multi, option, value);
}

typedef int (*gateway_multi_socket_function)(CURL *_Nullable, curl_socket_t, int, void *_Nullable, void *_Nullable);

static inline CURLMcode gateway_multi_set_socket_function(CURLM *_Nonnull multi,
                                                          gateway_multi_socket_function _Nonnull value) {
    return curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, value);
}

typedef int (*gateway_multi_timer_function)(CURLM *_Nullable, long, void *_Nullable);

static inline CURLMcode gateway_multi_set_timer_function(CURLM *_Nonnull multi,
                                                         gateway_multi_timer_function _Nonnull value) {
    return curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, value);
}

// A union in C: the result of a finished transfer.
static inline CURLcode gateway_message_result(const CURLMsg *_Nonnull message) {
    return message->data.result;
}

// epoll_data is a union in C: only its descriptor is used here.
static inline int gateway_epoll_control(int epoll, int operation, int descriptor, uint32_t events) {
    struct epoll_event event = {.events = events, .data.fd = descriptor};
    return epoll_ctl(epoll, operation, descriptor, &event);
}

static inline int gateway_epoll_descriptor(const struct epoll_event *_Nonnull event) {
    return event->data.fd;
}

// Foundation sets a thread's name only if it wins a race with the thread; threads made by this one inherit it.
static inline void gateway_name_thread(const char *_Nonnull name) {
    prctl(PR_SET_NAME, name);
}

// What was freed stays with the process for the next picture, up to a bound for each of a few arenas: fresh memory costs
// the kernel more than the copy into it.
static inline void gateway_keep_freed_memory(void) {
    mallopt(M_MMAP_THRESHOLD, 8 << 20);
    mallopt(M_TRIM_THRESHOLD, 16 << 20);
    mallopt(M_ARENA_MAX, 4);
}

#endif
