package dev.conflux.protocol.http;

import dev.conflux.core.model.Labels;
import dev.conflux.core.service.Limits;
import io.vertx.core.MultiMap;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;

/** {@code X-Client-Label-<Key>} headers. */
final class ClientLabels {

    private ClientLabels() {}

    static Labels of(MultiMap headers) {
        Map<String, String> found = null;
        for (Map.Entry<String, String> header : headers) {
            String name = header.getKey();
            if (isLabel(name)) {
                if (found == null) {
                    found = new HashMap<>();
                }
                String key = name.substring(Request.LABEL_HEADER.length()).toLowerCase(Locale.ROOT);
                if (found.put(key, header.getValue()) != null) {
                    throw Request.refusal(name, "given twice", "each label once");
                }
            }
        }
        return found == null ? Labels.NONE : Labels.of(Limits.labels("X-Client-Label", found));
    }

    /** Most headers fail at the first or third character. */
    private static boolean isLabel(String name) {
        return name.length() > Request.LABEL_HEADER.length()
                && (name.charAt(0) | 0x20) == 'x'
                && (name.charAt(2) | 0x20) == 'c'
                && name.regionMatches(true, 0, Request.LABEL_HEADER, 0, Request.LABEL_HEADER.length());
    }
}
