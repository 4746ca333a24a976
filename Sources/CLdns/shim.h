#pragma once
// Messages alone: ldns.h would bring OpenSSL's headers along. The order is what these need of each other.
#include <ldns/buffer.h>
#include <ldns/rbtree.h>

#include <ldns/packet.h>
#include <ldns/rr.h>

#include <ldns/host2wire.h>
#include <ldns/wire2host.h>

// Of host2str.h, which wants keys as well.
char *ldns_rdf2str(const ldns_rdf *data);
