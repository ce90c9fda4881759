package dev.conflux.protocol.http;

import dev.conflux.core.model.RetentionPolicy;
import dev.conflux.core.model.RetentionPolicy.Strategy;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * {@code retention_policy}: {@code {days, count}}, or {@code {strategy, rules: [{type, keep}]}}, or {@code {keep_all:
 * true}}; null or {@code {}} = the cluster's default. Answers say it in all three ways.
 */
final class RetentionJson {

    private RetentionJson() {}

    /** One rule of the long form. */
    private record Rule(boolean days, int keep) {}

    static RetentionPolicy read(JsonBody body) {
        JsonBody policy = body.optionalObject("retention_policy");
        if (policy == null) {
            return RetentionPolicy.INHERIT;
        }
        Integer days = policy.optionalInt("days");
        Integer count = policy.optionalInt("count");
        String strategy = policy.optionalString("strategy");
        List<Rule> rules = policy.optionalObjects("rules", RetentionJson::rule);
        boolean keepAll = policy.bool("keep_all", false);
        policy.end();
        // What an answer says in several ways may come back: it has to say the same each time.
        for (Rule rule : rules == null ? List.<Rule>of() : rules) {
            Integer before = rule.days() ? days : count;
            if (before != null && before != rule.keep()) {
                throw policy.refusal("rules", (rule.days() ? "days" : "count") + " twice", "one number of each type");
            }
            if (rule.days()) {
                days = rule.keep();
            } else {
                count = rule.keep();
            }
        }
        Strategy joined = strategy(policy, strategy, keepAll);
        if (joined == Strategy.KEEP_ALL && (days != null || count != null)) {
            throw policy.refusal("keep_all", "true with rules", "no rules beside it");
        }
        return new RetentionPolicy(days, count, joined);
    }

    private static Strategy strategy(JsonBody policy, @Nullable String text, boolean keepAll) {
        if (keepAll) {
            return Strategy.KEEP_ALL;
        }
        return switch (text) {
            case null -> Strategy.OR;
            case "OR" -> Strategy.OR;
            case "AND" -> Strategy.AND;
            default -> throw policy.refusal("strategy", text, "OR (any rule keeps) or AND (all rules together keep)");
        };
    }

    private static Rule rule(JsonBody body) {
        String type = body.string("type");
        Integer keep = body.optionalInt("keep");
        if (keep == null) {
            throw body.refusal("keep", "missing", "a number from 1");
        }
        return switch (type) {
            case "days" -> new Rule(true, keep);
            case "count" -> new Rule(false, keep);
            default -> throw body.refusal("type", type, "days or count");
        };
    }

    static ObjectNode write(RetentionPolicy policy) {
        ObjectNode json = Json.object().put("days", policy.days()).put("count", policy.count());
        json.put("strategy", policy.strategy() == Strategy.AND ? "AND" : "OR");
        ArrayNode rules = json.putArray("rules");
        if (policy.count() != null) {
            rules.addObject().put("type", "count").put("keep", policy.count());
        }
        if (policy.days() != null) {
            rules.addObject().put("type", "days").put("keep", policy.days());
        }
        return json.put("keep_all", policy.strategy() == Strategy.KEEP_ALL);
    }
}
