package dev.conflux.protocol.http;

import dev.conflux.core.model.Encryption;
import dev.conflux.core.model.Format;
import dev.conflux.core.service.ContentFormats;
import dev.conflux.core.service.FetchService.Fetched;
import dev.conflux.core.service.Freshness;
import io.vertx.core.http.HttpHeaders;
import java.util.HashMap;
import java.util.Map;

/**
 * The headers of an answer to a fetch, in one place for both who write them: {@link FetchHandler} and
 * {@link FetchShortcut}. One per event loop; called only on it.
 */
final class FetchHeaders {

    /** Where headers go. Values hold no character that could end one. */
    interface Sink {
        void put(CharSequence name, CharSequence value);
    }

    /** What the format's headers say, ready to write. */
    private record FormatHeaders(CharSequence mediaType, CharSequence name) {}

    private static final CharSequence CONFIG_VERSION = HttpHeaders.createOptimized("X-Config-Version");
    private static final CharSequence CONFIG_HASH = HttpHeaders.createOptimized("X-Config-Hash");
    private static final CharSequence CONFIG_FORMAT = HttpHeaders.createOptimized("X-Config-Format");
    private static final CharSequence ENCRYPTED = HttpHeaders.createOptimized("X-Config-Encrypted");
    private static final CharSequence WRAPPED_DEK = HttpHeaders.createOptimized("X-Config-Wrapped-Dek");
    private static final CharSequence KEK_ID = HttpHeaders.createOptimized("X-Config-Kek-Id");
    private static final CharSequence NONCE = HttpHeaders.createOptimized("X-Config-Nonce");

    private final Responder responder;
    private final Map<String, FormatHeaders> formats = new HashMap<>();

    FetchHeaders(Responder responder) {
        this.responder = responder;
    }

    /** What every answer says, also that to a client who has the content already. */
    void state(Sink sink, Fetched fetched, Freshness.Level level, CharSequence traceId) {
        sink.put(Responder.REVISION, responder.revisionText(fetched.revision()));
        sink.put(Responder.STALENESS, responder.stalenessText());
        sink.put(Responder.LEVEL, Responder.levelText(level));
        sink.put(Responder.TRACE_ID, traceId);
        sink.put(HttpHeaders.ETAG, fetched.etag());
        sink.put(CONFIG_VERSION, fetched.versionText());
        sink.put(CONFIG_HASH, fetched.hashHeader());
    }

    /** What an answer with content says of it, but for its length. */
    void content(Sink sink, Fetched fetched) {
        FormatHeaders format = format(fetched.format());
        sink.put(HttpHeaders.CONTENT_TYPE, format.mediaType);
        sink.put(CONFIG_FORMAT, format.name);
        Encryption encryption = fetched.encryption();
        if (encryption != null) {
            sink.put(ENCRYPTED, encryption.algorithm());
            sink.put(WRAPPED_DEK, Wire.base64(encryption.wrappedDek()));
            sink.put(KEK_ID, encryption.kekId());
            sink.put(NONCE, Wire.base64(encryption.nonce()));
        }
    }

    private FormatHeaders format(Format format) {
        FormatHeaders known = formats.get(format.name());
        if (known == null) {
            known = new FormatHeaders(
                    HttpHeaders.createOptimized(ContentFormats.mediaType(format)),
                    HttpHeaders.createOptimized(format.name()));
            formats.put(format.name(), known);
        }
        return known;
    }
}
