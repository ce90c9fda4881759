package dev.conflux.consensus.jraft;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;

class EnvelopeTest {

    /** On disk since the first version: must be readable for ever. */
    private static final String GOLDEN = "01" + "0000018bcfe56800" + "70757420613d31";

    @Test
    void shouldKeepItsLayout() {
        // when
        ByteBuffer encoded = new Envelope(
                        Envelope.Kind.COMMAND, 1_700_000_000_000L, "put a=1".getBytes(StandardCharsets.UTF_8))
                .encode();

        // then
        byte[] bytes = new byte[encoded.remaining()];
        encoded.get(bytes);
        assertThat(HexFormat.of().formatHex(bytes)).isEqualTo(GOLDEN);
    }

    @Test
    void shouldReadWhatWasWritten() {
        // when
        Envelope envelope = Envelope.decode(ByteBuffer.wrap(HexFormat.of().parseHex(GOLDEN)));

        // then
        assertThat(envelope.proposedAtMillis()).isEqualTo(1_700_000_000_000L);
        assertThat(envelope.command()).asString().isEqualTo("put a=1");
    }

    @Test
    void shouldRefuseAnUnknownVersionAndATruncatedHeader() {
        // then
        assertThatThrownBy(() -> Envelope.decode(ByteBuffer.wrap(HexFormat.of().parseHex("04" + "0000018bcfe56800"))))
                .hasMessage("log entry version: 4 (expected: 1 to 3); written by a newer version?");
        assertThatThrownBy(() -> Envelope.decode(ByteBuffer.wrap(new byte[8])))
                .hasMessageContaining("8 bytes (expected: >= 9)");
    }
}
