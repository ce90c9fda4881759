/**
 * Certificates: reading and checking PEM files, the name by which one cluster member knows another, and a throw-away
 * authority for development. No domain, no protocol.
 */
@NullMarked
package dev.conflux.base.tls;

import org.jspecify.annotations.NullMarked;
