/** Gates of rollouts over HTTP: Prometheus and webhooks. */
@NullMarked
package dev.conflux.adapter.gates;

import org.jspecify.annotations.NullMarked;
