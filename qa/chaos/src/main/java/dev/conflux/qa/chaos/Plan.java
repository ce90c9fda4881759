package dev.conflux.qa.chaos;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * Everything that is decided before a run begins. A replay follows the plan, never the clock that made it.
 *
 * @param seed decides the clients' choices too
 * @param loadMillis how long clients work
 */
record Plan(String scenario, long seed, long loadMillis, int nodes, int clients, int keys, List<Step> steps) {

    static final String FILE = "plan.json";

    private static final ObjectMapper JSON = new ObjectMapper();

    Plan {
        steps = List.copyOf(steps);
    }

    /**
     * One fault.
     *
     * @param atMillis after the clients began
     * @param node whom: an id, {@code leader}, {@code follower}, or empty when it concerns all
     * @param forMillis until it is healed
     * @param detail see {@link FaultKind}
     */
    record Step(long atMillis, FaultKind kind, String node, long forMillis, String detail) {}

    /** The same with these steps. */
    Plan with(List<Step> others) {
        return new Plan(scenario, seed, loadMillis, nodes, clients, keys, others);
    }

    void write(Path directory) {
        ObjectNode plan = JSON.createObjectNode()
                .put("scenario", scenario)
                .put("seed", seed)
                .put("load_millis", loadMillis)
                .put("nodes", nodes)
                .put("clients", clients)
                .put("keys", keys);
        ArrayNode list = plan.putArray("steps");
        for (Step step : steps) {
            list.addObject()
                    .put("at_millis", step.atMillis())
                    .put("kind", step.kind().text())
                    .put("node", step.node())
                    .put("for_millis", step.forMillis())
                    .put("detail", step.detail());
        }
        try {
            Files.writeString(
                    directory.resolve(FILE),
                    JSON.writerWithDefaultPrettyPrinter().writeValueAsString(plan));
        } catch (IOException e) {
            throw new ChaosException("the plan cannot be written", e);
        }
    }

    static Plan read(Path file) {
        try {
            JsonNode plan = JSON.readTree(Files.readString(file));
            var steps = new ArrayList<Step>();
            for (JsonNode step : plan.path("steps")) {
                steps.add(new Step(
                        step.path("at_millis").asLong(),
                        FaultKind.valueOf(step.path("kind")
                                .asString()
                                .toUpperCase(Locale.ROOT)
                                .replace('-', '_')),
                        step.path("node").asString(),
                        step.path("for_millis").asLong(),
                        step.path("detail").asString()));
            }
            return new Plan(
                    plan.path("scenario").asString(),
                    plan.path("seed").asLong(),
                    plan.path("load_millis").asLong(),
                    plan.path("nodes").asInt(),
                    plan.path("clients").asInt(),
                    plan.path("keys").asInt(),
                    steps);
        } catch (IOException e) {
            throw new ChaosException(file + " is no plan", e);
        }
    }
}
