/** The REST protocol: HTTP in, calls to the services, JSON or raw content out. */
@NullMarked
package dev.conflux.protocol.http;

import org.jspecify.annotations.NullMarked;
