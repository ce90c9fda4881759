package dev.conflux.protocol.http;

import dev.conflux.core.model.Encryption;
import dev.conflux.core.model.Format;
import dev.conflux.core.model.Text;
import dev.conflux.core.service.ContentFormats;
import dev.conflux.core.service.NewContent;
import java.nio.charset.StandardCharsets;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Content inside JSON: {@code content} or {@code content_base64}, with what belongs to it. */
final class ContentEnvelope {

    static final String MEDIA_TYPE = "application/vnd.conflux.v1+json";

    private ContentEnvelope() {}

    static NewContent read(JsonBody body, String description, @Nullable String schema) {
        return new NewContent(content(body), format(body), description, schema, encryption(body));
    }

    private static byte[] content(JsonBody body) {
        String text = body.optionalString("content");
        byte[] bytes = body.optionalBase64("content_base64");
        if ((text == null) == (bytes == null)) {
            throw body.refusal("content", text == null ? "missing" : "given twice", "either content or content_base64");
        }
        if (text == null) {
            return Objects.requireNonNull(bytes);
        }
        if (!StandardCharsets.UTF_8.newEncoder().canEncode(text)) {
            throw body.refusal("content", "half a surrogate pair", "well-formed Unicode, or content_base64");
        }
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static @Nullable Format format(JsonBody body) {
        String name = body.optionalString("format");
        return name == null
                ? null
                : ContentFormats.named(name)
                        .orElseThrow(
                                () -> body.refusal("format", Text.excerpt(name), "one of " + ContentFormats.names()));
    }

    /** What the publisher's SDK did; this server passes it on and cannot decrypt. */
    private static @Nullable Encryption encryption(JsonBody body) {
        JsonBody envelope = body.optionalObject("encryption");
        if (envelope == null) {
            return null;
        }
        if (envelope.has("enabled")) {
            throw envelope.refusal(
                    "enabled",
                    "not available yet",
                    "content encrypted by the publisher: algorithm, wrapped_dek, kek_id, nonce");
        }
        var encryption = new Encryption(
                headerSafe(envelope, "algorithm"),
                bytes(envelope, "wrapped_dek"),
                headerSafe(envelope, "kek_id"),
                bytes(envelope, "nonce"));
        envelope.end();
        return encryption;
    }

    private static byte[] bytes(JsonBody body, String name) {
        byte[] value = body.optionalBase64(name);
        if (value == null || value.length == 0 || value.length > 4096) {
            throw body.refusal(name, value == null ? "missing" : value.length + " bytes", "1 to 4096 bytes in base64");
        }
        return value;
    }

    /** It is repeated in a response header. */
    private static String headerSafe(JsonBody body, String name) {
        String value = body.string(name);
        boolean safe = !value.isEmpty() && value.length() <= 256;
        for (int i = 0; safe && i < value.length(); i++) {
            safe = value.charAt(i) > ' ' && value.charAt(i) <= '~';
        }
        if (!safe) {
            throw body.refusal(name, Text.excerpt(value), "1 to 256 visible ASCII characters");
        }
        return value;
    }
}
