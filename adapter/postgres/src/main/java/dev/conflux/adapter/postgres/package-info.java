/** The metadata database on PostgreSQL: the store, its migrations, and a PostgreSQL that a node can bring along. */
@NullMarked
package dev.conflux.adapter.postgres;

import org.jspecify.annotations.NullMarked;
