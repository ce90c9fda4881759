package dev.conflux.core.state;

import static org.assertj.core.api.Assertions.assertThat;

import dev.conflux.core.model.ConfigVersion;
import dev.conflux.core.model.Format;
import org.junit.jupiter.api.Test;

class ContentCacheTest {

    @Test
    void shouldForgetWhatIsDroppedAlsoBelowItsBound() {
        var cache = new ContentCache(1 << 20);
        for (int i = 0; i < 1000; i++) {
            ServedVersionRecord version = version(i);
            cache.keep(version, new byte[10]);
            cache.drop(version);
        }
        assertThat(cache.size()).isZero();
        assertThat(cache.bytes()).isZero();
    }

    @Test
    void shouldEvictTheOldestThatNobodyRead() {
        var cache = new ContentCache(300);
        ServedVersionRecord read = version(1);
        ServedVersionRecord idle = version(2);
        ServedVersionRecord fresh = version(3);
        cache.keep(read, new byte[50]);
        cache.keep(idle, new byte[50]);
        assertThat(read.cachedContent()).hasSize(50);
        cache.keep(fresh, new byte[50]);
        assertThat(read.peekContent()).isNotNull();
        assertThat(idle.peekContent()).isNull();
        assertThat(fresh.peekContent()).isNotNull();
        assertThat(cache.bytes()).isLessThanOrEqualTo(300);
        cache.keep(idle, new byte[500]);
        assertThat(idle.peekContent()).isNull();
    }

    private static ServedVersionRecord version(long id) {
        return new ServedVersionRecord(
                new ConfigVersion(1, id, "ab".repeat(32), 1, Format.TEXT, null, null, "", "ann", 0));
    }
}
