package dev.conflux.protocol.http;

import dev.conflux.core.model.Labels;
import dev.conflux.core.service.Limits;
import io.netty.util.AsciiString;
import io.vertx.core.MultiMap;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** {@code X-Client-Label-<Key>} headers. */
final class ClientLabels {

    private ClientLabels() {}

    static Labels of(MultiMap headers) {
        var found = new ArrayList<CharSequence>();
        for (Map.Entry<String, String> header : headers) {
            if (isLabel(header.getKey())) {
                found.add(header.getKey());
                found.add(header.getValue());
            }
        }
        return of(found);
    }

    /** @param headers name, value, name, value, …: only such with {@link #isLabel} */
    static Labels of(List<CharSequence> headers) {
        if (headers.isEmpty()) {
            return Labels.NONE;
        }
        var found = new HashMap<String, String>();
        for (int i = 0; i < headers.size(); i += 2) {
            String name = headers.get(i).toString();
            String key = name.substring(Request.LABEL_HEADER.length()).toLowerCase(Locale.ROOT);
            if (found.put(key, headers.get(i + 1).toString()) != null) {
                throw Request.refusal(name, "given twice", "each label once");
            }
        }
        return Labels.of(Limits.labels("X-Client-Label", found));
    }

    /** Most headers fail at the first or third character. */
    static boolean isLabel(CharSequence name) {
        int length = Request.LABEL_HEADER.length();
        return name.length() > length
                && (name.charAt(0) | 0x20) == 'x'
                && (name.charAt(2) | 0x20) == 'c'
                && AsciiString.regionMatches(name, true, 0, Request.LABEL_HEADER, 0, length);
    }
}
