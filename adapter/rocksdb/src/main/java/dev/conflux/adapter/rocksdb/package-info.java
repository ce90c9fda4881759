/** {@link dev.conflux.core.state.StateStore} on RocksDB. */
@NullMarked
package dev.conflux.adapter.rocksdb;

import org.jspecify.annotations.NullMarked;
