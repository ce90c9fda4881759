package dev.conflux.base.tls;

import java.nio.file.Path;

/**
 * Where a process keeps its key material.
 *
 * @param certificate PEM: its own certificate first, then the intermediates up to, not including, the root
 * @param key PEM: the private key, unencrypted PKCS#8 ({@code BEGIN PRIVATE KEY}), EC or RSA
 * @param authorities PEM: one or more authorities that peers' certificates must descend from
 */
public record TlsFiles(Path certificate, Path key, Path authorities) {}
