/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses: HOST:PORT as people write it, and listening on it. */
#include "oc_rpc.h"

#include <arpa/inet.h>
#include <errno.h>
#include <grpc/grpc_security.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static bool parse_port(const char *text, int *port)
{
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 5 || text[digits] != '\0' || atoi(text) > 65535)
        return false;
    *port = atoi(text);
    return true;
}

/* What a name of a host is made of; anything else would mean something to gRPC's URIs. */
static bool is_host_name(const char *text)
{
    return *text && strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 "0123456789.-_") == strlen(text);
}

oc_status oc_rpc_address_parse(const char *text, oc_rpc_address *address)
{
    oc_rpc_address found = {0};
    struct in6_addr numeric;
    const char *colon = strrchr(text, ':'), *host = text;
    size_t length = colon ? (size_t)(colon - text) : 0;
    bool has_brackets = length >= 2 && text[0] == '[' && text[length - 1] == ']';
    if (has_brackets) {
        host++;
        length -= 2;
    }
    if (!colon || length >= sizeof(found.host) || !parse_port(colon + 1, &found.port))
        return oc_fail(OC_E_ARG, "address \"%.300s\": expected HOST:PORT, the port 0 to 65535",
                       text);
    memcpy(found.host, host, length);
    found.is_v6 = has_brackets && inet_pton(AF_INET6, found.host, &numeric) == 1;
    found.is_v4 = !has_brackets && inet_pton(AF_INET, found.host, &numeric) == 1;
    if (!found.is_v6 && (has_brackets || !is_host_name(found.host)))
        return oc_fail(OC_E_ARG,
                       "address \"%s\": expected a host name, an IPv4 or an [IPv6] address", text);
    *address = found;
    return OC_OK;
}

char *oc_rpc_address_target(const oc_rpc_address *address, char text[OC_RPC_TARGET_TEXT])
{
    const char *scheme = address->is_v6 ? "ipv6:[" : address->is_v4 ? "ipv4:" : "dns:///";
    snprintf(text, OC_RPC_TARGET_TEXT, "%s%s%s:%d", scheme, address->host,
             address->is_v6 ? "]" : "", address->port);
    return text;
}

/* gRPC says only that it could not listen; a socket of our own says why. 0: it could. */
static int why_not_bound(const struct addrinfo *info)
{
    int fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int one = 1, error = 0;
    if (fd < 0)
        return errno;
    /* As gRPC does: else a port that was closed a moment ago counts as taken. */
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (bind(fd, info->ai_addr, info->ai_addrlen) != 0 || listen(fd, 1) != 0)
        error = errno;
    close(fd);
    return error;
}

/* One numeric address. `*port` is asked for and found. `*error`: the errno where it failed. */
static oc_status listen_one(grpc_server *server, const struct addrinfo *info, int *port, int *error)
{
    char host[OC_RPC_HOST_TEXT], text[OC_RPC_TARGET_TEXT];
    int found =
        getnameinfo(info->ai_addr, info->ai_addrlen, host, sizeof(host), NULL, 0, NI_NUMERICHOST);
    if (found != 0)
        return oc_fail(OC_E_IO, "address: %s", gai_strerror(found));
    snprintf(text, sizeof(text), info->ai_family == AF_INET6 ? "[%s]:%d" : "%s:%d", host, *port);
    grpc_server_credentials *open = grpc_insecure_server_credentials_create();
    int bound = grpc_server_add_http2_port(server, text, open);
    grpc_server_credentials_release(open);
    if (bound > 0) {
        *port = bound;
        return OC_OK;
    }
    *error = why_not_bound(info);
    if (*error == EADDRINUSE)
        return oc_fail(OC_E_BUSY, "%s: the port is taken by another program", text);
    return oc_fail(OC_E_IO, "%s: cannot listen: %s", text,
                   *error ? strerror(*error) : "gRPC gave no reason");
}

/* A name may stand for an address that this machine lacks (localhost for ::1): others may do. */
static oc_status listen_all(grpc_server *server, struct addrinfo *list, int *port)
{
    oc_status status = OC_E_IO;
    bool is_any = false;
    for (struct addrinfo *info = list; info; info = info->ai_next) {
        int error = 0;
        struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)info->ai_addr;
        struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)info->ai_addr;
        if (info->ai_family == AF_INET6)
            v6->sin6_port = htons((uint16_t)*port);
        else
            v4->sin_port = htons((uint16_t)*port);
        status = listen_one(server, info, port, &error);
        is_any = is_any || status == OC_OK;
        if (status != OC_OK && error != EADDRNOTAVAIL && error != EAFNOSUPPORT)
            return status;
    }
    return is_any ? OC_OK : status;
}

oc_status oc_rpc_listen(grpc_server *server, const oc_rpc_address *address, int *port)
{
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    int bound = address->port;
    int error = getaddrinfo(address->host, NULL, &hints, &list);
    if (error != 0)
        return oc_fail(OC_E_IO, "%s: %s", address->host, gai_strerror(error));
    oc_status status = listen_all(server, list, &bound);
    freeaddrinfo(list);
    if (status == OC_OK)
        *port = bound;
    return status;
}
