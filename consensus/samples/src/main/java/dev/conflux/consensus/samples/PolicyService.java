package dev.conflux.consensus.samples;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;

/**
 * Rules of a code scanner, each with a version that counts from 1.
 *
 * <pre>
 * put RULE TEXT             → ok VERSION
 * cas RULE VERSION TEXT     → ok VERSION | conflict VERSION     version 0 = there is none yet
 * query: get RULE           → VERSION TEXT                      0 - when there is none
 * </pre>
 */
final class PolicyService extends MemoryMachine {

    private static final Rule NONE = new Rule(0, "-");

    private final Map<String, Rule> rules = new TreeMap<>();

    private record Rule(long version, String text) {}

    @Override
    Map<String, Integer> commands() {
        return Map.of("put", 2, "cas", 3);
    }

    @Override
    Map<String, Integer> queries() {
        return Map.of("get", 1);
    }

    @Override
    String execute(String request, List<String> words) {
        long version = rules.getOrDefault(words.get(1), NONE).version();
        boolean conditional = words.getFirst().equals("cas");
        if (conditional && !words.get(2).equals(Long.toString(version))) {
            return "conflict " + version;
        }
        rules.put(words.get(1), new Rule(version + 1, words.getLast()));
        changed(words.get(1), words.getLast());
        return "ok " + (version + 1);
    }

    @Override
    String answer(List<String> words) {
        Rule rule = rules.getOrDefault(words.get(1), NONE);
        return rule.version() + " " + rule.text();
    }

    @Override
    void save(Consumer<String> lines) {
        rules.forEach((name, rule) -> lines.accept(name + " " + rule.version() + " " + rule.text()));
    }

    @Override
    void clear() {
        rules.clear();
    }

    @Override
    void load(List<String> words) {
        rules.put(words.get(0), new Rule(Long.parseLong(words.get(1)), words.get(2)));
    }
}
